"""Draw camera frames with OpenGL: upload, conversion, a window or a picture in memory."""

from camkit.gl_core._on_draw import DrawContext, FrameInfo, Texture
from camkit.gl_core._render import Render
from camkit.gl_core.cuda import CudaArray, CudaReader
from camkit.gl_core.grid import Grid
from camkit.gl_core.offscreen import Offscreen
from camkit.gl_core.viewer import Viewer

__all__ = ["CudaArray", "CudaReader", "DrawContext", "FrameInfo", "Grid", "Offscreen", "Render", "Texture", "Viewer"]
