# Users subclass Source, Stage and Sink by cimport, from outside: a change of these layouts breaks their compiled code,
# so nothing is added here that can live elsewhere.
cdef class Node:
    cdef public str name
    cdef object __weakref__
