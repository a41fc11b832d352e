"""Offscreen: draw frames into memory, without a screen."""

from camkit.gl_core._sink import GLSink
from camkit.gl_core.context import Context, headless


class Offscreen(GLSink):
    """Draw frames into a picture in the GPU's memory, and read it back when asked.

    Needs no screen: EGL on Linux, an invisible window elsewhere. Use it as the sink of a pipeline, or draw single
    frames with `show`. See `GLSink` about threads and ownership.

    Parameters
    ----------
    size : (int, int), optional
        Size of the picture; frames are fitted in with their shape kept. Default: each frame's own.
    transfer : str
        How pixels get to the GPU: the name of a way, or ``"auto"`` for the best that this driver does right; `explain`
        lists them all.
    on_draw, live, debug : optional
        As for `GLSink`.
    name : str, optional

    Examples
    --------
    >>> with Offscreen() as screen:  # doctest: +SKIP
    ...     screen.show(frame)
    ...     screen.save("frame.png")
    """

    def _open_context(self) -> Context:
        return headless(self.debug, share=self.group.keeper.context if self.group is not None else None)

    def _spare_context(self, context: Context | None) -> Context:
        return headless(self.debug, share=context)
