"""V4L2Reader: how frames are taken from a V4L2 stream that runs."""

from libc.errno cimport EAGAIN, EINTR, EIO, ENODEV, EPERM, EPIPE, EPROTO, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from posix.unistd cimport close as c_close

cimport cython

from camkit.camera_capture._backend cimport Backend, gate
from camkit.camera_capture._intake cimport TAKE_NS
from camkit.camera_capture._v4l2.abi cimport (
    F_SETFL,
    O_NONBLOCK,
    O_RDWR,
    VIDIOC_QUERYCAP,
    c_fcntl,
    c_ioctl,
    v4l2_capability,
)
from camkit.camera_capture._v4l2.buffers cimport (
    MOST_BUFFERS,
    MOST_PLANES,
    describe_buffer,
    drain,
    driver_stream,
    inherited,
    queue_buffer,
    ring,
    sync_buffer,
)
from camkit.camera_capture._v4l2.buffers_abi cimport *
from camkit.camera_capture._v4l2.device cimport failure, ioctl_errno
from camkit.camera_capture._v4l2.frame cimport describe_frame
from camkit.memory_manager._abi cimport (
    CAMKIT_END,
    CAMKIT_FRAME_CORRUPT,
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    camkit_frame_release,
)

from camkit.errors import CameraDisconnected, CameraError

cdef int MOST_IO_ERRORS = 8  # without a frame in between: then they are no hiccup
cdef uint64_t INTERRUPT = <uint64_t>1 << 32  # what unblock() adds to the bell; a buffer that came back adds 1


@cython.no_gc_clear  # the collector must not close the device before __dealloc__ has ended the stream
cdef class V4L2Reader(Backend):
    """Take frames from a V4L2 stream, and say what is wrong when none come.

    The half of `V4L2Backend` that works without the GIL; the other half begins and ends streams. Thread-safety is that
    of `Backend`.
    """

    def __cinit__(self):
        self.bell = -1
        self.unwatched = -1
        self.ringing = new gate()
        self.watch = new call_watch(TAKE_NS // 1_000_000)

    def __dealloc__(self):
        if self.bell >= 0:
            c_close(self.bell)
        del self.watch
        del self.ringing

    cdef int queued(self) noexcept nogil:
        # Who waits for a buffer to be given back would not hear of what comes in, or of the camera's return.
        return self.driver.queued.load() if self.driver != NULL else MOST_BUFFERS

    cdef void unblock(self) noexcept nogil:
        if self.ringing.enter():
            ring(self.bell, INTERRUPT)
            self.watch.interrupt()
            self.ringing.leave()

    # Sleep in the driver's own call, until a buffer is there or the watch ends it.
    cdef int take(self, camkit_frame **out) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef v4l2_buffer b
        cdef v4l2_plane planes[MOST_PLANES]
        cdef uint32_t reasons
        cdef int error = EINTR
        if self.unwatched or self.stale.load() or self.ended or inherited(s):
            return CAMKIT_FULL
        if s.unqueued.load() or s.queued.load() <= 0:
            return CAMKIT_FULL
        if self.metadata is not None:
            self.metadata.catch_up()
        describe_buffer(s, &b, planes, 0)
        if self.watch.enter():
            error = errno if c_ioctl(s.fd, VIDIOC_DQBUF, &b) < 0 else 0
        reasons = self.watch.leave()
        if not error:
            self.io_errors = 0
            return self._fill(out, &b, planes)
        if error != EINTR:
            return self._failed(error, 0)
        if reasons and not reasons & call_interrupted:
            # Something urgent is for dequeue() to see to, and no reason to think that much time has passed.
            return CAMKIT_TIMEOUT if reasons & call_late else CAMKIT_FULL
        drain(self.bell)
        return CAMKIT_INTERRUPTED

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef v4l2_buffer b
        cdef v4l2_plane planes[MOST_PLANES]
        cdef short events = 0
        if self.ended:
            return CAMKIT_END
        if self.stale.load() or s == NULL:
            return self._follow(timeout_ns)
        if inherited(s):
            raise CameraError(EPERM, "cannot take a frame: the stream belongs to the process that this one was forked "
                              "from; open the camera here", self.device.path)
        if s.unqueued.load():
            return self._queue_again()
        if self.metadata is not None:
            self.metadata.catch_up()
        cdef int error, answer = self._wait(timeout_ns, &events)
        if answer != CAMKIT_OK:
            return answer
        describe_buffer(s, &b, planes, 0)
        if events & (POLLERR | POLLHUP):
            c_fcntl(s.fd, F_SETFL, O_RDWR | O_NONBLOCK)  # there may be no buffer, and none may come
        error = ioctl_errno(s.fd, VIDIOC_DQBUF, &b)
        if events & (POLLERR | POLLHUP) and not self.unwatched:
            c_fcntl(s.fd, F_SETFL, O_RDWR)
        if error:
            return self._failed(error, events)
        self.io_errors = 0
        return self._fill(out, &b, planes)

    # Wait for a buffer to be filled. CAMKIT_TIMEOUT may come early: Backend.fetch() looks at the clock.
    cdef int _wait(self, int64_t timeout_ns, short *events) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef pollfd p[2]
        cdef int64_t ms = min((timeout_ns + 999999) // 1000000, <int64_t>0x7FFFFFFF)
        cdef int n, timeout_ms = -1 if timeout_ns < 0 else <int>ms
        cdef bint dry = s.queued.load() <= 0
        if dry:
            s.dry.store(1)
            dry = s.queued.load() <= 0  # or one came back just now, too early to ring
        p[0].fd, p[0].events = self.bell, POLLIN
        # A driver without buffers may answer POLLERR to POLLIN for ever; asked for nothing, it only tells of an
        # unplugging.
        p[1].fd, p[1].events = s.fd, POLLPRI if dry else POLLIN | POLLPRI
        n = c_poll(p, 2, timeout_ms)
        if n > 0 and p[1].revents & POLLPRI and not p[1].revents & (POLLERR | POLLHUP):
            with gil:
                try:
                    if self.events.pump():
                        self.stale.store(True)
                except CameraDisconnected:  # the next look at the device says so too, to who deals with it
                    pass
            if self.stale.load():
                s.dry.store(0)
                return CAMKIT_TIMEOUT
            p[1].revents &= ~POLLPRI
        if dry and n > 0 and p[1].revents and not p[0].revents and not self._gone():
            n = c_poll(p, 1, timeout_ms)
            p[1].revents = 0
        s.dry.store(0)
        if n < 0:
            if errno == EINTR:
                return CAMKIT_INTERRUPTED
            with gil:
                raise failure(self.device.path, "wait for a frame", errno)
        if n == 0:
            return CAMKIT_TIMEOUT
        if p[0].revents and drain(self.bell) >= INTERRUPT:
            return CAMKIT_INTERRUPTED
        events[0] = p[1].revents
        return CAMKIT_OK if events[0] else CAMKIT_TIMEOUT

    cdef int wait_for_buffer(self, int64_t timeout_ns) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef pollfd p[2]
        cdef int64_t ms = min((timeout_ns + 999999) // 1000000, <int64_t>0x7FFFFFFF)
        cdef int n = 0
        s.dry.store(1)
        p[0].fd, p[0].events = self.bell, POLLIN
        p[1].fd, p[1].events, p[1].revents = s.fd, 0, 0  # tells of an unplugging
        if s.queued.load() <= self.reserve:  # else one came back just now, too early to ring
            n = c_poll(p, 2, -1 if timeout_ns < 0 else <int>ms)
        s.dry.store(0)
        if n > 0 and p[1].revents:
            return self._failed(EIO, p[1].revents)
        if n < 0 or (n > 0 and drain(self.bell) >= INTERRUPT):
            return CAMKIT_INTERRUPTED
        return CAMKIT_OK if n > 0 or s.queued.load() > self.reserve else CAMKIT_TIMEOUT

    cdef int _fill(self, camkit_frame **out, v4l2_buffer *b, v4l2_plane *planes) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef camkit_frame *f = self.pool.adopt(b.index) if b.index < s.count.load() else NULL
        if f == NULL:
            with gil:
                raise CameraError(EPROTO, f"the driver handed over buffer {b.index}, which it has not got",
                                  self.device.path)
        s.queued.fetch_sub(1)
        cdef int error = sync_buffer(s, b.index, True)
        describe_frame(f, &self.picture, s, b, planes)
        if error:
            # What the caches hold may be of an earlier frame.
            f.flags |= CAMKIT_FRAME_CORRUPT
            self.sync_failures += 1
        if self.metadata is not None:
            self.metadata.time_frame(f)
        if self.useless:
            f.flags |= CAMKIT_FRAME_CORRUPT
        if b.flags & V4L2_BUF_FLAG_LAST:
            self.ended = True
            if not f.bytes_used:  # nothing but the word that it is over
                camkit_frame_release(f)
                return CAMKIT_END
        out[0] = f
        return CAMKIT_OK

    cdef int _failed(self, int error, short events) except -1 nogil:
        cdef bint broken = events & (POLLERR | POLLHUP)
        if error == EAGAIN and not broken:
            return CAMKIT_TIMEOUT
        if error == EPIPE:
            self.ended = True
            return CAMKIT_END
        if error == EIO and not broken and self.io_errors < MOST_IO_ERRORS:
            # V4L2 lets drivers say so for a passing trouble, such as a lost signal: a gap in the sequence will tell.
            self.io_errors += 1
            return CAMKIT_TIMEOUT
        with gil:
            if error == ENODEV or self._gone():
                raise CameraDisconnected(ENODEV, "the camera is gone: unplugged, or let go by its driver; close it, "
                                         "and open it again when it is back", self.device.path)
            if broken or error == EIO:
                raise CameraError(EIO, "the driver has given the stream up after an error; start it again, or plug the "
                                  "camera in anew", self.device.path)
            raise failure(self.device.path, "take a frame", error)

    cdef int _queue_again(self) except -1 nogil:
        cdef driver_stream *s = self.driver
        cdef uint64_t failed = s.unqueued.exchange(0), still = 0
        cdef uint32_t i, n = 0
        cdef int error = s.unqueued_errno.load()
        for i in range(s.count.load()):
            if failed >> i & 1:
                n += 1
                if queue_buffer(s, i):
                    still += 1
        with gil:
            self.requeue_failures += n
            if error == ENODEV or self._gone():
                return self._failed(ENODEV, POLLHUP)
            raise failure(self.device.path, f"give {n} buffer(s) back to the driver ({n - still} went on a second try)",
                          error)

    cdef bint _gone(self) noexcept nogil:
        cdef v4l2_capability c
        return ioctl_errno(self.device.fd, VIDIOC_QUERYCAP, &c) == ENODEV

    # A subclass looks at what comes in.
    cdef int _follow(self, int64_t timeout_ns) except -1 nogil:
        return CAMKIT_TIMEOUT
