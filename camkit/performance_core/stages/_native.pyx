"""CStage: a C function as a stage, from ctypes, cffi or Numba."""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from libc.stdint cimport uintptr_t

from camkit.memory_manager._abi cimport camkit_driver_buffer, camkit_driver_plane, camkit_frame, camkit_plane
from camkit.performance_core._stage cimport Stage

from camkit.errors import StageError
from camkit.performance_core.native_function import pointer_value
from camkit.performance_core.stages.c_function import address_of


cdef extern from "camkit/frame.h":
    int CAMKIT_ABI_VERSION


cdef extern from "camkit/library_abi.hpp" namespace "camkit" nogil:
    int library_abi(const void *function) noexcept


cdef class CStage(Stage):
    """Call a C function for every frame, without the GIL.

    Its type is ``int (camkit_frame *, void *)``, and with an `output` ``int (const camkit_frame *, camkit_frame *,
    void *)``; ``camkit/stage.h`` says what it may do and what it returns. One of Python behind a C pointer is refused
    where that can be seen: give it as it is.

    Parameters
    ----------
    function : ctypes function, cffi function pointer, or Numba cfunc
    user : optional
        What `void *` points to: an object with a writable buffer (a NumPy array, a ctypes struct), or a ctypes or cffi
        pointer. The stage keeps it alive. Default: NULL.
    name : str, optional
        Name in statistics and errors. Default: the function's own.
    inputs, output, writes, slots, when_dry
        As for `Stage`.

    Raises
    ------
    TypeError
        `function` is no C function, or one of another type; or `user` has no memory that may be written.
    ValueError
        The function's pointer is NULL.
    StageError
        The function's library was compiled for another layout of the frame.
    """

    def __init__(self, function, user=None, name=None, *, inputs=None, output=None, writes=False, slots=6,
                 when_dry="block"):
        if self.function is not None:
            raise RuntimeError(f"stage {self.name!r} is made already")
        found, own_name = address_of(function, 2 if output is None else 3)
        super().__init__(name or own_name, inputs=inputs, output=output, writes=writes, slots=slots, when_dry=when_dry)
        self.find_data(user)
        self.user = user
        self.address = <void *><uintptr_t>found
        self.abi = library_abi(self.address)
        if self.abi not in (0, CAMKIT_ABI_VERSION):
            raise StageError(f"cannot use C function {self.name!r}: its library was compiled for version {self.abi} of "
                             f"camkit's frame.h, and this is version {CAMKIT_ABI_VERSION}; compile it again with "
                             "-I camkit.get_include()")
        self.function = function

    def __dealloc__(self):
        if self.viewed:
            PyBuffer_Release(&self.view)

    def gives(self, frames):
        """As of a Stage; a C function without an output sends on what it gets."""
        return frames if self.output is None else super().gives(frames)

    def explain(self):
        """As of a Stage, and which layout of the frame the function knows."""
        told = (f"compiled for version {self.abi} of frame.h" if self.abi else
                "its library does not say for which frame.h it was compiled (CAMKIT_STAGE_LIBRARY)")
        return f"C function; {told}; {super().explain()}"

    cdef int work(self, camkit_frame *frame, camkit_frame *out) except -1 nogil:
        if self.address == NULL:
            with gil:
                raise StageError(f"stage {self.name!r} has no function: its class did not call CStage.__init__")
        if out == NULL:
            return (<look_function>self.address)(frame, self.data)
        return (<make_function>self.address)(frame, out, self.data)

    cdef int find_data(self, user) except -1:
        if user is None:
            return 0
        value = pointer_value(user)
        if value is not None:
            self.data = <void *><uintptr_t>value
            return 0
        if not PyObject_CheckBuffer(user):
            raise TypeError(f"user of stage {self.name!r} is a {type(user).__name__}: it is None, a ctypes or cffi "
                            "pointer, or an object with a buffer, such as a NumPy array or a ctypes struct")
        try:
            PyObject_GetBuffer(user, &self.view, PyBUF_WRITABLE)
        except (BufferError, TypeError, ValueError) as error:
            raise TypeError(f"user of stage {self.name!r} has no memory in one piece that a function may write: "
                            f"{error}") from error
        self.viewed = True
        self.data = self.view.buf
        return 0


def frame_layout():
    """Return the offset of every field of a camkit_frame, and the sizes of the structs, as the compiler has them.

    Returns
    -------
    dict of str to int
    """
    cdef camkit_frame f
    cdef char *at = <char *>&f
    cdef char *plane = <char *>&f.planes[0]
    cdef char *driver = <char *>&f.driver
    return {
        "version": CAMKIT_ABI_VERSION, "sizeof": sizeof(camkit_frame), "sizeof plane": sizeof(camkit_plane),
        "sizeof driver": sizeof(camkit_driver_buffer), "sizeof driver.plane": sizeof(camkit_driver_plane),
        "pool": <char *>&f.pool - at, "planes": <char *>&f.planes - at, "plane_count": <char *>&f.plane_count - at,
        "format": <char *>&f.format - at, "width": <char *>&f.width - at, "height": <char *>&f.height - at,
        "bytes_used": <char *>&f.bytes_used - at, "colour": <char *>&f.colour - at, "flags": <char *>&f.flags - at,
        "memory": <char *>&f.memory - at, "slot": <char *>&f.slot - at, "clock": <char *>&f.clock - at,
        "stamp": <char *>&f.stamp - at, "timestamp_ns": <char *>&f.timestamp_ns - at,
        "dequeue_ns": <char *>&f.dequeue_ns - at, "hardware_ns": <char *>&f.hardware_ns - at,
        "sequence": <char *>&f.sequence - at, "gap": <char *>&f.gap - at, "generation": <char *>&f.generation - at,
        "companions": <char *>&f.companions - at, "companion_count": <char *>&f.companion_count - at,
        "stage_count": <char *>&f.stage_count - at,
        "stage_ns": <char *>&f.stage_ns - at, "driver": driver - at,
        "plane.data": <char *>&f.planes[0].data - plane, "plane.size": <char *>&f.planes[0].size - plane,
        "plane.stride": <char *>&f.planes[0].stride - plane, "plane.rows": <char *>&f.planes[0].rows - plane,
        "plane.offset": <char *>&f.planes[0].offset - plane,
        "plane.dmabuf_fd": <char *>&f.planes[0].dmabuf_fd - plane,
        "driver.timecode": <char *>&f.driver.timecode - driver,
        "driver.plane_count": <char *>&f.driver.plane_count - driver,
        "driver.planes": <char *>&f.driver.planes - driver,
    }
