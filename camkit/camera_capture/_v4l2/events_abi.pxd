# Events of <linux/videodev2.h>: declarations only, no class of ours.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_SUBSCRIBE_EVENT, VIDIOC_UNSUBSCRIBE_EVENT, VIDIOC_DQEVENT

    cdef struct v4l2_event_ctrl:
        uint32_t changes, type, flags
        int32_t value, minimum, maximum, step, default_value
        int64_t value64
    cdef struct v4l2_event_frame_sync:
        uint32_t frame_sequence
    cdef struct v4l2_event_src_change:
        uint32_t changes
    cdef union v4l2_event_u "decltype(v4l2_event::u)":
        v4l2_event_ctrl ctrl
        v4l2_event_frame_sync frame_sync
        v4l2_event_src_change src_change
    cdef struct c_timespec "timespec":
        int64_t tv_sec, tv_nsec
    cdef struct v4l2_event:
        uint32_t type, pending, sequence, id
        v4l2_event_u u
        c_timespec timestamp
    cdef struct v4l2_event_subscription:
        uint32_t type, id, flags
