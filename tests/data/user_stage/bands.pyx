"""A stage of a user's own that shares out the rows of its frame, without the GIL."""

from libc.stdint cimport uint8_t

from camkit cimport CAMKIT_OK, Stage, ThreadPool, camkit_frame, camkit_plane


cdef int invert_rows(size_t begin, size_t end, void *user) noexcept nogil:
    cdef camkit_plane *plane = <camkit_plane *>user
    cdef uint8_t *row
    cdef size_t y, x
    for y in range(begin, end):
        row = plane.data + y * plane.stride
        for x in range(plane.stride):
            row[x] ^= 0xFF
    return 0


cdef class InvertInBands(Stage):
    """Make a negative of the first plane, in place, several rows at a time."""

    cdef ThreadPool pool

    def __init__(self, ThreadPool pool not None):
        super().__init__()
        self.pool = pool

    cdef int process(self, camkit_frame **frame) except -1 nogil:
        cdef camkit_plane *plane = &frame[0].planes[0]
        if self.pool.run(invert_rows, plane, plane.rows, 8) != 0:
            with gil:
                raise RuntimeError("the pool is closed")
        return CAMKIT_OK
