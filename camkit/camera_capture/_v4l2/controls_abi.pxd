# The controls of <linux/videodev2.h>: declarations only, no class of ours.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYMENU
    cdef unsigned long VIDIOC_G_EXT_CTRLS, VIDIOC_S_EXT_CTRLS, VIDIOC_TRY_EXT_CTRLS
    cdef uint32_t V4L2_CTRL_FLAG_NEXT_CTRL, V4L2_CTRL_FLAG_NEXT_COMPOUND, V4L2_CTRL_FLAG_DISABLED
    cdef uint32_t V4L2_CTRL_TYPE_BUTTON
    cdef uint32_t V4L2_CTRL_TYPE_CTRL_CLASS, V4L2_CTRL_TYPE_INTEGER64, V4L2_CTRL_TYPE_INTEGER_MENU
    cdef uint32_t V4L2_CTRL_WHICH_CUR_VAL, V4L2_CTRL_WHICH_DEF_VAL

    cdef struct v4l2_query_ext_ctrl:
        uint32_t id, type
        char name[32]
        int64_t minimum, maximum, default_value
        uint64_t step
        uint32_t flags, elem_size, elems, nr_of_dims
        uint32_t dims[4]
    cdef struct v4l2_querymenu:
        uint32_t id, index
        uint8_t name[32]
        int64_t value
    cdef struct v4l2_ext_control:
        uint32_t id, size
        int32_t value
        int64_t value64
        char *string
    cdef struct v4l2_ext_controls:
        uint32_t which, count, error_idx
        v4l2_ext_control *controls
