"""The state of OpenGL that camkit takes for granted and does not set with every frame."""

from camkit.gl_core._enums cimport (
    GL_BLEND,
    GL_COLOR_LOGIC_OP,
    GL_CULL_FACE,
    GL_DEPTH_TEST,
    GL_FILL,
    GL_FRAMEBUFFER_SRGB,
    GL_FRONT_AND_BACK,
    GL_PACK_ALIGNMENT,
    GL_PACK_ROW_LENGTH,
    GL_PACK_SKIP_PIXELS,
    GL_PACK_SKIP_ROWS,
    GL_PIXEL_PACK_BUFFER,
    GL_PIXEL_UNPACK_BUFFER,
    GL_RASTERIZER_DISCARD,
    GL_SAMPLE_ALPHA_TO_COVERAGE,
    GL_SAMPLE_COVERAGE,
    GL_SCISSOR_TEST,
    GL_STENCIL_TEST,
    GL_UNPACK_ALIGNMENT,
    GL_UNPACK_LSB_FIRST,
    GL_UNPACK_ROW_LENGTH,
    GL_UNPACK_SKIP_PIXELS,
    GL_UNPACK_SKIP_ROWS,
    GL_UNPACK_SWAP_BYTES,
)
from camkit.gl_core._types cimport GLenum, GLuint

cdef GLenum[10] OFF = [
    GL_BLEND, GL_COLOR_LOGIC_OP, GL_CULL_FACE, GL_DEPTH_TEST, GL_FRAMEBUFFER_SRGB, GL_RASTERIZER_DISCARD,
    GL_SAMPLE_ALPHA_TO_COVERAGE, GL_SAMPLE_COVERAGE, GL_SCISSOR_TEST, GL_STENCIL_TEST,
]
cdef GLenum[8] ZERO = [
    GL_PACK_ROW_LENGTH, GL_PACK_SKIP_PIXELS, GL_PACK_SKIP_ROWS, GL_UNPACK_LSB_FIRST, GL_UNPACK_ROW_LENGTH,
    GL_UNPACK_SKIP_PIXELS, GL_UNPACK_SKIP_ROWS, GL_UNPACK_SWAP_BYTES,
]


cdef void reset_state(gl_functions *gl, int alignment) noexcept nogil:
    cdef GLuint i
    for i in range(10):
        gl.Disable(OFF[i])
    gl.PolygonMode(GL_FRONT_AND_BACK, GL_FILL)
    gl.ColorMask(True, True, True, True)
    gl.BindBuffer(GL_PIXEL_PACK_BUFFER, 0)
    gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
    for i in range(8):
        gl.PixelStorei(ZERO[i], 0)
    gl.PixelStorei(GL_PACK_ALIGNMENT, alignment)
    gl.PixelStorei(GL_UNPACK_ALIGNMENT, alignment)
    # A sampler object overrules the filter of our textures.
    for i in range(4):
        gl.BindSampler(i, 0)
