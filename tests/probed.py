"""An Offscreen whose context is at hand, so that a test can ask OpenGL for errors."""

from camkit.gl_core import Offscreen
from camkit.gl_core.context import Context


class Probed(Offscreen):
    """Keeps its context at hand, so that a test can ask OpenGL for errors."""

    probe: Context

    def _open_context(self) -> Context:
        self.probe = super()._open_context()
        return self.probe
