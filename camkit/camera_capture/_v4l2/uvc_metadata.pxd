from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from camkit.camera_capture._v4l2.uvc_metadata_abi cimport device_clock
from camkit.memory_manager._abi cimport camkit_frame


cdef enum:
    MOST_META_BUFFERS = 32


cdef struct meta_buffer:
    uint8_t *data  # owned: a mapping of the driver's memory
    size_t size


# A filled buffer of the node that has not gone back yet.
cdef struct meta_filled:
    uint32_t index, sequence, used
    bint held


cdef class UvcMetadata:
    cdef readonly str camera, path, why_not
    cdef readonly bint required
    cdef device_clock *clock  # owned
    cdef int fd  # owned; -1 when there is no stream
    cdef meta_buffer buffers[MOST_META_BUFFERS]
    cdef meta_filled done, early  # the last frame's; one whose frame has not come yet
    cdef uint32_t last_pts, declared  # Hz, of the camera's descriptors
    cdef bint any_pts, other_clock
    cdef int error  # errno that ended the stream of metadata
    cdef readonly uint64_t timed, missing, without_pts, stuck, implausible, unsettled
    cdef uint64_t sofs  # readings with a USB frame number of the host

    # Begin to stream beside `frames` buffers of video; before the video does. With the GIL.
    cdef int begin(self, str camera, uint32_t frames) except -1
    cdef void end(self) noexcept
    # Fill in hardware_ns of a frame that was just taken; never waits.
    cdef void time_frame(self, camkit_frame *f) noexcept nogil
    # Learn from the last frame's metadata and give its buffer back: before the wait for the next frame.
    cdef void catch_up(self) noexcept nogil

    cdef int _open(self, uint32_t frames) except -1
    cdef bint _next(self, meta_filled *to) noexcept nogil
    cdef void _absorb(self, meta_filled *filled) noexcept nogil
    cdef int _queue(self, uint32_t index) noexcept nogil
