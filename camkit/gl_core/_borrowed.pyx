"""Borrowed: a frame record over any buffers, right or wrong, as a faulty driver might deliver it."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t

from camkit.memory_manager._abi cimport camkit_frame

from camkit.memory_manager._format import FORMATS

cdef extern from *:
    """
    #include "camkit/frame.h"
    static inline void camkit_count_nothing(camkit_frame *f) { (void)f; }
    // For a record that its maker frees, whoever takes a reference meanwhile.
    static inline void camkit_make_countless(camkit_frame *f) {
      static const camkit_frame_ops ops = {camkit_count_nothing, camkit_count_nothing};
      f->ops = &ops;
    }
    """
    void camkit_make_countless(camkit_frame *f) noexcept


cdef class Borrowed:
    """Planes of others as one frame, which belongs to no pool. Holds their buffers while it lives; for one thread.

    Parameters
    ----------
    planes : sequence of buffers
    format : str or int
        A name, or any number.
    size : (int, int)
    strides : sequence of int
    colour : (int, int, int, int), optional
        Primaries, transfer, matrix and range as the ABI numbers them.
    bytes_used : int, optional
        Default: all bytes of the planes.
    """

    def __cinit__(self, planes, format, size, strides, colour=(2, 2, 2, 0), bytes_used=None):
        cdef camkit_frame *f = &self.frame
        cdef int i
        camkit_make_countless(f)
        f.format = FORMATS[format].id if isinstance(format, str) else format
        f.width, f.height = size
        f.colour.primaries, f.colour.transfer, f.colour.matrix, f.colour.range = colour
        f.plane_count = len(planes)
        for i in range(min(len(planes), 4)):
            PyObject_GetBuffer(planes[i], &self.views[i], PyBUF_SIMPLE)
            self.taken += 1
            f.planes[i].data = <uint8_t *>self.views[i].buf
            f.planes[i].size = self.views[i].len
            f.planes[i].stride = strides[i]
            f.bytes_used += self.views[i].len
        if bytes_used is not None:
            f.bytes_used = bytes_used

    def __dealloc__(self):
        cdef int i
        for i in range(self.taken):
            PyBuffer_Release(&self.views[i])
