from libc.stdint cimport uint8_t


# Write what has no repetition: no row or page of it can be taken for another.
cdef void fill(uint8_t *data, size_t size) noexcept nogil
