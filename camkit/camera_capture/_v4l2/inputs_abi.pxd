# Inputs and television standards of <linux/videodev2.h>: declarations only, no class of ours.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from camkit.camera_capture._v4l2.abi cimport v4l2_fract


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_ENUMINPUT, VIDIOC_G_INPUT, VIDIOC_S_INPUT
    cdef unsigned long VIDIOC_ENUMSTD, VIDIOC_G_STD, VIDIOC_S_STD, VIDIOC_QUERYSTD

    cdef struct v4l2_input:
        uint32_t index, type, status, capabilities
        uint8_t name[32]
        uint64_t std
    cdef struct v4l2_standard:
        uint32_t index, framelines
        uint64_t id
        uint8_t name[24]
        v4l2_fract frameperiod
