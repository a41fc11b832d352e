from libc.stdint cimport uint8_t, uint32_t

from camkit.gl_core._gl cimport Functions, GLenum, GLint, GLsizei, GLsync, GLuint, gl_functions
from camkit.memory_manager._abi cimport camkit_frame

cdef enum:
    SETS = 3  # textures and buffers in rotation: a driver waits when it must overwrite what the GPU still reads

cdef enum path_id:
    PATH_CLIENT
    PATH_PBO
    PATH_COUNT

cdef struct plane_upload:
    GLenum internal, format, type
    GLsizei columns, rows
    size_t texel_bytes, row_bytes
    size_t buffer_offset
    GLuint textures[3]


cdef class Uploader:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef object format
    cdef plane_upload planes[4]
    cdef uint32_t plane_count, width, height
    cdef int current  # set that the last upload filled
    cdef path_id path
    cdef bint holds  # the GPU reads a frame's own memory after upload() has returned
    cdef size_t image_bytes, buffer_bytes  # all rows without padding; with the planes aligned
    cdef GLuint buffers[3]
    cdef uint8_t *maps[3]  # borrowed from the buffers while they live
    cdef GLsync fences[3]  # owned; the GPU's last reading of each buffer
    cdef readonly dict refused, measured_us
    cdef readonly bint row_by_row

    # Copy a frame, which check_frame() passed and which has the uploader's format and size, into the next set.
    cdef int upload(self, const camkit_frame *f) except -1 nogil
    # Bind the last set, plane 0 to texture unit 0 and so on.
    cdef void bind(self) noexcept nogil
    cdef int _await(self, int slot) except -1 nogil
    cdef void _from_client(self, plane_upload *p, const uint8_t *data, uint32_t stride) noexcept nogil
    cdef int _make_textures(self, planes) except -1
    cdef int _make_buffers(self) except -1
    cdef int _drop_buffers(self) except -1
    cdef int _calibrate(self, strides, str transfer) except -1
    cdef str _try(self, camkit_frame *trial, uint8_t *pattern, uint8_t *seen)
    cdef int _same(self, camkit_frame *trial, uint8_t *seen) except -1
    cdef double _time_us(self, camkit_frame *trial) except -1
