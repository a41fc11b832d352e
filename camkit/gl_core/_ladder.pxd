from libc.stdint cimport uint64_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._layout cimport Layout
from camkit.gl_core._transfer cimport Transfer
from camkit.gl_core._types cimport GLint
from camkit.memory_manager._abi cimport camkit_frame


cdef class Ladder:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef readonly Layout layout
    cdef readonly str wish
    cdef readonly dict refused, measured_us, remembered
    cdef str trouble  # with the cache
    cdef readonly str kind  # tier of the first frame's dma-bufs; empty: it has none, or is to come
    cdef Transfer taken, fallback  # the best one; one that takes every frame; None until there is one
    cdef bint waiting  # a candidate can be judged only when a frame has come
    # Of the last frame: it went by `fallback`; the GPU still reads its memory; bytes that the CPU copied.
    cdef bint fell, holds
    cdef size_t copied
    cdef uint64_t fallen  # frames that `taken` could not take

    # Put a frame, which check_frame() passed and which has the layout's format and size, into textures.
    cdef int upload(self, camkit_frame *f) except -1 nogil
    # Bind those textures, plane 0 to texture unit 0 and so on.
    cdef void bind(self) noexcept nogil
    # The texture of a plane of the last frame, 0 before the first.
    cdef GLuint texture(self, int plane) noexcept nogil
    # How the rows of a plane of the last frame lie in its texture, as `foldN` of planes.glsl; whether they are folded.
    cdef bint folding(self, int plane, GLint *out) noexcept nogil
    cdef int _fall_back(self) except -1
    # Judge the candidates; `f` is the first frame, or NULL.
    cdef int climb(self, camkit_frame *f) except -1
    cdef int _judge(self, wanted, memory) except -1
    cdef int _compare(self) except -1
