from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.camera_capture._v4l2.buffers_abi cimport v4l2_buffer, v4l2_plane


cdef extern from "camkit/shared_memory.hpp" namespace "camkit" nogil:
    # The mapping that a frame shows, and the same memory as a dma-buf, -1: it is none.
    cdef struct shared_memory:
        uint8_t *data
        size_t size
        int dmabuf
    void free_shared(shared_memory &m) noexcept
    int allocate_memfd(shared_memory &out, size_t size, int udmabuf) noexcept
    int allocate_dma_heap(shared_memory &out, size_t size, int heap) noexcept
    int sync_dmabuf(int dmabuf, bint begin) noexcept  # to read


cdef enum:
    MOST_BUFFERS = 64  # the bits of driver_stream.unqueued
    MOST_PLANES = 4


cdef struct driver_buffer:
    shared_memory planes[MOST_PLANES]  # owned
    bint announced[MOST_PLANES]  # the CPU reads it; for whoever has the frame
    void *lender  # kept by keep_object(): who owns the planes instead, such as a frame of somebody's pool; NULL: nobody


cdef struct driver_stream:
    # Owned by the frame_pool through its destroy function: the memory lives until the last frame has gone.
    int fd, bell  # borrowed from the backend, not touched after frame_pool.stop()
    uint32_t kind, memory  # V4L2_BUF_TYPE_* and V4L2_MEMORY_*
    uint32_t planes  # separate memories of a buffer
    bint sync  # the CPU must announce that it reads
    int forks  # how often the process had been forked when the stream began
    atomic[uint32_t] count  # buffers; grows while it streams
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
# Take what is ready out of a stream that ends, NULL: of none; the frames that the driver numbered after `last`.
cdef uint32_t abandon_ready(driver_stream *s, uint32_t last) noexcept nogil
# Fill in what every call about a buffer needs; `planes` are MOST_PLANES and live as long as `b`.
cdef void describe_buffer(driver_stream *s, v4l2_buffer *b, v4l2_plane *planes, uint32_t i) noexcept nogil
# Announce that the CPU begins or ends to read a buffer, where that is needed; 0 or errno.
cdef int sync_buffer(driver_stream *s, uint32_t i, bint begin) noexcept nogil
# Give up the memory of a buffer; harmless if it has none.
cdef void free_buffer(driver_buffer *b) noexcept nogil
# Ask for *n buffers (0: free them all); *n becomes what there are. 0 or errno.
cdef int request_buffers(int fd, uint32_t kind, uint32_t memory, uint32_t *n, uint32_t *capabilities) noexcept nogil
# The two hooks of a frame_pool whose context is a driver_stream.
cdef void recycle(void *context, uint32_t slot) noexcept nogil
cdef void destroy(void *context) noexcept nogil
# Add to the bell, and read it empty.
cdef void ring(int bell, uint64_t what) noexcept nogil
cdef uint64_t drain(int bell) noexcept nogil
