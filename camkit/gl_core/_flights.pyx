"""Flights: the frames that the GPU has under way, each behind a fence."""

from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._enums cimport (
    GL_QUERY_RESULT,
    GL_SYNC_FLUSH_COMMANDS_BIT,
    GL_SYNC_GPU_COMMANDS_COMPLETE,
    GL_TIMEOUT_EXPIRED,
    GL_TIMESTAMP,
    GL_WAIT_FAILED,
)
from camkit.gl_core._gl cimport GLenum
from camkit.gl_core._gpu_clock cimport GpuClock_make
from camkit.memory_manager._abi cimport camkit_frame, camkit_frame_release, camkit_frame_retain, now_ns

cdef class Flights:
    """A ring of fences, and of the frames that wait for one. Belongs to the thread where the context is current."""

    cdef void keep(self, camkit_frame *frame) noexcept nogil:
        if self.kept != NULL:
            self._let_go(&self.kept)  # its drawing failed half-way
        camkit_frame_retain(frame)
        self.kept = frame

    cdef int push(self, int64_t timestamp_ns, bint timed) except -1 nogil:
        cdef flight *next = &self.flights[(self.first + self.count) % FLIGHTS]
        if next.timer:
            self.gl.QueryCounter(next.timer, GL_TIMESTAMP)  # before the fence, so that it is known when that is
        next.fence = self.gl.FenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        if next.fence == NULL:
            with gil:
                self.functions.fail_lost("put a fence behind a frame", "glFenceSync() returned nothing")
        next.timestamp_ns = timestamp_ns
        next.timed = timed
        if self.live:
            # What painters have of it is good until the next one is there.
            next.frame = self.shown
            self.shown = self.kept
        else:
            next.frame = self.kept
        self.kept = NULL
        self.count += 1
        return 0

    cdef int retire(self, int64_t timeout_ns) except -1 nogil:
        cdef flight *oldest
        cdef GLenum answer
        cdef uint64_t shown = 0
        cdef int64_t latency
        cdef int done = 0
        while self.count:
            oldest = &self.flights[self.first]
            answer = self.gl.ClientWaitSync(oldest.fence, GL_SYNC_FLUSH_COMMANDS_BIT, 0 if done else timeout_ns)
            if answer == GL_TIMEOUT_EXPIRED:
                break
            if answer == GL_WAIT_FAILED:
                with gil:
                    self.functions.fail_lost("wait for the GPU", "glClientWaitSync() said GL_WAIT_FAILED")
            if oldest.timer:
                self.gl.GetQueryObjectui64v(oldest.timer, GL_QUERY_RESULT, &shown)
                self.drawn_ns = self.clock.monotonic(shown)
            if oldest.timed:
                latency = now_ns() - oldest.timestamp_ns
                self.latency.record(latency)
                if self.log != NULL:
                    self.log.values[self.log.count % LOGGED] = latency
                    self.log.count += 1
                if oldest.timer:
                    self.drawing.record(self.drawn_ns - oldest.timestamp_ns)
            self.gl.DeleteSync(oldest.fence)
            oldest.fence = NULL
            if oldest.frame != NULL:
                camkit_frame_release(oldest.frame)
                oldest.frame = NULL
            self.first = (self.first + 1) % FLIGHTS
            self.count -= 1
            done += 1
        return done

    cdef void drop(self) noexcept nogil:
        cdef int i
        for i in range(FLIGHTS):
            if self.flights[i].frame != NULL:
                self._let_go(&self.flights[i].frame)
            if self.flights[i].fence != NULL:
                self.gl.DeleteSync(self.flights[i].fence)
                self.flights[i].fence = NULL
            if self.flights[i].timer:
                self.gl.DeleteQueries(1, &self.flights[i].timer)
                self.flights[i].timer = 0
        self.count = 0
        self.rest()

    cdef void rest(self) noexcept nogil:
        if self.kept != NULL:
            self._let_go(&self.kept)
        if self.shown != NULL:
            self._let_go(&self.shown)

    cdef int held(self) noexcept nogil:
        cdef int i, n = (self.kept != NULL) + (self.shown != NULL)
        for i in range(FLIGHTS):
            n += self.flights[i].frame != NULL
        return n

    def frames(self):
        """Return the addresses of the frames that are held. Any thread."""
        cdef int i
        held = {<size_t>self.kept, <size_t>self.shown}
        for i in range(FLIGHTS):
            held.add(<size_t>self.flights[i].frame)
        return frozenset(held - {0})

    cdef void _let_go(self, camkit_frame **frame) noexcept nogil:
        # Without a fence to ask: a driver that gets its buffer back writes into it at once.
        self.gl.Finish()
        camkit_frame_release(frame[0])
        frame[0] = NULL


cdef Flights Flights_make(Functions functions, histogram *latency, histogram *drawing):
    cdef Flights made = Flights.__new__(Flights)
    made.functions = functions
    made.gl = &functions.f
    made.latency = latency
    made.drawing = drawing
    made.clock = GpuClock_make(functions)
    cdef int i
    if made.clock.bits:
        for i in range(FLIGHTS):
            made.gl.GenQueries(1, &made.flights[i].timer)
    return made
