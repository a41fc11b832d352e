from libc.stdint cimport uint8_t, uint32_t

from camkit.camera_capture._v4l2.buffers cimport MOST_PLANES, driver_stream
from camkit.camera_capture._v4l2.buffers_abi cimport v4l2_buffer, v4l2_plane
from camkit.camera_capture._v4l2.device cimport Device
from camkit.memory_manager._abi cimport camkit_colour, camkit_frame
from camkit.memory_manager._format cimport PixelFormat


# How the pictures of a stream lie in its buffers: what every frame has in common.
cdef struct picture:
    uint32_t format, width, height
    uint32_t memories  # separate memories of a picture
    size_t strides[MOST_PLANES]  # of each memory; 0 in a compressed format
    size_t needed[MOST_PLANES]  # bytes of each memory without which a frame is not whole
    camkit_colour colour


# The picture that the device is set to now.
cdef picture picture_of(Device device, PixelFormat format, uint32_t width, uint32_t height) except *
# Whether it fits into every buffer of the stream.
cdef bint fits(const picture *p, driver_stream *s) noexcept nogil
# Describe a buffer that the driver handed over, and that the CPU may read by now, as the picture that it holds;
# `planes` as for describe_buffer().
cdef void describe_frame(camkit_frame *f, const picture *p, driver_stream *s, const v4l2_buffer *b,
                         const v4l2_plane *planes) noexcept nogil
# camkit_clock and camkit_stamp of a buffer's flags.
cdef uint8_t clock_of(uint32_t flags) noexcept nogil
cdef uint8_t stamp_of(uint32_t flags) noexcept nogil
