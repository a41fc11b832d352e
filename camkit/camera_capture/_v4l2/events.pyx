"""EventNode: the ioctls of events. What becomes of them is told in _v4l2/watch.py."""

from libc.errno cimport ENOENT, ENOTTY
from libc.stdint cimport uint32_t
from libc.string cimport memset

from camkit.camera_capture._v4l2.buffers_abi cimport POLLPRI, c_poll, pollfd
from camkit.camera_capture._v4l2.events_abi cimport *
from camkit.camera_capture._v4l2.node cimport Node

from collections import namedtuple

from camkit.errors import CameraDisconnected

END_OF_STREAM, CONTROL, FRAME_SYNC, SOURCE_CHANGE = 2, 3, 4, 5  # V4L2_EVENT_*
INTEGER64 = 5  # V4L2_CTRL_TYPE_INTEGER64
MOST = 1024  # taken at once; a driver that never runs out has an error

RawEvent = namedtuple("RawEvent", "type id time_ns sequence details")


cdef class EventNode(Node):
    """Subscribe to a device's events and take them; see `Node`."""

    def subscribe(self, uint32_t type, uint32_t id, *, own=False):
        """Have events of a type and object queued, `own` ones too: what this opening caused; 0 or errno."""
        cdef v4l2_event_subscription s
        memset(&s, 0, sizeof(s))
        s.type, s.id, s.flags = type, id, 2 if own else 0  # V4L2_EVENT_SUB_FL_ALLOW_FEEDBACK
        return self.attempt(VIDIOC_SUBSCRIBE_EVENT, &s)

    def unsubscribe(self, uint32_t type, uint32_t id):
        """Have no more of them queued; 0 or errno."""
        cdef v4l2_event_subscription s
        memset(&s, 0, sizeof(s))
        s.type, s.id = type, id
        return self.attempt(VIDIOC_UNSUBSCRIBE_EVENT, &s)

    def take(self):
        """Take the events that are queued, without waiting.

        One thread at a time, and nobody unsubscribes meanwhile: on a descriptor that blocks, the call would wait for an
        event that somebody else has taken.

        Returns
        -------
        list of RawEvent
            `details` is what the driver tells beside: of a control a dict, of a source change the bits of what
            changed, of a frame sync the frame's number.
        """
        cdef v4l2_event e
        found = []
        cdef pollfd p
        p.fd, p.events = self.device.fd, POLLPRI
        while len(found) < MOST and c_poll(&p, 1, 0) > 0 and p.revents & POLLPRI:
            memset(&e, 0, sizeof(e))
            try:
                error = self.attempt(VIDIOC_DQEVENT, &e)
            except CameraDisconnected:
                if found:
                    break  # the next call tells
                raise
            if error in (ENOENT, ENOTTY):  # no more, or no events at all
                break
            if error:
                if found:
                    break  # the next call tells
                raise self.failure("take an event", error)
            details = None
            if e.type == CONTROL:
                c = e.u.ctrl
                details = {
                    "changes": c.changes, "flags": c.flags, "value": c.value64 if c.type == INTEGER64 else c.value,
                    "minimum": c.minimum, "maximum": c.maximum, "step": c.step, "default": c.default_value,
                }
            elif e.type == SOURCE_CHANGE:
                details = e.u.src_change.changes
            elif e.type == FRAME_SYNC:
                details = e.u.frame_sync.frame_sequence
            time_ns = e.timestamp.tv_sec * 1_000_000_000 + e.timestamp.tv_nsec
            found.append(RawEvent(e.type, e.id, time_ns, e.sequence, details))
        return found
