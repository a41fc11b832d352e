"""Description: all that a frame says of itself beside its pixels."""

cimport cython
from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport (
    CAMKIT_CLOCK_MONOTONIC,
    CAMKIT_FRAME_COPY,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FRAME_DISCONTINUITY,
    CAMKIT_FRAME_KEYFRAME,
    CAMKIT_FRAME_READ_ONLY,
    camkit_format_row,
    camkit_frame,
)
from camkit.memory_manager._clock_map cimport shared_map
from camkit.memory_manager._format cimport PixelFormat_of

from collections import namedtuple

from camkit.errors import ClockUnknown
from camkit.memory_manager.dmabuf import DmabufPlane
from camkit.memory_manager.driver_buffer import DriverBuffer, DriverPlane, DriverTimecode

Colour = namedtuple("Colour", "primaries transfer matrix range")
Colour.__doc__ = "Colour of a frame by name: primaries, transfer, matrix, range; `unknown` where the source is silent."

PRIMARIES = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 12: "dci-p3"}
TRANSFERS = {1: "bt709", 2: "unknown", 7: "smpte240m", 8: "linear", 13: "srgb", 16: "pq"}
MATRICES = {0: "rgb", 1: "bt709", 2: "unknown", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
RANGES = {0: "unknown", 1: "limited", 2: "full"}
CLOCKS = ("unknown", "monotonic", "copy")
STAMPS = ("unknown", "start_of_exposure", "end_of_frame")
MEMORIES = ("heap", "mmap", "userptr", "dmabuf", "memfd", "foreign")


@cython.no_gc
cdef class Description:
    """The half of a `Frame` that tells of format, size, times, numbers and memory, and shows no pixel.

    Reading is safe from any thread.
    """

    def time(self, clock="realtime", of="timestamp"):
        """Tell a moment of the frame on a system clock.

        Parameters
        ----------
        clock : {"realtime", "boottime", "tai", "monotonic_raw", "monotonic"}
            Clock to tell it on; `realtime` counts from 1970.
        of : {"timestamp", "hardware", "dequeue"}
            Which moment: `timestamp_ns`, `hardware_ns` or `dequeue_ns`.

        Returns
        -------
        int
            Nanoseconds. `camkit.clock_map("monotonic", clock).error_at(...)` bounds its error, which is the size of the
            step for a frame under way while the clock was set.

        Raises
        ------
        ClockUnknown
            The frame's own clock is not known (see `clock`), or it has no such time.
        ValueError
            There is no such clock or moment.
        """
        cdef camkit_frame *c
        with cython.critical_section(self):
            c = self.get()
            number, own = c.sequence, c.clock
            times = {"timestamp": c.timestamp_ns, "hardware": c.hardware_ns, "dequeue": c.dequeue_ns}
        if of not in times:
            raise ValueError(f"of is {of!r}, not one of {', '.join(times)}")
        if of == "timestamp" and own != CAMKIT_CLOCK_MONOTONIC:
            raise ClockUnknown(f"cannot tell the time of frame {number} on {clock}: its timestamp is on a clock "
                               f"that is {CLOCKS[own]!r}; of=\"dequeue\" tells when it was taken from the source")
        if not times[of]:
            raise ClockUnknown(f"cannot tell the {of} time of frame {number} on {clock}: it has none")
        return times[of] if clock == "monotonic" else shared_map("monotonic", clock).convert(times[of])

    @property
    @cython.critical_section
    def strides(self):
        """tuple of int: bytes from one row to the next, for every plane; 0 in a compressed format."""
        return tuple([self.c.planes[i].stride for i in range(self.get().plane_count)])

    @property
    @cython.critical_section
    def format(self):
        """str: V4L2 name of the pixel format, None for plain bytes."""
        return name_of(self.get().format)

    @property
    @cython.critical_section
    def pixel_format(self):
        """PixelFormat: the row of the format table, None for plain bytes."""
        return PixelFormat_of(self.c.format) if camkit_format_row(self.get().format) != NULL else None

    @property
    @cython.critical_section
    def width(self):
        """int: pixels."""
        return self.get().width

    @property
    @cython.critical_section
    def height(self):
        """int: pixels."""
        return self.get().height

    @property
    @cython.critical_section
    def size(self):
        """(int, int): width and height in pixels."""
        return self.get().width, self.c.height

    @property
    @cython.critical_section
    def nbytes(self):
        """int: bytes that the source wrote, all planes together."""
        return self.get().bytes_used

    @property
    def colour(self):
        """Colour: primaries, transfer, matrix and range."""
        with cython.critical_section(self):
            c = self.get().colour
        return Colour(PRIMARIES.get(c.primaries, "unknown"), TRANSFERS.get(c.transfer, "unknown"),
                      MATRICES.get(c.matrix, "unknown"), RANGES.get(c.range, "unknown"))

    @property
    @cython.critical_section
    def timestamp_ns(self):
        """int: the source's time of the frame in nanoseconds, on `clock`, at the moment that `stamp` names."""
        return self.get().timestamp_ns

    @property
    @cython.critical_section
    def clock(self):
        """str: clock of `timestamp_ns`: `monotonic` (as time.monotonic_ns), `copy` or `unknown`."""
        return CLOCKS[self.get().clock]

    @property
    @cython.critical_section
    def stamp(self):
        """str: what `timestamp_ns` marks: `start_of_exposure`, `end_of_frame` or `unknown`."""
        return STAMPS[self.get().stamp]

    @property
    @cython.critical_section
    def dequeue_ns(self):
        """int: when camkit took the frame from the source, monotonic nanoseconds."""
        return self.get().dequeue_ns

    @property
    @cython.critical_section
    def hardware_ns(self):
        """int or None: when the camera's own clock says that it was exposed, in monotonic nanoseconds."""
        return self.get().hardware_ns or None

    @property
    @cython.critical_section
    def driver(self):
        """DriverBuffer or None: what the driver said of its buffer; None where no driver filled the frame."""
        d = &self.get().driver
        if not d.type:
            return None
        t = d.timecode
        timecode = DriverTimecode(d.timecode_type, d.timecode_flags, t[0], t[1], t[2], t[3], bytes(t[4:8]))
        return DriverBuffer(
            d.index, d.type, d.bytes_used, d.flags, d.field, d.sequence, d.memory, d.length,
            timecode if d.timecode_type else None,
            tuple([DriverPlane(d.planes[i].bytes_used, d.planes[i].length, d.planes[i].data_offset)
                   for i in range(d.plane_count)]))

    @property
    @cython.critical_section
    def stage_ns(self):
        """tuple of int: when each pipeline stage was done with the frame, monotonic nanoseconds.

        Of the stages in front of a Tee: behind it several threads have the frame, and none writes into it.
        """
        return tuple([self.c.stage_ns[i] for i in range(self.get().stage_count)])

    @property
    @cython.critical_section
    def sequence(self):
        """int: the source's number of the frame; it counts lost frames too."""
        return self.get().sequence

    @property
    @cython.critical_section
    def gap(self):
        """int: frames that the source lost just before this one."""
        return self.get().gap

    @property
    @cython.critical_section
    def generation(self):
        """int: number of the stream it belongs to; a restarted camera has another."""
        return self.get().generation

    @property
    @cython.critical_section
    def slot(self):
        """int: index of its buffer in the pool."""
        return self.get().slot

    @property
    @cython.critical_section
    def memory(self):
        """str: where the pixels lie.

        `heap` (ours), `mmap` (the driver's own buffer), `userptr` (ours, filled by the driver), `dmabuf` (a dma-buf
        that the driver filled, or of a pool of them), `memfd` (a pool's that can be shared) or `foreign` (wrapped).
        """
        return MEMORIES[self.get().memory]

    @property
    @cython.critical_section
    def dmabufs(self):
        """tuple of DmabufPlane or None: the planes as dma-bufs, for GPUs and other devices; None if they are none.

        With `Frame.memory` "dmabuf" the CPU's access is announced to the exporter while the frame is out; else the
        driver sees to that.
        """
        cdef camkit_frame *c = self.get()
        if not c.plane_count or c.planes[0].dmabuf_fd < 0:
            return None
        return tuple([DmabufPlane(c.planes[i].dmabuf_fd, c.planes[i].offset, c.planes[i].stride)
                      for i in range(c.plane_count)])

    @property
    @cython.critical_section
    def corrupt(self):
        """bool: the driver marked the frame as damaged, or it is shorter than its picture."""
        return self.get().flags & CAMKIT_FRAME_CORRUPT != 0

    @property
    @cython.critical_section
    def keyframe(self):
        """bool: the frame can be decoded without others."""
        return self.get().flags & CAMKIT_FRAME_KEYFRAME != 0

    @property
    @cython.critical_section
    def discontinuity(self):
        """bool: the first frame after the source began anew by itself, perhaps in another format."""
        return self.get().flags & CAMKIT_FRAME_DISCONTINUITY != 0

    @property
    @cython.critical_section
    def copied(self):
        """bool: a copy, handed out because the camera's own buffers had run short."""
        return self.get().flags & CAMKIT_FRAME_COPY != 0

    @property
    @cython.critical_section
    def readonly(self):
        """bool: views cannot be written."""
        return self.get().flags & CAMKIT_FRAME_READ_ONLY != 0

    cdef camkit_frame *get(self) except NULL:
        if self.c == NULL:
            raise ValueError("the frame is closed")
        return self.c


cdef object name_of(uint32_t format):
    row = camkit_format_row(format)
    return row.name.decode() if row != NULL else None
