from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.camera_capture._v4l2_buffers_abi cimport v4l2_buffer, v4l2_plane


cdef enum:
    MOST_BUFFERS = 64  # the bits of driver_stream.unqueued


cdef struct driver_buffer:
    uint8_t *data  # owned: a mapping of the driver's memory
    size_t size


cdef struct driver_stream:
    # Owned by the frame_pool through its destroy function: the mappings live until the last frame has gone.
    int fd, bell  # borrowed from the backend, not touched after frame_pool.stop()
    uint32_t kind, count
    int forks  # how often the process had been forked when the stream began
    atomic[int] queued  # buffers that the driver has
    atomic[int] dry  # the reader waits for any buffer to be queued, and wants the bell rung
    atomic[uint64_t] unqueued  # buffers that the driver did not take back: one bit each
    atomic[int] unqueued_errno
    driver_buffer buffers[MOST_BUFFERS]


# A stream without buffers, NULL if there is no memory.
cdef driver_stream *new_stream(int fd, int bell, uint32_t kind) noexcept nogil
# Whether it is the parent's, who was forked since: then the driver must not hear of us.
cdef bint inherited(driver_stream *s) noexcept nogil
# Give a buffer (back) to the driver; 0 or errno.
cdef int queue_buffer(driver_stream *s, uint32_t i) noexcept nogil
# Fill in what every call about a buffer needs; `plane` lives as long as `b`.
cdef void describe_buffer(driver_stream *s, v4l2_buffer *b, v4l2_plane *plane, uint32_t i) noexcept nogil
# Ask for *n buffers (0: free them all); *n becomes what there are. 0 or errno.
cdef int request_buffers(int fd, uint32_t kind, uint32_t *n, uint32_t *capabilities) noexcept nogil
# The two hooks of a frame_pool whose context is a driver_stream.
cdef void recycle(void *context, uint32_t slot) noexcept nogil
cdef void destroy(void *context) noexcept nogil
# Add to the bell, and read it empty.
cdef void ring(int bell, uint64_t what) noexcept nogil
cdef uint64_t drain(int bell) noexcept nogil
