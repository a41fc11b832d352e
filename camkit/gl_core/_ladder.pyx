"""Ladder: which way a frame's pixels take to the GPU, found by a trial of each on this driver."""

from libc.stdint cimport int64_t

from camkit.gl_core._check cimport FAULT_NONE, check_frame, fault_text, frame_fault
from camkit.gl_core._enums cimport GL_MAX_TEXTURE_SIZE
from camkit.gl_core._gl cimport GLint
from camkit.gl_core._transfer cimport Transfer
from camkit.gl_core._trial cimport measure, prove
from camkit.memory_manager._abi cimport CAMKIT_FRAME_READ_ONLY, camkit_frame
from camkit.memory_manager._frame cimport Frame

from camkit.errors import GLError
from camkit.gl_core._ways.client import Client
from camkit.gl_core.transfers import CANDIDATES, Memory, check_transfer
from camkit.memory_manager._frame import MEMORIES

cdef int64_t TRIAL_NS = 4_000_000
CLIENT = next(row for row in CANDIDATES if row.name == "client")
WAITING = "it can be judged when the first frame has come"


cdef class Ladder:
    """The candidates for frames of one format and size, and the one that is taken.

    Every method, and the end (`delete`), belongs to the thread where the context is current. Owns what it made; a
    Ladder that is dropped without `delete` leaves that to the context.

    Parameters
    ----------
    functions : Functions
        Of the context.
    format : PixelFormat
    width, height : int
        Of the pictures, in pixels.
    strides : sequence of int
        Of the frames that will come; they are part of the trial and may differ later.
    transfer : str
        The name of a way, which is taken or the error says why not; or ``"auto"``: the best right one.

    Attributes
    ----------
    refused : dict
        {way: why it is not taken}.
    measured_us : dict
        {way: microseconds of one upload, the GPU's part included}.

    Raises
    ------
    FormatNotSupported
        The GPU cannot take the format or the size.
    GLError
        No way of the wanted ones is right; the message tells about each.
    """

    def __init__(self, Functions functions not None, format, width, height, strides, str transfer="auto"):
        cdef GLint largest = 0
        self.wish = check_transfer(transfer)
        self.refused, self.measured_us = {}, {}
        self.functions = functions
        self.gl = &functions.f
        self.gl.GetIntegerv(GL_MAX_TEXTURE_SIZE, &largest)
        self.layout = Layout(format, width, height, strides, largest)
        try:
            self.climb(NULL)
        except BaseException:
            self.delete()
            raise

    def delete(self):
        """Delete all OpenGL objects. Twice is harmless."""
        for way in (self.taken, self.fallback):
            if way is not None:
                way.delete()
        self.taken = self.fallback = None
        self.fell = False

    def fill(self, Frame frame not None):
        """Upload one frame and wait until the GPU has it.

        Raises
        ------
        ValueError
            It has another format or size, or is truncated.
        """
        cdef camkit_frame *c = frame.get()
        cdef frame_fault fault
        if frame.format != self.layout.format.name or frame.size != (self.layout.width, self.layout.height):
            raise ValueError(f"{frame!r} does not fit textures for {self.layout}")
        if check_frame(c, &fault) != FAULT_NONE:
            raise ValueError(fault_text(&fault))
        with nogil:
            self.upload(c)
            self.gl.Finish()

    @property
    def transfer(self):
        """str: the way that is taken."""
        return self.taken.name

    @property
    def fallbacks(self):
        """int: frames that the way could not take, which went by `client` instead."""
        return self.fallen

    def explain(self):
        """Tell in words how the pixels get into the textures, and why so."""
        times = ", ".join(f"{way} {us:.0f} us" for way, us in self.measured_us.items())
        more = self.taken.explain()
        words = f"{self.layout} by {self.transfer!r} (measured: {times})" + (f", {more}" if more else "")
        words += "".join(f"; not {way!r}: {why}" for way, why in self.refused.items())
        if self.fallen:
            words += f"; {self.fallen} frame(s) went by {self.fallback.name!r} instead, the last because "
            words += f"{self.taken.why.decode()}"
        return words

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        if self.waiting:
            with gil:
                self.climb(f)
        self.fell = not self.taken.upload(f)
        if self.fell:
            self.fallen += 1
            if self.fallback is None:
                with gil:
                    self._fall_back()
            self.fallback.upload(f)
            self.holds, self.copied = self.fallback.holds, self.fallback.copied
        else:
            self.holds, self.copied = self.taken.holds, self.taken.copied
        return 0

    cdef void bind(self) noexcept nogil:
        if self.fell:
            self.fallback.bind()
        elif self.taken is not None:
            self.taken.bind()

    cdef GLuint texture(self, int plane) noexcept nogil:
        if self.fell:
            return self.fallback.textures[plane]
        return self.taken.textures[plane] if self.taken is not None else 0

    cdef int _fall_back(self) except -1:
        # It needs no proof of its own layout here: a driver whose plain upload is wrong has nothing right.
        self.fallback = Client(self.functions, self.layout, CLIENT)
        return 0

    cdef int climb(self, camkit_frame *f) except -1:
        memory = memory_of(f) if f != NULL else None
        self.waiting = False
        for candidate in CANDIDATES:
            name = candidate.name
            if self.wish not in ("auto", name):
                self.refused[name] = f"not asked for (transfer={self.wish!r})"
            elif name not in self.measured_us and self.refused.get(name, WAITING) is WAITING:
                why = candidate.refusal(self.functions, self.layout, memory)
                if why is None:
                    self.waiting, why = True, WAITING
                if why:
                    self.refused[name] = why
                else:
                    self._judge(candidate, memory)
        if self.taken is not None:
            self._settle()
        elif not self.waiting or f != NULL:
            self.waiting = False
            reasons = "; ".join(f"{way}: {why}" for way, why in self.refused.items())
            raise GLError(f"cannot upload {self.layout} to {self.functions.renderer!r}: {reasons}")
        return 0

    cdef int _judge(self, candidate, memory) except -1:
        # Leaves the best one of those that were judged in `taken`.
        cdef Transfer way = None
        cdef str why
        cdef double us = 0
        self.refused.pop(candidate.name, None)
        try:
            try:
                way = candidate.make(self.functions, self.layout, candidate, memory)
                why = prove(way)
                if why is None:
                    us = measure(way, TRIAL_NS) / 1000.0
            finally:
                if way is not None:
                    way.end_trial()
        except GLError as error:
            why = str(error)
        if why is not None:
            self.refused[candidate.name] = why
        else:
            self.measured_us[candidate.name] = us
            if self.taken is None or us < self.measured_us[self.taken.name]:
                self.taken, way = way, self.taken
        if way is not None:
            way.delete()
        return 0

    cdef int _settle(self) except -1:
        best = self.measured_us[self.taken.name]
        for name, us in self.measured_us.items():
            if name != self.taken.name:
                self.refused[name] = f"slower: {us:.0f} us against {best:.0f} us"
        return 0


cdef object memory_of(const camkit_frame *f):
    planes = [(<size_t>f.planes[i].data, f.planes[i].size, f.planes[i].stride, f.planes[i].offset,
               f.planes[i].dmabuf_fd) for i in range(f.plane_count)]
    return Memory(MEMORIES[f.memory], not f.flags & CAMKIT_FRAME_READ_ONLY, *zip(*planes))
