from libc.stdint cimport int64_t, uint32_t
from libcpp.atomic cimport atomic

from camkit.camera_capture._backend cimport Backend, gate
from camkit.camera_capture._v4l2.buffers cimport driver_stream
from camkit.camera_capture._v4l2.buffers_abi cimport v4l2_buffer, v4l2_plane
from camkit.camera_capture._v4l2.device cimport Device
from camkit.camera_capture._v4l2.frame cimport picture
from camkit.camera_capture._v4l2.uvc_metadata cimport UvcMetadata
from camkit.memory_manager._abi cimport camkit_frame, frame_pool


cdef extern from "camkit/call_watch.hpp" namespace "camkit" nogil:
    cdef uint32_t call_interrupted "camkit::call_watch::interrupted"
    cdef uint32_t call_late "camkit::call_watch::late"
    cdef cppclass call_watch:
        call_watch(int tick_ms) noexcept
        int start(int fd) noexcept
        void stop() noexcept
        void abandon() noexcept
        bint enter() noexcept
        uint32_t leave() noexcept
        void interrupt() noexcept


cdef class V4L2Reader(Backend):
    cdef Device device
    cdef UvcMetadata metadata  # None: no hardware time was asked for
    cdef frame_pool *pool  # one reference, NULL while there is no stream
    cdef driver_stream *driver  # borrowed from pool
    cdef int bell  # owned: the eventfd that ends a wait
    cdef gate *ringing  # owned; closed: the bell is gone
    cdef call_watch *watch  # owned
    cdef int unwatched  # why the reader cannot sleep in the driver's own call: an errno, -1: no stream, 0: it can
    cdef picture picture
    cdef int requeue_failures, sync_failures, io_errors
    cdef atomic[bint] stale  # another signal may come in: to be looked at before the next frame
    cdef bint useless  # there is no signal, so frames are no pictures
    cdef bint ended  # the driver has said that no frame comes any more

    # Look at what comes in now, `stale` being set, or without a stream. CAMKIT_TIMEOUT: done with that, ask again.
    cdef int _follow(self, int64_t timeout_ns) except -1 nogil
    cdef int _wait(self, int64_t timeout_ns, short *events) except -1 nogil
    cdef int _fill(self, camkit_frame **out, v4l2_buffer *b, v4l2_plane *planes) except -1 nogil
    cdef int _failed(self, int error, short events) except -1 nogil
    cdef int _queue_again(self) except -1 nogil
    cdef bint _gone(self) noexcept nogil
