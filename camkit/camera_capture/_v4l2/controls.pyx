"""ControlNode: the control ioctls of V4L2 on an open device. What names, kinds and values mean is not known here."""

from libc.errno cimport EINVAL, ENODEV, ENOSPC, ENOTTY
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from camkit.camera_capture._v4l2.controls_abi cimport *
from camkit.camera_capture._v4l2.device cimport failure
from camkit.camera_capture._v4l2.node cimport Node

import os
from collections import namedtuple

cdef int ENDLESS = 10_000  # a driver whose list never ends has an error
cdef enum:  # how controls are numbered
    FIRST_CLASS = 0x980000
    CLASS_STEP = 0x10000
    CLASSES = 16
    FIRST_OF_CLASS = 0x900
    DENSE = 64

RawControl = namedtuple("RawControl", "id type name minimum maximum step default flags elem_size elems dims")


cdef class ControlNode(Node):
    """Read and write the controls of an open V4L2 device; see `Node`."""

    def controls(self):
        """List the controls in the driver's order; headings and what is switched off for good are left out.

        Returns
        -------
        (list of RawControl, list of str)
            The controls, and what was left out because the driver failed: a camera that cannot tell of one control
            can still have the others.
        """
        cdef v4l2_query_ext_ctrl q
        cdef uint32_t id = 0
        found, problems = [], []
        for _ in range(ENDLESS):
            error = self.ask_next(&q, id)
            if error in (EINVAL, ENOTTY):
                break
            if error:
                problems.append(str(failure(self.device.path, f"list the control after 0x{id:08x}", error)))
                error = self.ask_beyond(&q, id, error)
            if error or q.id <= id:
                break
            id = q.id
            if q.type != V4L2_CTRL_TYPE_CTRL_CLASS and not q.flags & V4L2_CTRL_FLAG_DISABLED:
                found.append(raw_control(&q))
        return found, problems

    def query(self, uint32_t id):
        """Ask for one control as it is now.

        Returns
        -------
        RawControl
        """
        cdef v4l2_query_ext_ctrl q
        error = self.ask(&q, id)
        if error:
            raise failure(self.device.path, f"ask for control 0x{id:08x}", error)
        return raw_control(&q)

    def menu(self, raw):
        """Return what the items of a menu say, by number: text, or the number that an item of an integer menu means."""
        cdef v4l2_querymenu m
        items = {}
        for index in range(raw.minimum, min(raw.maximum, raw.minimum + ENDLESS) + 1):
            memset(&m, 0, sizeof(m))
            m.id = raw.id
            m.index = index
            error = self.attempt(VIDIOC_QUERYMENU, &m)
            if error == EINVAL:  # menus may have holes
                continue
            if error:
                raise failure(self.device.path, f"ask for item {index} of {raw.name!r}", error)
            if raw.type == V4L2_CTRL_TYPE_INTEGER_MENU:
                items[index] = m.value
            else:
                items[index] = m.name[:32].partition(b"\0")[0].decode("utf-8", "replace")
        return items

    def read(self, raw, uint32_t size, *, default=False):
        """Read a control.

        Parameters
        ----------
        raw : RawControl
            Control.
        size : int
            Bytes of its value, 0 if that is a number.
        default : bool, optional
            Read what it is out of the box.

        Returns
        -------
        int or bytes
        """
        cdef v4l2_ext_control c
        cdef v4l2_ext_controls s
        for _ in range(2):  # an array may have grown
            memory = bytearray(size)
            memset(&c, 0, sizeof(c))
            memset(&s, 0, sizeof(s))
            c.id = raw.id
            if size:
                c.size = size
                c.string = memory
            s.which = V4L2_CTRL_WHICH_DEF_VAL if default else V4L2_CTRL_WHICH_CUR_VAL
            s.count = 1
            s.controls = &c
            error = self.attempt(VIDIOC_G_EXT_CTRLS, &s)
            if error != ENOSPC or c.size <= size:
                break
            size = c.size
        if error:
            raise failure(self.device.path, f"read control {raw.name!r}", error)
        if size:
            return bytes(memory[:c.size])
        return c.value64 if raw.type == V4L2_CTRL_TYPE_INTEGER64 else c.value

    def write(self, items):
        """Set controls in one call, which the driver takes as a whole or, unless hardware fails, not at all.

        Parameters
        ----------
        items : list of (RawControl, int or bytes)
            Controls and their new values.

        Returns
        -------
        (int, int)
            0 or errno, and the place of the item that is to blame; len(items): unknown.
        """
        cdef v4l2_ext_controls s
        cdef uint32_t n = len(items)
        cdef v4l2_ext_control *c = <v4l2_ext_control *>calloc(max(n, 1), sizeof(v4l2_ext_control))
        if c == NULL:
            raise MemoryError("no memory for a list of controls")
        try:
            # The driver writes back what it made of a value: never into the caller's bytes.
            copies = [bytearray(value) if isinstance(value, bytes) else value for _, value in items]
            for i in range(n):
                raw = items[i][0]
                c[i].id = raw.id
                if isinstance(copies[i], bytearray):
                    c[i].size = len(copies[i])
                    c[i].string = copies[i]
                elif raw.type == V4L2_CTRL_TYPE_INTEGER64:
                    c[i].value64 = copies[i]
                else:
                    c[i].value = <int>(<unsigned int>(copies[i] & 0xFFFFFFFF))
            memset(&s, 0, sizeof(s))
            s.which = V4L2_CTRL_WHICH_CUR_VAL
            s.count = n
            s.controls = c
            if n > 1:  # drivers check arrays and the like only when others are set already
                error = self.attempt(VIDIOC_TRY_EXT_CTRLS, &s)
                if error and error != ENOTTY:
                    return error, min(s.error_idx, n)
            s.error_idx = n
            error = self.attempt(VIDIOC_S_EXT_CTRLS, &s)
            # A call that was refused before anything was set does not say why; one that only tries does.
            if error and s.error_idx >= n and self.attempt(VIDIOC_TRY_EXT_CTRLS, &s) != error:
                s.error_idx = n
            if not error and self.device.kept is not None:
                for raw, value in items:
                    self.device.kept.pop(raw.id, None)
                    if raw.type != V4L2_CTRL_TYPE_BUTTON:
                        self.device.kept[raw.id] = raw, value
            return error, min(s.error_idx, n)
        finally:
            free(c)

    cdef int ask(self, v4l2_query_ext_ctrl *q, uint32_t id) except -1:
        memset(q, 0, sizeof(v4l2_query_ext_ctrl))
        q.id = id
        return self.attempt(VIDIOC_QUERY_EXT_CTRL, q)

    cdef int ask_next(self, v4l2_query_ext_ctrl *q, uint32_t id) except -1:
        return self.ask(q, id | V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND)

    # As ask_next(), past one control of an unknown number that made it fail with `error`.
    cdef int ask_beyond(self, v4l2_query_ext_ctrl *q, uint32_t id, int error) except -1:
        if error == ENODEV:
            raise failure(self.device.path, "list the controls", error)
        cdef uint32_t base = max(id & 0xFFFF0000, <uint32_t>FIRST_CLASS)
        cdef uint32_t first = max(id + 1, base + FIRST_OF_CLASS)
        cdef uint32_t i
        # The numbers of a class are dense; then the classes that follow it.
        for i in range(<uint32_t>(DENSE + CLASSES)):
            failed = self.ask_next(q, first + i if i < DENSE else base + (i - DENSE + 1) * CLASS_STEP)
            if failed != error:
                return failed
        return error

def restore(node):
    """Set the controls that the device remembers again, all at once or else one after the other.

    Parameters
    ----------
    node : ControlNode
        The device, new since they were set.

    Returns
    -------
    dict of str to str
        Controls that could not be set, and why.
    """
    items = list((<ControlNode>node).device.kept.values())
    if not items or not node.write(items)[0]:
        return {}
    refused = {}
    for _ in range(2):  # the first round may have turned off what ruled another control
        for raw, value in items:
            error = node.write([(raw, value)])[0]
            refused.pop(raw.name, None)
            if error:
                refused[raw.name] = os.strerror(error)
        items = [item for item in items if item[0].name in refused]
    return refused


cdef object raw_control(v4l2_query_ext_ctrl *q):
    name = (<bytes>q.name[:32]).partition(b"\0")[0].decode("utf-8", "replace")
    dims = tuple(q.dims[i] for i in range(min(q.nr_of_dims, 4)))
    return RawControl(q.id, q.type, name, q.minimum, q.maximum, q.step, q.default_value, q.flags, q.elem_size, q.elems,
                      dims)
