"""The synthetic camera: a moving test pattern at exact times on any machine, with faults on request."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset, strerror
from libcpp.algorithm cimport sort
from libcpp.pair cimport pair

from camkit.camera_capture._timed cimport TimedBackend
from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_END,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_READ_ONLY,
    CAMKIT_INTERRUPTED,
    CAMKIT_MEMORY_FOREIGN,
    CAMKIT_MEMORY_HEAP,
    CAMKIT_OK,
    CAMKIT_STAMP_START_OF_EXPOSURE,
    allocate_pages,
    camkit_frame,
    camkit_frame_describe,
    camkit_frame_release,
    frame_pool,
    huge_pages_no,
    now_ns,
)
from camkit.memory_manager._frame cimport Frame
from camkit.memory_manager._later cimport drop_object, keep_object

from collections.abc import Mapping
from numbers import Integral, Real

from camkit.camera_capture.info import CameraInfo, FormatInfo, FrameSize, StreamInfo
from camkit.camera_capture.lender import check_lender, lent_frames
from camkit.errors import CameraNotFound
from camkit.memory_manager._checks import check_int, shown
from camkit.memory_manager._format import FORMATS
from camkit.memory_manager._description import MATRICES, MEMORIES, PRIMARIES, RANGES, TRANSFERS

INFO = CameraInfo("synthetic", "Synthetic camera", None, None, "camkit", "memory", "synthetic")
LEAST = (least_width, least_height)
MOST = (8192, 8192)
RATES = (0.1, 1000.0)
MOST_NUMBERS = 1_000_000
PAGE = 4096


cdef class SyntheticBackend(TimedBackend):
    """Draw frames instead of capturing them, behaving as a driver with `buffers` buffers does.

    Frame n comes due n / fps seconds after the start, to the nanosecond, and takes the free buffer that has waited
    longest. A reader that comes late finds the frames in order with their true times; those that found no buffer
    free when they came due are lost, which the next frame's `gap` tells.

    The options are those of `SyntheticCamera`. Thread-safety and ownership are those of `Backend`.
    """

    def __cinit__(self):
        self.driver = new synthetic_driver()
        self.picture = new pattern()

    def __init__(self, info, request):
        super().__init__(info, request)
        faults = dict(request.options)
        memory = faults.pop("memory", None)
        self.lender = None if memory is None else check_lender(memory)
        self.memory = CAMKIT_MEMORY_HEAP if memory is None else CAMKIT_MEMORY_FOREIGN
        self._set_faults(**faults)
        self._negotiate()
        self.prepare(self.image_bytes)

    def __dealloc__(self):
        self.drop_pool()
        del self.driver
        del self.picture

    def _set_faults(self, *, drop=(), damage=(), delay=None, frames=None, realtime=True, seed=0, first_sequence=0):
        seed = check_int("seed", seed, 0, (1 << 64) - 1)
        set_fault(&self.driver.drop, "drop", drop, seed)
        set_fault(&self.driver.damage, "damage", damage, seed + 1 & (1 << 64) - 1)
        cdef pair[uint64_t, int64_t] late
        for number, seconds in checked_delays(delay):
            late.first, late.second = number, <int64_t>(seconds * 1e9)
            self.driver.delays.push_back(late)
        sort(self.driver.delays.begin(), self.driver.delays.end())
        if frames is not None:
            self.driver.frames = check_int("frames", frames, 1, (1 << 53) - 1)
        if not isinstance(realtime, bool):
            raise TypeError(f"realtime is {shown(realtime)}, not a bool")
        self.driver.realtime = realtime
        self.driver.first = check_int("first_sequence", first_sequence, 0, (1 << 32) - 1)

    def _negotiate(self):
        asked = self.request
        row = asked.format if asked.format is not None and not asked.format.compressed else FORMATS["YUYV"]
        size = tuple(
            min(max(v, low), high) // multiple * multiple
            for v, low, high, multiple in zip(asked.size or (640, 480), LEAST, MOST, row.multiple, strict=True)
        )
        fps = min(max(asked.fps or 30.0, RATES[0]), RATES[1])
        differences = asked.settle(self.info, row.name, size, fps)
        self.width, self.height = size
        self.format = list(FORMATS).index(row.name)
        self.stride = row.row_bytes(self.width)
        self.image_bytes = row.image_bytes(self.width, self.height)
        self.driver.period = 1e9 / fps
        self.picture.set(self.format, self.width, self.height)
        c = self.picture.colour()
        self.stream = StreamInfo(
            row.name, row.fourcc, self.width, self.height, self.stride, fps, MEMORIES[self.memory],
            asked.buffers,
            PRIMARIES[c.primaries], TRANSFERS[c.transfer], MATRICES[c.matrix], RANGES[c.range],
            "monotonic", "start_of_exposure", differences)

    cdef int stream_on(self) except -1:
        cdef synthetic_buffers *buffers = new synthetic_buffers()
        buffers.count, buffers.bell = self.stream.buffers, self.bell
        try:
            self.get_memory(buffers)
        except BaseException:
            del buffers
            raise
        self.pool = new frame_pool(buffers.count, synthetic_buffers.recycle, synthetic_buffers.destroy, buffers)
        if not self.pool.ok():
            self.drop_pool()
            raise MemoryError(f"cannot start camera {self.name!r}: no memory for its records")
        self.pool.generation.store(self.generation)
        self.buffers = buffers
        cdef uint32_t i
        for i in range(buffers.count):
            self.describe(self.pool.frame(i))
            self.picture.draw_background(self.pool.frame(i))
            buffers.box_x[i] = 0
        # The box of index 0 is where nothing is drawn yet: erasing it does no harm.
        cdef int64_t now = now_ns()
        buffers.hand_over(now)
        self.driver.begin(buffers, now)
        return 0

    cdef int get_memory(self, synthetic_buffers *buffers) except -1:
        cdef size_t pitch = (self.image_bytes + PAGE - 1) // PAGE * PAGE
        cdef uint32_t i
        if self.lender is not None:
            frames = lent_frames(self.lender, buffers.count, self.image_bytes, self.name)
            for i in range(buffers.count):
                buffers.data[i] = (<Frame>frames[i]).get().planes[0].data
            buffers.lender, buffers.give_up = keep_object(frames), drop_object
            return 0
        cdef int error = allocate_pages(buffers.pages, pitch * buffers.count, PAGE, huge_pages_no, True)
        if error:
            raise MemoryError(f"cannot start camera {self.name!r}: {self.stream.buffers} buffers of {self.image_bytes} "
                              f"bytes: {strerror(error).decode()}")
        for i in range(buffers.count):
            buffers.data[i] = buffers.pages.data + i * pitch
        return 0

    def _ring(self):
        return <size_t>self.pool

    cdef int stream_off(self) except -1:
        self.drop_pool()
        return 0

    cdef void drop_pool(self) noexcept nogil:
        if self.pool != NULL:
            self.pool.stop()
            self.pool.unref()
            self.pool = NULL
            self.buffers = NULL

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef int64_t now = now_ns(), end = now + timeout_ns if timeout_ns >= 0 else INT64_MAX, at
        cdef int answer
        while True:
            if self.interrupted.load():
                return CAMKIT_INTERRUPTED
            at = self.driver.look(now)
            if at < 0:
                return CAMKIT_END
            if at <= now:
                out[0] = self.draw()
                return CAMKIT_OK
            answer = self.doze(at, end, &now)
            if answer != CAMKIT_OK:
                return answer

    cdef int queued(self) noexcept nogil:
        return self.buffers.here(INT64_MAX)

    cdef int describe(self, camkit_frame *f) noexcept nogil:
        return camkit_frame_describe(f, self.format, self.width, self.height, self.buffers.data[f.slot],
                                     self.image_bytes, self.stride)

    # Fill the buffer whose turn it is. look() has said that there is one.
    cdef camkit_frame *draw(self) noexcept nogil:
        cdef filled due = self.driver.pop()
        cdef camkit_frame *f = self.pool.adopt(self.buffers.take())
        cdef uint64_t number = self.driver.first + due.index
        cdef int64_t *box_x = &self.buffers.box_x[f.slot]
        self.describe(f)
        f.colour = self.picture.colour()
        f.memory = <uint8_t>self.memory
        f.clock = CAMKIT_CLOCK_MONOTONIC
        f.stamp = CAMKIT_STAMP_START_OF_EXPOSURE
        f.timestamp_ns = due.time
        f.sequence = <uint32_t>number
        # As a driver's memory is: and what is drawn here needs no more repair than the box.
        f.flags = CAMKIT_FRAME_READ_ONLY
        if box_x[0] < 0:
            self.picture.draw_background(f)
        else:
            self.picture.erase_box(f, <uint32_t>box_x[0])
        box_x[0] = self.picture.box_x(due.index)
        self.picture.draw_box(f, <uint32_t>box_x[0])
        self.picture.draw_stamp(f, number, due.time)
        if self.driver.damage.hits(number):
            f.flags |= CAMKIT_FRAME_CORRUPT
            f.bytes_used //= 2
            memset(f.planes[0].data + f.bytes_used, 0, self.image_bytes - f.bytes_used)
            box_x[0] = -1
        return f


def list_devices():
    """Return [the synthetic camera]."""
    return [INFO]


def info_of(source):
    """Return the synthetic camera if that is what `source` names."""
    if source != INFO.id:
        raise CameraNotFound(2, "no such synthetic camera", str(source))
    return INFO


def formats(path=None):
    """Return what the synthetic camera offers: every format that is not compressed, sizes from 64x32 to 8192x8192."""
    return tuple(
        FormatInfo(row.fourcc, row.name, "test pattern", False, (FrameSize(*MOST, (), LEAST, row.multiple),))
        for row in FORMATS.values() if not row.compressed
    )


def bar_colours():
    """Return the colours of the test pattern's bars, left to right.

    Bar i covers the columns from i * step to (i + 1) * step with step = width // 8 rounded down to even, the last one
    the rest too; the lower quarter of the picture has the moving box, the top left corner the stamp. In YUV formats the
    pixels are the BT.601 limited range codes of these colours, rounded.

    Returns
    -------
    tuple of (int, int, int)
        Red, green and blue, 0 to 255.
    """
    return tuple((bar_rgb[i][0], bar_rgb[i][1], bar_rgb[i][2]) for i in range(bar_count))


def read_stamp(frame):
    """Read the number and time that the synthetic camera has drawn into a picture.

    Parameters
    ----------
    frame : Frame or array
        A frame of any uncompressed format, or an array of (height, width) or (height, width, samples), uint8 or uint16:
        of several samples the second is read, as in RGB and RGBA.

    Returns
    -------
    (int, int)
        Sequence number, and timestamp in nanoseconds.

    Raises
    ------
    ValueError
        There is no stamp, or it is damaged.
    """
    cdef uint64_t sequence = 0
    cdef int64_t time = 0
    cdef bint found = False
    cdef Py_buffer view
    cdef camkit_frame *f
    if isinstance(frame, Frame):
        f = (<Frame>frame).share()
        found = frame_stamp(f, &sequence, &time)
        camkit_frame_release(f)
    else:
        PyObject_GetBuffer(frame, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        try:
            if view.ndim not in (2, 3) or view.format not in (b"B", b"H", b"<H", b"=H"):
                raise ValueError(f"no stamp in an array of {view.ndim} dimensions of {view.format.decode()!r}: it must "
                                 "be (height, width) or (height, width, samples), uint8 or uint16")
            if view.shape[0] <= MOST[1] and view.shape[1] <= MOST[0] and (view.ndim == 2 or view.shape[2] > 1):
                found = array_stamp(<uint8_t *>view.buf + (view.strides[2] if view.ndim == 3 else 0), view.strides[0],
                                    view.strides[1], view.itemsize, view.shape[1], view.shape[0], &sequence, &time)
        finally:
            PyBuffer_Release(&view)
    if not found:
        raise ValueError("no stamp in the picture: it is not one of the synthetic camera's, too small, or damaged")
    return sequence, time


cdef int set_fault(fault *which, str name, value, seed) except -1:
    which.seed = seed
    if isinstance(value, Real) and not isinstance(value, Integral):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {shown(value)}: a share of all frames is from 0.0 to 1.0")
        which.share = value
        return 0
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} is {shown(value)}, neither frame numbers such as (3, 7) nor a share such as 0.01")
    for number in value:
        if which.numbers.size() >= <size_t>MOST_NUMBERS:
            raise ValueError(f"{name} has more than {MOST_NUMBERS} frame numbers: a share such as 0.01 has no end")
        which.numbers.push_back(check_int(f"a frame number of {name}", number, 0, (1 << 64) - 1))
    sort(which.numbers.begin(), which.numbers.end())
    return 0


def checked_delays(delay):
    """Yield the pairs of `delay`, checked."""
    if delay is None:
        return
    if not isinstance(delay, Mapping):
        raise TypeError(f"delay is {shown(delay)}, not a dict of seconds by frame number")
    for number, seconds in delay.items():
        if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 <= seconds <= 3600:
            raise ValueError(f"delay of frame {shown(number)} is {shown(seconds)}, not from 0 to 3600 seconds")
        yield check_int("a frame number of delay", number, 0, (1 << 64) - 1), float(seconds)
