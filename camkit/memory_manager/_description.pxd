from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport camkit_frame


cdef class Description:
    cdef camkit_frame *c  # one reference to its slot; NULL when closed. A Frame's to change

    # What a frame's own code reads, under the GIL or the frame's critical section; others share().
    cdef camkit_frame *get(self) except NULL


# V4L2 name of a pixel format, None for plain bytes.
cdef object name_of(uint32_t format)
