"""From a buffer that V4L2 hands over to a frame. All of it without the GIL but for what is done once a stream."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from camkit.camera_capture._v4l2.abi cimport V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
from camkit.camera_capture._v4l2.buffers cimport MOST_PLANES, driver_stream, shared_memory
from camkit.camera_capture._v4l2.buffers_abi cimport *
from camkit.camera_capture._v4l2.colour cimport colour_of
from camkit.camera_capture._v4l2.device cimport Device
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_COPY,
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_CLOCK_UNKNOWN,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_KEYFRAME,
    CAMKIT_FRAME_READ_ONLY,
    CAMKIT_MEMORY_DMABUF,
    CAMKIT_MEMORY_MMAP,
    CAMKIT_MEMORY_USERPTR,
    CAMKIT_STAMP_END_OF_FRAME,
    CAMKIT_STAMP_START_OF_EXPOSURE,
    camkit_driver_buffer,
    camkit_frame,
    camkit_frame_describe_planes,
)
from camkit.memory_manager._format cimport PixelFormat


cdef picture picture_of(Device device, PixelFormat format, uint32_t width, uint32_t height) except *:
    cdef picture p
    memset(&p, 0, sizeof(p))
    p.format, p.width, p.height, p.memories = format.id, width, height, device.planes()
    p.colour = colour_of(&device.format)
    cdef uint32_t i, last = len(format.planes) - 1
    for i in range(p.memories):
        if format.compressed:
            p.needed[i] = 2  # a JPEG's first mark: Motion JPEG is the only compressed format there is
            continue
        p.strides[i] = device.stride(i)
        # The padding of the very last row need not be there.
        if p.memories > 1:
            p.needed[i] = (format.plane_shape(width, height, i)[0] - 1) * p.strides[i] + format.row_bytes(width, i)
        else:
            p.needed[i] = (format.image_bytes(width, height, p.strides[i]) - format.plane_stride(p.strides[i], last)
                           + format.row_bytes(width, last))
    return p


cdef bint fits(const picture *p, driver_stream *s) noexcept nogil:
    cdef camkit_frame trial
    cdef uint32_t i
    for i in range(s.count.load()):
        if _lay_out(&trial, p, s, i, NULL):
            return False
    return True


# Lay the picture out over a buffer, `offsets` bytes into each memory. 0, or -1 if it does not fit.
cdef int _lay_out(camkit_frame *f, const picture *p, driver_stream *s, uint32_t i,
                  const size_t *offsets) noexcept nogil:
    cdef shared_memory *memory = s.buffers[i].planes
    cdef uint8_t *data[MOST_PLANES]
    cdef size_t sizes[MOST_PLANES]
    cdef size_t offset
    cdef uint32_t plane, of
    for plane in range(p.memories):
        offset = offsets[plane] if offsets != NULL else 0
        if offset > memory[plane].size:
            return -1
        data[plane], sizes[plane] = memory[plane].data + offset, memory[plane].size - offset
    if camkit_frame_describe_planes(f, p.format, p.width, p.height, p.memories, data, sizes, p.strides):
        return -1
    for plane in range(f.plane_count):
        of = plane if p.memories > 1 else 0
        f.planes[plane].dmabuf_fd = memory[of].dmabuf
        f.planes[plane].offset += offsets[of] if offsets != NULL else 0
    return 0


cdef void describe_frame(camkit_frame *f, const picture *p, driver_stream *s, const v4l2_buffer *b,
                         const v4l2_plane *planes) noexcept nogil:
    cdef bint mplane = s.kind == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, whole = True
    cdef size_t offsets[MOST_PLANES]
    cdef size_t used, total = 0
    cdef uint32_t i
    f.flags = CAMKIT_FRAME_READ_ONLY
    for i in range(p.memories):
        used = min(<size_t>(planes[i].bytesused if mplane else b.bytesused), s.buffers[b.index].planes[i].size)
        offsets[i] = planes[i].data_offset if mplane else 0
        if offsets[i] > used or used - offsets[i] < p.needed[i]:
            whole = False
        total += used - min(offsets[i], used)
    # That the picture fits without an offset was proved when the stream began.
    if _lay_out(f, p, s, b.index, offsets):
        whole = False
        _lay_out(f, p, s, b.index, NULL)
    f.bytes_used = total
    # A driver may begin in the midst of a picture, and says nothing of that.
    if whole and not p.strides[0] and (f.planes[0].data[0] != 0xFF or f.planes[0].data[1] != 0xD8):
        whole = False
    if b.flags & V4L2_BUF_FLAG_ERROR or not whole:
        f.flags |= CAMKIT_FRAME_CORRUPT
    if b.flags & V4L2_BUF_FLAG_KEYFRAME:
        f.flags |= CAMKIT_FRAME_KEYFRAME
    f.colour = p.colour
    f.memory = (CAMKIT_MEMORY_USERPTR if s.memory == V4L2_MEMORY_USERPTR else
                CAMKIT_MEMORY_DMABUF if s.memory == V4L2_MEMORY_DMABUF else CAMKIT_MEMORY_MMAP)
    f.clock = clock_of(b.flags)
    f.stamp = stamp_of(b.flags)
    # In unsigned numbers, for a driver's clock may wrap; the sum is then the wrapped one.
    f.timestamp_ns = <int64_t>(<uint64_t>b.timestamp.tv_sec * 1_000_000_000 + <uint64_t>b.timestamp.tv_usec * 1000)
    f.sequence = b.sequence
    _keep(&f.driver, b, planes, mplane)


cdef void _keep(camkit_driver_buffer *to, const v4l2_buffer *b, const v4l2_plane *planes, bint mplane) noexcept nogil:
    cdef uint32_t i
    to.index, to.type, to.flags, to.field, to.sequence = b.index, b.type, b.flags, b.field, b.sequence
    to.memory, to.length, to.bytes_used = b.memory, b.length, b.bytesused
    to.timecode_type = 0
    if b.flags & V4L2_BUF_FLAG_TIMECODE:
        to.timecode_type, to.timecode_flags = b.timecode.type, b.timecode.flags
        memcpy(to.timecode, &b.timecode.frames, 8)
    to.plane_count = min(b.length, <uint32_t>MOST_PLANES) if mplane else 0
    for i in range(to.plane_count):
        to.planes[i].bytes_used, to.planes[i].length = planes[i].bytesused, planes[i].length
        to.planes[i].data_offset = planes[i].data_offset


cdef uint8_t clock_of(uint32_t flags) noexcept nogil:
    cdef uint32_t kind = flags & V4L2_BUF_FLAG_TIMESTAMP_MASK
    if kind == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC:
        return CAMKIT_CLOCK_MONOTONIC
    return CAMKIT_CLOCK_COPY if kind == V4L2_BUF_FLAG_TIMESTAMP_COPY else CAMKIT_CLOCK_UNKNOWN


cdef uint8_t stamp_of(uint32_t flags) noexcept nogil:
    if flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK == V4L2_BUF_FLAG_TSTAMP_SRC_SOE:
        return CAMKIT_STAMP_START_OF_EXPOSURE
    return CAMKIT_STAMP_END_OF_FRAME
