"""Ladder: which way a frame's pixels take to the GPU, found by a trial of each on this driver."""

from camkit.gl_core._check cimport FAULT_NONE, check_frame, fault_text, frame_fault
from camkit.gl_core._enums cimport GL_MAX_TEXTURE_SIZE
from camkit.gl_core._gl cimport GLint
from camkit.memory_manager._abi cimport CAMKIT_FRAME_READ_ONLY, camkit_frame
from camkit.memory_manager._frame cimport Frame

import math
from time import monotonic

from camkit.errors import GLError
from camkit.gl_core._ways.client import Client
from camkit.gl_core.dmabufs import exporter_of, tier_of
from camkit.gl_core.transfers import CANDIDATES, Memory, best, check_transfer, row_of
from camkit.gl_core.trials import WRONG, Trials
from camkit.gl_core.verdicts import COPIES, NOT_ASKED, SLOWER, WAITING, table, verdicts
from camkit.memory_manager._format import FORMATS
from camkit.memory_manager._description import MEMORIES


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
    remembered : dict
        {way: date} of those whose figure is one of an earlier trial.

    Raises
    ------
    FormatNotSupported
        The GPU cannot take the format or the size.
    GLError
        No way of the wanted ones is right; the message tells about each.
    """

    def __init__(self, Functions functions not None, format, width, height, strides, str transfer="auto"):
        self.wish = check_transfer(transfer)
        self.refused, self.measured_us, self.remembered, self.trouble, self.kind = {}, {}, {}, "", ""
        self.functions = functions
        self.gl = &functions.f
        self.layout = Layout_for(functions, format, width, height, strides)
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
        """str: the way that is taken; None while the first frame has to come."""
        return self.taken.name if self.taken is not None else None

    @property
    def verdicts(self):
        """list of Verdict: what became of each way, best first."""
        return verdicts(self.transfer, self.refused, self.measured_us, self.remembered, self.layout.image_bytes,
                        self.kind)

    @property
    def fallbacks(self):
        """int: frames that the way could not take, which went by `client` instead."""
        return self.fallen

    def explain(self):
        """Tell in words how the pixels get into the textures, and why so."""
        if self.taken is None:
            return f"{self.layout} by {self.wish!r}, once the first frame has come\n{table(self.verdicts)}"
        row = row_of(self.taken.name)
        more = self.taken.explain()
        words = [f"{self.layout} by {row.name!r} (tier {self.taken.tier}): {row.words}{f', {more}' if more else ''}"]
        words.append(table(self.verdicts))
        if self.trouble:
            words.append(self.trouble)
        if self.fallen:
            words.append(f"{self.fallen} frame(s) went by {self.fallback.name!r} instead, the last because "
                         f"{self.taken.why.decode()}")
        return "\n".join(words)

    cdef int upload(self, camkit_frame *f) except -1 nogil:
        if self.waiting or self.taken is None:
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

    cdef bint folding(self, int plane, GLint *out) noexcept nogil:
        if self.fell:
            return self.fallback.folding(plane, out)
        return self.taken is not None and self.taken.folding(plane, out)

    cdef int _fall_back(self) except -1:
        # It needs no proof of its own layout here: a driver whose plain upload is wrong has nothing right.
        self.fallback = Client(self.functions, self.layout, row_of("client"))
        return 0

    cdef int climb(self, camkit_frame *f) except -1:
        memory = memory_of(f) if f != NULL else None
        wanted = []
        self.waiting = False
        if memory is not None and min(memory.dmabufs) >= 0:
            self.kind = tier_of(exporter_of(memory.dmabufs[0]))
        for row in CANDIDATES:
            if self.wish not in ("auto", row.name):
                self.refused[row.name] = f"{NOT_ASKED} (transfer={self.wish!r})"
            elif row.name not in self.measured_us and self.refused.get(row.name, WAITING) is WAITING:
                why = row.refusal(self.functions, self.layout, memory)
                if why is None:
                    self.waiting, why = True, WAITING
                if why:
                    self.refused[row.name] = why
                else:
                    self.refused.pop(row.name, None)
                    wanted.append(row)
        if wanted or self.taken is None:
            self.functions.tried_at = math.inf
            try:
                self._judge(wanted, memory)
            finally:
                self.functions.tried_at = monotonic()
        return 0

    cdef int _judge(self, wanted, memory) except -1:
        trials = Trials(self.functions, self.layout, wanted, memory)
        self.refused.update(trials.refused)
        self.measured_us.update(trials.measured_us)
        while self.measured_us and (self.taken is None or self.taken.name != best(self.measured_us)):
            row = row_of(best(self.measured_us))
            way, why = trials.make(row)
            if why:
                # It was right the last time, or a moment ago.
                del self.measured_us[row.name]
                self.refused[row.name] = why
                trials.remember({row.name: {"why": why} if why.startswith(WRONG) else None})
                continue
            if self.taken is not None:
                self.taken.delete()
            self.taken = way
        self.remembered |= trials.remembered
        self.trouble = trials.trouble
        if self.taken is not None:
            self._compare()
        elif not self.waiting or self.wish == "auto":
            raise GLError(f"cannot upload {self.layout} to {self.functions.renderer!r}: {self._refusals()}")
        return 0

    cdef int _compare(self) except -1:
        cdef double us = self.measured_us[self.taken.name]
        for name, other in self.measured_us.items():
            if other >= us:
                self.refused[name] = f"{SLOWER}: {other:.1f} us against {us:.1f} us"
            else:
                self.refused[name] = f"{COPIES}, for {other:.1f} us against {us:.1f} us"
        self.refused.pop(self.taken.name, None)
        return 0

    def _refusals(self):
        if self.wish == "auto":
            return "; ".join(f"{row.tier} {row.name}: {self.refused.get(row.name, 'taken')}" for row in CANDIDATES)
        return (f"{row_of(self.wish).tier} {self.wish}: {self.refused[self.wish]}; no other way was asked for, "
                "transfer='auto' takes the best that is right")


cdef object memory_of(const camkit_frame *f):
    planes = [(<size_t>f.planes[i].data, f.planes[i].size, f.planes[i].stride, f.planes[i].offset,
               f.planes[i].dmabuf_fd) for i in range(f.plane_count)]
    return Memory(MEMORIES[f.memory], not f.flags & CAMKIT_FRAME_READ_ONLY, *zip(*planes))


def try_way(functions, format, width, height, strides, name, memory=None):
    """Try one way and forget what it answers: for a child process, which tells by its survival.

    Parameters
    ----------
    functions : Functions
        Of the context that is current.
    format : str
    width, height : int
    strides : sequence of int
    name : str
        Of the way.
    memory : Memory, optional
        Where a frame lies. Default: memory of our own will do.
    """
    layout = Layout_for(functions, FORMATS[format], width, height, strides)
    Trials(functions, layout, [row_of(name)._replace(risky=False)], memory if name == "import" else None)


cdef Layout Layout_for(Functions functions, format, width, height, strides):
    cdef GLint largest = 0
    functions.f.GetIntegerv(GL_MAX_TEXTURE_SIZE, &largest)
    return Layout(format, width, height, strides, largest)
