"""Which source tells the time of a window's display: the best is taken, and each of the others says why it was not."""

from collections.abc import Callable

from camkit.errors import GLError
from camkit.gl_core._display_clock import DisplayClock
from camkit.gl_core.context import WindowContext

NEXT_TO_NONE = "pictures count as shown when the call that shows them returns, and the next vblank is not known"


def _wayland(window: WindowContext) -> DisplayClock:
    if window.wayland is None:
        raise GLError("the window is not one of Wayland")
    from camkit.gl_core._wayland_clock import WaylandClock

    return WaylandClock(*window.wayland)


# Best first: what is said of each picture itself, and by hardware, before what is only known of the screen, before what
# the time that a call takes lets one guess.
SOURCES: dict[str, Callable[[WindowContext], DisplayClock]] = {
    "wp_presentation": _wayland,
}


def find_clock(window: WindowContext) -> tuple[DisplayClock, dict[str, str]]:
    """Try the sources of the display's time, best first, in the thread where the window's context is current.

    Parameters
    ----------
    window : WindowContext

    Returns
    -------
    (DisplayClock, dict of str to str)
        The clock that is taken, and of each source its verdict.
    """
    taken: DisplayClock | None = None
    verdicts = {}
    for name, make in SOURCES.items():
        if taken is not None:
            verdicts[name] = f"not needed: {taken.name} is better"
            continue
        try:
            taken = make(window)
            verdicts[name] = "taken"
        except GLError as error:
            verdicts[name] = f"refused: {error}"
    if taken is None:
        verdicts["none"] = f"taken: {NEXT_TO_NONE}"
    return taken or DisplayClock(), verdicts
