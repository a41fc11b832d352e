from libc.stdint cimport int64_t, uint32_t
from libcpp.atomic cimport atomic

from camkit.camera_capture._backend cimport Backend, gate
from camkit.camera_capture._uvc_metadata cimport UvcMetadata
from camkit.camera_capture._v4l2_buffers cimport driver_stream
from camkit.camera_capture._v4l2_buffers_abi cimport v4l2_buffer, v4l2_plane
from camkit.camera_capture._v4l2_device cimport Device
from camkit.camera_capture._v4l2_frame cimport picture
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


cdef class V4L2Backend(Backend):
    cdef Device device
    cdef UvcMetadata metadata  # None: no hardware time was asked for
    cdef frame_pool *pool  # one reference, NULL while there is no stream
    cdef driver_stream *driver  # borrowed from pool
    cdef int bell  # owned: the eventfd that ends a wait
    cdef gate *ringing  # owned; closed: the bell is gone
    cdef call_watch *watch  # owned
    cdef int unwatched  # why the reader cannot sleep in the driver's own call: an errno, 0: it can
    cdef picture picture
    cdef object trials  # Trials: the way in which frames get into memory
    cdef tuple agreed  # format, size and layout that the driver was set to
    cdef object rate  # Fraction that the driver was set to, or None
    cdef bint orphans  # the driver lets old frames live on beside a new stream
    cdef bint stuck  # the driver could not free the last stream's buffers
    cdef int requeue_failures, sync_failures, io_errors
    cdef object follower  # Follower: what comes in, and what to do about it
    cdef atomic[bint] stale  # another signal may come in: to be looked at before the next frame
    cdef bint useless  # there is no signal, so frames are no pictures
    cdef bint ended  # the driver has said that no frame comes any more

    cdef int _settle(self, agreed) except -1
    cdef int _look(self) except -1
    cdef int _follow(self, int64_t timeout_ns) except -1 nogil
    cdef int _start(self) except -1
    cdef int _check_format(self) except -1
    cdef uint32_t _capabilities(self) noexcept
    cdef int _begin(self, way) except -1
    cdef int _get_buffers(self, way, uint32_t *capabilities) except -1
    cdef int _tell(self, way) except -1
    cdef int _grow(self, uint32_t count) except -1
    cdef int _end(self) noexcept
    cdef int _adopt(self, Device device) except -1
    cdef int _wait(self, int64_t timeout_ns, short *events) except -1 nogil
    cdef int _fill(self, camkit_frame **out, v4l2_buffer *b, v4l2_plane *planes) except -1 nogil
    cdef int _failed(self, int error, short events) except -1 nogil
    cdef int _queue_again(self) except -1 nogil
    cdef bint _gone(self) noexcept nogil
