# What every camera backend shares. A backend is a subclass with a constructor, the three methods below and those of
# Intake; opening, closing and who may read are done once, here.
from libc.stdint cimport int64_t, uint64_t
from libcpp.atomic cimport atomic

from camkit.camera_capture._intake cimport Intake
from camkit.memory_manager._abi cimport camkit_frame


cdef extern from "camkit/gate.hpp" namespace "camkit" nogil:
    cdef cppclass gate:
        gate() noexcept
        gate(bint closed) noexcept
        bint enter() noexcept
        void leave() noexcept
        void close() noexcept
        void close_and_wait() noexcept
        void open() noexcept
        bint is_open() noexcept


ctypedef unsigned long ulong


cdef class Backend(Intake):
    cdef readonly object info  # CameraInfo
    cdef readonly object request  # Request: what was asked for
    cdef readonly object events  # Events: what happens beside the frames
    cdef readonly bint streaming, closed
    cdef readonly uint64_t generation  # streams started so far

    # The common part's own.
    cdef object lock  # of start, stop and close
    cdef object user  # weakref of the pipeline that it was last attached to, or None
    cdef gate *inside  # owned; closed: next() answers CAMKIT_END
    cdef atomic[bint] reading  # a thread is in next()
    cdef atomic[ulong] reader  # which, 0: none
    cdef camkit_frame *kept  # owned; taken for a reader that went away, and the next one's
    cdef uint64_t outages  # how often the camera went away and was waited for
    cdef int64_t outage_ns, outage_since  # of those that are over; when the present one began, or 0

    # ---- what a subclass writes ----
    # Begin to stream; the frames carry self.generation. An exception means that nothing was begun. With the GIL, and
    # nobody is in dequeue().
    cdef int stream_on(self) except -1
    # End the stream; frames that are out stay valid. A device that has gone away is no error. With the GIL, and nobody
    # is in dequeue().
    cdef int stream_off(self) except -1
    # Let the device go. Once, after stream_off(), with the GIL.
    cdef int give_up(self) except -1

    # ---- what it calls ----
    # The last act of its constructor, `stream` being set: make ready what the request's policies need. `image_bytes`
    # is the most that one frame can take.
    cdef int prepare(self, size_t image_bytes) except -1

    cdef int _check_outside(self, str what) except -1
    cdef int _check_unused(self) except -1
    cdef int end_stream(self) except -1
