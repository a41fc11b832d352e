from libc.stdint cimport int64_t, uint32_t

from camkit.camera_capture._backend cimport Backend, gate
from camkit.camera_capture._v4l2_buffers_abi cimport v4l2_buffer, v4l2_plane
from camkit.camera_capture._v4l2_buffers cimport driver_stream
from camkit.camera_capture._v4l2_device cimport Device
from camkit.memory_manager._abi cimport camkit_colour, camkit_frame, frame_pool


cdef class V4L2Backend(Backend):
    cdef Device device
    cdef frame_pool *pool  # one reference, NULL while there is no stream
    cdef driver_stream *driver  # borrowed from pool
    cdef int bell  # owned: the eventfd that ends a wait
    cdef gate *ringing  # owned; closed: the bell is gone
    cdef uint32_t format, width, height, stride
    cdef size_t needed  # bytes without which a frame is not whole
    cdef camkit_colour colour
    cdef tuple agreed  # format, size and layout that the driver was set to
    cdef object rate  # Fraction that the driver was set to, or None
    cdef bint orphans  # the driver lets old frames live on beside a new stream
    cdef bint stuck  # the driver could not free the last stream's buffers
    cdef int requeue_failures, io_errors

    cdef int _claim(self) except -1
    cdef int _map(self, driver_stream *s) except -1
    cdef int _end(self) noexcept
    cdef int _wait(self, int64_t timeout_ns, short *events) except -1 nogil
    cdef int _fill(self, camkit_frame **out, v4l2_buffer *b, v4l2_plane *plane) except -1 nogil
    cdef int _failed(self, int error, short events) except -1 nogil
    cdef int _queue_again(self) except -1 nogil
    cdef bint _gone(self) noexcept nogil
