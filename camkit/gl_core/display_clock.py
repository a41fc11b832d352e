"""Which source tells the time of a window's display: the best is taken, and each of the others says why it was not."""

from camkit.gl_core._display_clock import DisplayClock
from camkit.gl_core.context import WindowContext


def find_clock(window: WindowContext, vsync: bool) -> tuple[DisplayClock, dict[str, str]]:
    """Try the sources of the display's time, best first, in the thread where the window's context is current.

    Parameters
    ----------
    window : WindowContext
    vsync : bool
        Its swaps wait for the screen.

    Returns
    -------
    (DisplayClock, dict of str to str)
        The clock that is taken, and of each source its verdict.
    """
    return DisplayClock(), {}
