"""Colour of a V4L2 format, in the numbers of ISO/IEC 23091-2; what the driver leaves open follows V4L2's defaults."""

from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.abi cimport *
from camkit.memory_manager._abi cimport (
    CAMKIT_MATRIX_BT601,
    CAMKIT_MATRIX_BT709,
    CAMKIT_MATRIX_BT2020,
    CAMKIT_MATRIX_RGB,
    CAMKIT_MATRIX_SMPTE240M,
    CAMKIT_MATRIX_UNKNOWN,
    CAMKIT_MODEL_BAYER,
    CAMKIT_MODEL_COMPRESSED,
    CAMKIT_MODEL_GREY,
    CAMKIT_MODEL_RGB,
    CAMKIT_PRIMARIES_BT470BG,
    CAMKIT_PRIMARIES_BT709,
    CAMKIT_PRIMARIES_BT2020,
    CAMKIT_PRIMARIES_DCI_P3,
    CAMKIT_PRIMARIES_SMPTE170M,
    CAMKIT_PRIMARIES_SMPTE240M,
    CAMKIT_PRIMARIES_UNKNOWN,
    CAMKIT_RANGE_FULL,
    CAMKIT_RANGE_LIMITED,
    CAMKIT_TRANSFER_BT709,
    CAMKIT_TRANSFER_LINEAR,
    CAMKIT_TRANSFER_PQ,
    CAMKIT_TRANSFER_SMPTE240M,
    CAMKIT_TRANSFER_SRGB,
    CAMKIT_TRANSFER_UNKNOWN,
    camkit_colour,
    camkit_format_from_v4l2,
    camkit_format_row,
)

PRIMARIES = {
    V4L2_COLORSPACE_SMPTE170M: CAMKIT_PRIMARIES_SMPTE170M, V4L2_COLORSPACE_SMPTE240M: CAMKIT_PRIMARIES_SMPTE240M,
    V4L2_COLORSPACE_REC709: CAMKIT_PRIMARIES_BT709, V4L2_COLORSPACE_470_SYSTEM_BG: CAMKIT_PRIMARIES_BT470BG,
    V4L2_COLORSPACE_JPEG: CAMKIT_PRIMARIES_BT709, V4L2_COLORSPACE_SRGB: CAMKIT_PRIMARIES_BT709,
    V4L2_COLORSPACE_BT2020: CAMKIT_PRIMARIES_BT2020, V4L2_COLORSPACE_DCI_P3: CAMKIT_PRIMARIES_DCI_P3,
}
TRANSFERS = {
    V4L2_XFER_FUNC_709: CAMKIT_TRANSFER_BT709, V4L2_XFER_FUNC_SRGB: CAMKIT_TRANSFER_SRGB,
    V4L2_XFER_FUNC_SMPTE240M: CAMKIT_TRANSFER_SMPTE240M, V4L2_XFER_FUNC_NONE: CAMKIT_TRANSFER_LINEAR,
    V4L2_XFER_FUNC_SMPTE2084: CAMKIT_TRANSFER_PQ,
}
MATRICES = {
    V4L2_YCBCR_ENC_601: CAMKIT_MATRIX_BT601, V4L2_YCBCR_ENC_XV601: CAMKIT_MATRIX_BT601,
    V4L2_YCBCR_ENC_709: CAMKIT_MATRIX_BT709, V4L2_YCBCR_ENC_XV709: CAMKIT_MATRIX_BT709,
    V4L2_YCBCR_ENC_BT2020: CAMKIT_MATRIX_BT2020, V4L2_YCBCR_ENC_SMPTE240M: CAMKIT_MATRIX_SMPTE240M,
}


cdef camkit_colour colour_of(const v4l2_format *format) except *:
    cdef uint32_t space, transfer, matrix, quantization, code
    if format.type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
        space, transfer = format.fmt.pix_mp.colorspace, format.fmt.pix_mp.xfer_func
        matrix, quantization = format.fmt.pix_mp.ycbcr_enc, format.fmt.pix_mp.quantization
        code = format.fmt.pix_mp.pixelformat
    else:
        space, transfer = format.fmt.pix.colorspace, format.fmt.pix.xfer_func
        matrix, quantization = format.fmt.pix.ycbcr_enc, format.fmt.pix.quantization
        code = format.fmt.pix.pixelformat
    row = camkit_format_row(camkit_format_from_v4l2(code))
    rgb = row != NULL and row.model in (CAMKIT_MODEL_RGB, CAMKIT_MODEL_BAYER)
    space = space or V4L2_MAP_COLORSPACE_DEFAULT(0, 0)
    transfer = transfer or V4L2_MAP_XFER_FUNC_DEFAULT(space)
    matrix = matrix or V4L2_MAP_YCBCR_ENC_DEFAULT(space)
    if not quantization and row != NULL and row.model in (CAMKIT_MODEL_COMPRESSED, CAMKIT_MODEL_GREY):
        # V4L2's default would be limited, but Motion JPEG is JFIF inside, and grey is what the sensor counted.
        quantization = V4L2_QUANTIZATION_FULL_RANGE
    quantization = quantization or V4L2_MAP_QUANTIZATION_DEFAULT(rgb, space, matrix)
    cdef camkit_colour c
    c.primaries = PRIMARIES.get(space, CAMKIT_PRIMARIES_UNKNOWN)
    c.transfer = TRANSFERS.get(transfer, CAMKIT_TRANSFER_UNKNOWN)
    c.matrix = CAMKIT_MATRIX_RGB if rgb else MATRICES.get(matrix, CAMKIT_MATRIX_UNKNOWN)
    c.range = CAMKIT_RANGE_FULL if quantization == V4L2_QUANTIZATION_FULL_RANGE else CAMKIT_RANGE_LIMITED
    return c
