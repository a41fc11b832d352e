from libc.stdint cimport uint32_t, uintptr_t

from camkit.gl_core._gl cimport GLuint
from camkit.gl_core._transfer cimport Transfer

cdef enum:
    SETS = 3  # textures in rotation: a driver waits when it must overwrite what the GPU still reads


cdef class OwnTextures(Transfer):
    cdef GLuint sets[4][3]
    cdef int depth, current  # sets there are; the one of the last frame

    # Take the next set of textures for the frame that comes.
    cdef void turn(self) noexcept nogil
    # Fill the texture of a plane from an address, or from an offset in the buffer that is bound.
    cdef void fill(self, uint32_t plane, uintptr_t data, uint32_t stride) noexcept nogil
