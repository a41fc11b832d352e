# What a device is and offers, of V4L2's <linux/videodev2.h>: declarations only, no class of ours.
from libc.stdint cimport uint8_t, uint32_t


cdef extern from "<sys/ioctl.h>" nogil:
    int c_ioctl "ioctl"(int fd, unsigned long request, void *argument)


cdef extern from "<fcntl.h>" nogil:
    int c_open "open"(const char *path, int flags)
    int c_fcntl "fcntl"(int fd, int what, int flags)
    cdef int F_SETFL, O_RDONLY, O_RDWR, O_NONBLOCK, O_CLOEXEC


cdef extern from "<linux/videodev2.h>" nogil:
    cdef unsigned long VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES, VIDIOC_ENUM_FRAMEINTERVALS
    cdef unsigned long VIDIOC_G_FMT, VIDIOC_TRY_FMT, VIDIOC_S_FMT, VIDIOC_G_PARM, VIDIOC_S_PARM
    cdef uint32_t V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
    cdef uint32_t V4L2_FIELD_ANY, V4L2_FIELD_NONE, V4L2_FIELD_TOP, V4L2_FIELD_BOTTOM, V4L2_FIELD_ALTERNATE
    cdef uint32_t V4L2_FIELD_INTERLACED, V4L2_FIELD_INTERLACED_TB, V4L2_FIELD_INTERLACED_BT
    cdef uint32_t V4L2_FIELD_SEQ_TB, V4L2_FIELD_SEQ_BT
    cdef uint32_t V4L2_CAP_DEVICE_CAPS, V4L2_CAP_STREAMING, V4L2_CAP_TIMEPERFRAME
    cdef uint32_t V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE, V4L2_CAP_VIDEO_M2M, V4L2_CAP_VIDEO_M2M_MPLANE
    cdef uint32_t V4L2_CAP_VIDEO_OUTPUT, V4L2_CAP_VIDEO_OUTPUT_MPLANE, V4L2_CAP_META_CAPTURE, V4L2_CAP_META_OUTPUT
    cdef uint32_t V4L2_CAP_VBI_CAPTURE, V4L2_CAP_SLICED_VBI_CAPTURE, V4L2_CAP_VBI_OUTPUT, V4L2_CAP_SLICED_VBI_OUTPUT
    cdef uint32_t V4L2_CAP_TOUCH, V4L2_CAP_SDR_CAPTURE, V4L2_CAP_SDR_OUTPUT, V4L2_CAP_RADIO
    cdef uint32_t V4L2_FMT_FLAG_COMPRESSED, V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE
    cdef uint32_t V4L2_COLORSPACE_SMPTE170M, V4L2_COLORSPACE_SMPTE240M, V4L2_COLORSPACE_REC709
    cdef uint32_t V4L2_COLORSPACE_470_SYSTEM_BG, V4L2_COLORSPACE_JPEG, V4L2_COLORSPACE_SRGB, V4L2_COLORSPACE_BT2020
    cdef uint32_t V4L2_COLORSPACE_DCI_P3, V4L2_XFER_FUNC_709, V4L2_XFER_FUNC_SRGB, V4L2_XFER_FUNC_SMPTE240M
    cdef uint32_t V4L2_XFER_FUNC_NONE, V4L2_XFER_FUNC_SMPTE2084
    cdef uint32_t V4L2_YCBCR_ENC_601, V4L2_YCBCR_ENC_709, V4L2_YCBCR_ENC_XV601, V4L2_YCBCR_ENC_XV709
    cdef uint32_t V4L2_YCBCR_ENC_BT2020, V4L2_YCBCR_ENC_SMPTE240M
    cdef uint32_t V4L2_QUANTIZATION_FULL_RANGE
    uint32_t V4L2_MAP_COLORSPACE_DEFAULT(int sdtv, int hdtv)
    uint32_t V4L2_MAP_XFER_FUNC_DEFAULT(uint32_t colorspace)
    uint32_t V4L2_MAP_YCBCR_ENC_DEFAULT(uint32_t colorspace)
    uint32_t V4L2_MAP_QUANTIZATION_DEFAULT(int rgb, uint32_t colorspace, uint32_t ycbcr_enc)

    cdef struct v4l2_capability:
        uint8_t driver[16]
        uint8_t card[32]
        uint8_t bus_info[32]
        uint32_t capabilities, device_caps
    cdef struct v4l2_fmtdesc:
        uint32_t index, type, flags, pixelformat
        uint8_t description[32]
    cdef struct v4l2_frmsize_discrete:
        uint32_t width, height
    cdef struct v4l2_frmsize_stepwise:
        uint32_t min_width, max_width, step_width, min_height, max_height, step_height
    cdef struct v4l2_frmsizeenum:
        uint32_t index, pixel_format, type
        v4l2_frmsize_discrete discrete
        v4l2_frmsize_stepwise stepwise
    cdef struct v4l2_fract:
        uint32_t numerator, denominator
    cdef struct v4l2_frmival_stepwise:
        v4l2_fract min, max, step
    cdef struct v4l2_frmivalenum:
        uint32_t index, pixel_format, width, height, type
        v4l2_fract discrete
        v4l2_frmival_stepwise stepwise
    cdef struct v4l2_pix_format:
        uint32_t width, height, pixelformat, field, bytesperline, sizeimage, colorspace, ycbcr_enc, quantization
        uint32_t xfer_func
    cdef struct v4l2_plane_pix_format:
        uint32_t sizeimage, bytesperline
    cdef struct v4l2_pix_format_mplane:
        uint32_t width, height, pixelformat, field, colorspace
        v4l2_plane_pix_format plane_fmt[8]
        uint8_t num_planes, ycbcr_enc, quantization, xfer_func
    cdef union v4l2_format_fmt "decltype(v4l2_format::fmt)":
        v4l2_pix_format pix
        v4l2_pix_format_mplane pix_mp
    cdef struct v4l2_format:
        uint32_t type
        v4l2_format_fmt fmt
    cdef struct v4l2_captureparm:
        uint32_t capability
        v4l2_fract timeperframe
    cdef union v4l2_streamparm_parm "decltype(v4l2_streamparm::parm)":
        v4l2_captureparm capture
    cdef struct v4l2_streamparm:
        uint32_t type
        v4l2_streamparm_parm parm
