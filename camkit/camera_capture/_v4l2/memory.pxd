from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.buffers cimport driver_stream
from camkit.camera_capture._v4l2.device cimport Device


# Get the first `n` buffers of `s`, and their memory, by a Way of _v4l2/io.py; their number may differ. `capabilities`
# are those that are known, and become those of the queue. After an exception `s` holds what there was, for destroy().
cdef int get_buffers(driver_stream *s, Device device, way, uint32_t n, uint32_t *capabilities) except -1
# Get `n` more while it streams. What was got before an exception stays, without being queued.
cdef int get_more(driver_stream *s, Device device, way, uint32_t n) except -1
# The exception for errno `error` that speaks against one Way only.
cdef object refusal(str path, str what, int error)
# How many times as long as our own memory that of the first buffer takes to be read.
cdef double slowness(driver_stream *s) noexcept nogil
