"""InputNode: the ioctls of inputs and television standards. What their numbers mean is told in inputs.py."""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from camkit.camera_capture._v4l2.inputs_abi cimport *
from camkit.camera_capture._v4l2.node cimport Node

from collections import namedtuple

ENDLESS = 256  # a driver whose list never ends has an error

RawInput = namedtuple("RawInput", "number name type status standards capabilities")
RawStandard = namedtuple("RawStandard", "id name fps lines")


cdef class InputNode(Node):
    """Ask for and choose inputs and standards; see `Node`. What chooses answers 0 or errno."""

    def inputs(self):
        """List the inputs with their present status; empty if the device knows no inputs.

        Returns
        -------
        list of RawInput
        """
        cdef v4l2_input i
        found = []
        for index in range(ENDLESS):
            memset(&i, 0, sizeof(i))
            i.index = index
            if self.attempt(VIDIOC_ENUMINPUT, &i):
                break
            found.append(RawInput(index, text(i.name[:32]), i.type, i.status, i.std, i.capabilities))
        return found

    def current(self):
        """Return the number of the chosen input, None if the device knows no inputs."""
        cdef int index = 0
        return None if self.attempt(VIDIOC_G_INPUT, &index) else index

    def select(self, int index):
        """Choose an input; the device then forgets its format."""
        return self.attempt(VIDIOC_S_INPUT, &index)

    def standards(self):
        """List the standards of the chosen input, sets of others among them.

        Returns
        -------
        list of RawStandard
        """
        cdef v4l2_standard s
        found = []
        for index in range(ENDLESS):
            memset(&s, 0, sizeof(s))
            s.index = index
            if self.attempt(VIDIOC_ENUMSTD, &s):
                break
            period = s.frameperiod
            fps = period.denominator / period.numerator if period.numerator else 0.0
            found.append(RawStandard(s.id, text(s.name[:24]), fps, s.framelines))
        return found

    def standard(self):
        """Return the bits of the standard that is set, None if the chosen input has none."""
        cdef uint64_t id = 0
        return None if self.attempt(VIDIOC_G_STD, &id) else id

    def set_standard(self, uint64_t id):
        """Set one of several standards; the device may then forget its format."""
        return self.attempt(VIDIOC_S_STD, &id)

    def detect_standard(self):
        """Return 0 or errno, and the bits of the standards that the signal may have; 0: there is none."""
        cdef uint64_t id = 0
        error = self.attempt(VIDIOC_QUERYSTD, &id)
        return error, id


cdef str text(bytes raw):
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
