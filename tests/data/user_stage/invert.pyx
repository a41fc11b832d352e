"""A stage and a pool of a user's own, compiled against an installed camkit."""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free

from camkit cimport CAMKIT_OK, FramePool_over, Stage, camkit_frame, camkit_frame_release, camkit_plane


cdef class Invert(Stage):
    """Make a negative of the first plane, in place, and count the frames."""

    cdef readonly uint64_t frames

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_plane *plane = &frame[0].planes[0]
        cdef uint8_t *data = plane.data
        cdef size_t i
        for i in range(plane.size):
            data[i] ^= 0xFF
        self.frames += 1
        return CAMKIT_OK


cdef class Broken(Stage):
    """Break the contract: answer `answer`, with the frame or, if `lose`, without."""

    cdef int answer
    cdef bint lose

    def __init__(self, answer, lose):
        self.answer, self.lose = answer, lose

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        if self.lose:
            camkit_frame_release(frame[0])
            frame[0] = NULL
        return self.answer


cdef int given_up = 0


cdef void give_up(void *memory) noexcept nogil:
    global given_up
    given_up += 1
    free(memory)


def native_pool(unsigned int slots, size_t slot_bytes, **keywords):
    """Make a pool of memory that is no Python object's."""
    cdef uint8_t *memory = <uint8_t *>calloc(slots, slot_bytes)
    cdef uint8_t *data[8]
    cdef unsigned int i
    for i in range(slots):
        data[i] = memory + i * slot_bytes
    return FramePool_over(data, slots, slot_bytes, False, give_up, memory, keywords)


def pools_given_up():
    """Count how often such memory was given up."""
    return given_up
