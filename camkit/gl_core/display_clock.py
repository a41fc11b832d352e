"""Which source tells the time of a window's display: the best is taken, and each of the others says why it was not."""

import sys
from collections.abc import Callable
from pathlib import Path

from camkit.errors import GLError
from camkit.gl_core._display_clock import DisplayClock
from camkit.gl_core._swap_clock import SwapClock
from camkit.gl_core.window import WindowContext

CARDS = Path("/dev/dri")


def _wayland(window: WindowContext) -> DisplayClock:
    handles = window.wayland
    if handles is None:
        raise GLError("the window is not one of Wayland")
    from camkit.gl_core._wayland_clock import WaylandClock

    return WaylandClock(*handles)


def _sync_control(window: WindowContext) -> DisplayClock:
    if window.wayland is not None or sys.platform != "linux":
        raise GLError("the window is not one of X11")
    from camkit.gl_core._sync_clock import SyncClock

    return SyncClock(*window.sync_control)


def _drm(window: WindowContext) -> DisplayClock:
    if window.wayland is not None:
        raise GLError("a compositor decides when the window's pictures are shown")
    return find_card(CARDS)


def find_card(folder: Path) -> DisplayClock:
    """Open the first graphics card that tells its vblanks.

    Parameters
    ----------
    folder : pathlib.Path
        Where the nodes are.

    Raises
    ------
    GLError
        There is none; the message has what each answered.
    """
    cards = sorted(folder.glob("card*")) if sys.platform == "linux" else []
    if not cards:
        raise GLError(f"there is no graphics card in {str(folder)!r}")
    from camkit.gl_core._drm_clock import DrmClock

    refused = []
    for card in cards:
        try:
            return DrmClock(str(card))
        except GLError as error:
            refused.append(str(error))
    raise GLError("; ".join(refused))


# Best first: what is said of each picture itself, and by hardware; then what is known of the screen only.
SOURCES: dict[str, Callable[[WindowContext], DisplayClock]] = {
    "wp_presentation": _wayland,
    "sync_control": _sync_control,
    "drm": _drm,
}


def find_clock(window: WindowContext, waits: bool) -> tuple[DisplayClock, dict[str, str]]:
    """Try the sources of the display's time, best first, in the thread where the window's context is current.

    Parameters
    ----------
    window : WindowContext
    waits : bool
        Its swaps wait for the screen, and may be tried: for some refreshes, up to 0.5 s, the window
        shows what its buffers happen to hold.

    Returns
    -------
    (DisplayClock, dict of str to str)
        The clock that is taken, and of each source its verdict.
    """

    def swap(window: WindowContext) -> DisplayClock:
        if not waits:
            raise GLError("swaps do not wait for the screen, or nothing is paced by it")
        return SwapClock(*window.swap_call)

    taken: DisplayClock | None = None
    verdicts = {}
    for name, make in {**SOURCES, "swap": swap}.items():
        if taken is not None:
            verdicts[name] = f"not needed: {taken.name} is better"
            continue
        try:
            taken = make(window)
            verdicts[name] = "taken"
        except GLError as error:
            verdicts[name] = f"refused: {error}"
    if taken is None:
        verdicts["none"] = "taken: pictures count as shown when the call that shows them returns"
    return taken or DisplayClock(), verdicts
