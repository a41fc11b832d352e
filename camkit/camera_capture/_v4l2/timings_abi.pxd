# Digital video timings and EDID of <linux/videodev2.h>: declarations only, no class of ours.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from camkit.camera_capture._v4l2.abi cimport v4l2_fract


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_ENUM_DV_TIMINGS, VIDIOC_G_DV_TIMINGS, VIDIOC_S_DV_TIMINGS, VIDIOC_QUERY_DV_TIMINGS
    cdef unsigned long VIDIOC_DV_TIMINGS_CAP, VIDIOC_G_EDID, VIDIOC_S_EDID
    cdef uint32_t V4L2_DV_BT_656_1120

    cdef struct v4l2_bt_timings:
        uint32_t width, height, interlaced, polarities, hfrontporch, hsync, hbackporch, vfrontporch, vsync, vbackporch
        uint32_t il_vfrontporch, il_vsync, il_vbackporch, standards, flags
        uint64_t pixelclock
        v4l2_fract picture_aspect
        uint8_t cea861_vic, hdmi_vic
    cdef struct v4l2_dv_timings:
        uint32_t type
        v4l2_bt_timings bt
    cdef struct v4l2_enum_dv_timings:
        uint32_t index, pad
        v4l2_dv_timings timings
    cdef struct v4l2_bt_timings_cap:
        uint32_t min_width, max_width, min_height, max_height, standards, capabilities
        uint64_t min_pixelclock, max_pixelclock
    cdef struct v4l2_dv_timings_cap:
        uint32_t type, pad
        v4l2_bt_timings_cap bt
    cdef struct v4l2_edid:
        uint32_t pad, start_block, blocks
        uint8_t *edid
