"""LastingBackend: a camera that may be unplugged and plugged in again."""

from libc.errno cimport ENODEV
from libc.stdint cimport int64_t

cimport cython

from camkit.camera_capture._v4l2.hotplug cimport Monitor
from camkit.camera_capture._v4l2.backend cimport V4L2Backend
from camkit.camera_capture._v4l2.buffers cimport drain
from camkit.camera_capture._v4l2.device cimport Device
from camkit.memory_manager._abi cimport (
    CAMKIT_FULL,
    CAMKIT_INTERRUPTED,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_frame,
    now_ns,
)

import contextlib
import dataclasses
import os

from camkit.camera_capture._v4l2.configure import configure
from camkit.camera_capture._v4l2.controls import ControlNode, restore
from camkit.camera_capture._v4l2.device import code_text
from camkit.camera_capture._v4l2.find import info_of
from camkit.camera_capture._v4l2.identity import folder_of, identify, is_same, present
from camkit.camera_capture._v4l2.reasons import UNPLUGGING
from camkit.errors import (
    CameraDisconnected,
    CameraError,
    CameraNotFound,
    CameraPermission,
    FormatNotSupported,
    SettingNotSupported,
)
from camkit.memory_manager._format import FORMATS

cdef int64_t GRACE_NS = 2_000_000_000
LOCK_S = 0.05  # how often a reader who waits for the lock looks whether its holder waits for him


@cython.no_gc_clear
cdef class LastingBackend(V4L2Backend):
    """Wait for a camera that was unplugged, and go on with it when it is back, at whatever node.

    The stream goes on as another generation with the same format, rate and controls; the first frame has
    `discontinuity` set. Frames from before stay valid, and their buffers are never given to the new device. The old
    device is closed at once, for the kernel keeps its number as long as it is open. While the camera is away the
    reader waits in `Monitor` without the GIL. Thread-safety is that of `Backend`.

    Parameters
    ----------
    info, request
        As for `V4L2Backend`; `request.reconnect` is the longest wait in seconds.
    """

    def __init__(self, info, request):
        self.monitor = Monitor()  # now, when a failure can be told to who asked for it
        self.refused, self.others, self.hindrance = {}, frozenset(), ""
        self.most_s = request.reconnect
        super().__init__(info, request)
        self.device.kept = {}
        self.events.lasting = True
        folder = folder_of(info.path)
        self.identity = identify(folder) if folder is not None else None

    def explain(self):
        words = [super().explain()]
        if self.outages:
            away = (self.outage_ns + (now_ns() - self.outage_since if self.outage_since else 0)) / 1e9
            words.append(f"away {self.outages} times for {away:.3g} s together" if self.outages > 1 else
                         f"away once for {away:.3g} s")
        if self.outage_since:
            words.append(f"away now: waiting for {self.identity}")
        if self.hindrance:
            words.append(self.hindrance)
        if self.monitor.problem:
            words.append(f"its return may be missed: {self.monitor.problem}")
        words += [f"{name} is not as it was set before: {why}" for name, why in self.refused.items()]
        return "; ".join(words)

    cdef int stream_on(self) except -1:
        if not self.device.lost:
            try:
                return V4L2Backend.stream_on(self)
            except CameraDisconnected:
                pass
            except CameraError as error:
                if not self.leaves(self.info.path, error):
                    raise
        self.leave()
        return 0

    cdef int stream_off(self) except -1:
        if self.away:
            self.end_outage()
            return 0
        return V4L2Backend.stream_off(self)

    cdef int give_up(self) except -1:
        V4L2Backend.give_up(self)
        self.monitor.close()
        return 0

    cdef int take(self, camkit_frame **out) except -1 nogil:
        return CAMKIT_FULL if self.away else V4L2Backend.take(self, out)

    cdef int dequeue(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil:
        return self.await_return(timeout_ns) if self.away else V4L2Backend.dequeue(self, out, timeout_ns)

    cdef int _failed(self, int error, short events) except -1 nogil:
        # Some drivers refuse buffers so before the kernel has taken the device away.
        if error != ENODEV and not self._gone():
            return V4L2Backend._failed(self, error, events)
        with gil:
            return self.depart()

    cdef int _follow(self, int64_t timeout_ns) except -1 nogil:
        cdef int answer
        with gil:
            try:
                with nogil:
                    answer = V4L2Backend._follow(self, timeout_ns)
                return answer
            except CameraDisconnected:
                return self.depart()

    # Let go of the device that is gone, in the reader's thread: CAMKIT_TIMEOUT, or CAMKIT_INTERRUPTED.
    cdef int depart(self) except -1:
        if not self.hold():
            return CAMKIT_INTERRUPTED
        try:
            self.leave()
        finally:
            self.lock.release()
        return CAMKIT_TIMEOUT

    # Let go of the device that is gone. The lock is held.
    cdef int leave(self) except -1:
        if self.driver != NULL:
            self._end()
        self.events.detach()
        self.device.lost = True
        self.device.close()
        self.others = frozenset(other.place for other in present().values()) - {self.identity and self.identity.place}
        self.hindrance = ""
        self.looked = False
        self.outages += 1
        self.outage_since = self.waiting_since = now_ns()
        self.away = True
        self.events.add("disconnected")
        return 0

    # As dequeue(), which takes over when the camera is back.
    cdef int await_return(self, int64_t timeout_ns) except -1 nogil:
        cdef double most = self.most_s
        cdef int64_t left
        cdef int answer = CAMKIT_OK
        if self.looked:
            if most < 1e9:
                left = max(self.outage_since + <int64_t>(most * 1e9) - now_ns(), <int64_t>0)
                timeout_ns = left if timeout_ns < 0 else min(left, timeout_ns)
            answer = self.monitor.await_change(self.bell, timeout_ns)
        if answer == CAMKIT_INTERRUPTED:
            drain(self.bell)
            return CAMKIT_INTERRUPTED
        if answer == CAMKIT_OK:
            with gil:
                answer = self.come_back()
        self.waiting_since = now_ns()  # a camera that is away does not stall
        if self.away and (now_ns() - self.outage_since) / 1e9 >= most:
            with gil:
                raise CameraDisconnected(ENODEV, f"the camera is gone and did not come back within {most:g} s"
                                         f"{'; ' if self.hindrance else ''}{self.hindrance}", self.info.path)
        return answer

    # Look for the camera and go on with it: CAMKIT_TIMEOUT, also when it is not there.
    cdef int come_back(self) except -1:
        self.looked = True
        self.hindrance = ""
        path = None
        for node, other in present().items():
            if self.identity is not None and is_same(self.identity, other, self.others):
                path = node
                break
            if not self.hindrance and (node == self.info.path or (self.identity is not None
                                                                  and other.place == self.identity.place)):
                self.hindrance = f"another camera is at {node}: {other}, not {self.identity}"
        if path is None:
            return CAMKIT_TIMEOUT
        if not self.hold():
            self.looked = False
            return CAMKIT_INTERRUPTED
        try:
            self.reopen(path)
        except CameraPermission as error:  # as long as udev has not come to it
            self.hindrance = str(error)
        except (CameraNotFound, CameraDisconnected) as error:  # not made yet, or gone once more
            self.hindrance = str(error)
        except BaseException as error:
            self.looked = False  # who reads again tries again
            if not self.leaves(path, error):
                raise
        finally:
            self.lock.release()
        return CAMKIT_TIMEOUT

    cdef int reopen(self, str path) except -1:
        with contextlib.suppress(OSError):  # the caller's link, if it leads there again
            if os.path.samefile(self.info.path, path):
                path = self.info.path
        cdef Device device = Device(path)
        cdef Device old = self.device
        s = self.stream
        try:
            if (device.driver, device.card) != (old.driver, old.card):
                raise CameraNotFound(ENODEV, f"another camera is there: {device.card!r}, not {old.card!r}", path)
            pinned = dataclasses.replace(self.request, format=FORMATS[s.format], size=(s.width, s.height),
                                         fps=None if self.rate is None else float(self.rate))
            try:
                configure(device, pinned)
            except (FormatNotSupported, SettingNotSupported) as error:
                raise type(error)(f"cannot go on with {path!r}: the camera is back, but not with {s}: "
                                  f"{error}") from None
            layout = (*device.current(), device.layout)
            if layout != self.agreed:
                raise FormatNotSupported(f"cannot go on with {path!r}: the camera is back, but not with {s}: it "
                                         f"gives {code_text(layout[0])} {layout[1]}x{layout[2]}, in memory as "
                                         f"{layout[3]} instead of {self.agreed[3]}; open it again")
            device.kept = old.kept
            self.refused = restore(ControlNode(device, contextlib.nullcontext()))
            self.info = info_of(path)
            self._adopt(device)
            self.generation += 1
            self._start()
        except BaseException:
            if self.device is device:
                self.events.detach()
            device.lost = True
            device.close()
            raise
        self.name = str(self.info)
        self.renew(0)
        away_ns = now_ns() - self.outage_since
        self.end_outage()
        self.events.add("reconnected", path=self.info.path, away_s=away_ns / 1e9)
        return 0

    # Tell whether the device fails because it is being unplugged: the bus knows before the kernel takes it away.
    cdef bint leaves(self, str path, error) except -1:
        if not isinstance(error, CameraError) or error.errno not in UNPLUGGING:
            return False
        cdef int64_t end = now_ns() + GRACE_NS
        while path in present():
            if not self.monitor.wait(max(end - now_ns(), <int64_t>0) / 1e9):
                return False
        return True

    cdef int end_outage(self) noexcept nogil:
        self.away = False
        self.outage_ns += now_ns() - self.outage_since
        self.outage_since = 0
        return 0

    # Take the lock, in the reader's thread; False: its holder waits for the reader to leave.
    cdef bint hold(self) except -1:
        while not self.lock.acquire(timeout=LOCK_S):
            if not self.inside.is_open():
                return False
        return True
