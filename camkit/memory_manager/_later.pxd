# Hold a Python object for native code that gives it up on a thread of its own, perhaps without the GIL.
# With the GIL; never NULL.
cdef void *keep_object(thing) except NULL
# Any thread, with the GIL or without it; never waits. With the GIL the object goes at once, else on a thread of ours.
cdef void drop_object(void *kept) noexcept nogil
