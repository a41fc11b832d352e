from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport camkit_frame


# The components of one pixel as the source wrote them, in the order of their names.
cdef struct pixel_codes:
    int count
    char names[4]
    uint32_t values[4]


# The codes at a pixel of a frame that check_frame() passed and whose memory is held. 0: there is no such pixel, or the
# format has none.
cdef bint codes_at(const camkit_frame *f, uint32_t x, uint32_t y, pixel_codes *out) noexcept nogil
