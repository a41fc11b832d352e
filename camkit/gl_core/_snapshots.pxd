from libcpp.atomic cimport atomic


cdef class Snapshots:
    cdef atomic[int] wanted  # somebody waits for a picture; read by the owner for every frame, without the GIL
    cdef readonly object owner  # id of the thread that draws, None between two uses
    cdef object lock, last, process
    cdef list waiting
