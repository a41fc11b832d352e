from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.memory_manager._description cimport Description


cdef class Frame(Description):
    cdef Py_ssize_t exports  # views alive: while there are any, the slot cannot be given up
    # Both are guarded by the GIL, or without one by the frame's critical section.
    cdef Py_ssize_t shape[3]
    cdef Py_ssize_t strides[3]

    cdef void give_back(self) noexcept
    # One more reference, for the caller to release: the slot stays, whoever closes the frame meanwhile.
    cdef camkit_frame *share(self) except NULL
    cdef void unexport(self) noexcept
    cdef int _shape(self, uint32_t plane, Py_ssize_t *shape, Py_ssize_t *strides, int *itemsize) except -1
    cdef bint _contiguous(self, int ndim, int itemsize)
    cdef object _view(self, uint32_t plane)


cdef class Lease:
    # Base object of every NumPy view: keeps the frame, and with it the slot, until the view is gone.
    cdef Frame frame


# Wrap a frame: steals one reference.
cdef Frame Frame_wrap(camkit_frame *c)
