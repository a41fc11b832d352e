from camkit.memory_manager._abi cimport camkit_frame


cdef class Borrowed:
    cdef camkit_frame frame
    cdef Py_buffer views[4]
    cdef int taken  # views to give back
