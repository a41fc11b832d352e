"""The trial of a way to the GPU: is every byte right, and how long does it take?"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from camkit.gl_core._layout cimport Layout, copy_rows, plane_layout
from camkit.gl_core._transfer cimport Transfer
from camkit.memory_manager._abi cimport camkit_frame, now_ns

cdef int FEWEST = 4
cdef int64_t TRIAL_NS = 8_000_000
cdef int64_t MOST_NS = 20_000_000
WRONG = "wrong"
cdef size_t SHIFT = 64  # bytes from the beginning of one round's picture to that of the next


def prove(Transfer way not None):
    """Send pictures without repetition through every texture and buffer of a way and compare what the GPU reads back.

    Returns
    -------
    str
        What is wrong; empty if every byte is right.

    Raises
    ------
    GLError
        The driver refused.
    """
    cdef Layout layout = way.layout
    cdef camkit_frame trial
    cdef int k, rounds = way.rounds
    cdef size_t size = layout.image_bytes + SHIFT * rounds
    cdef uint8_t *pattern = <uint8_t *>malloc(size)
    cdef uint8_t *seen = <uint8_t *>malloc(layout.image_bytes)
    try:
        if pattern == NULL or seen == NULL:
            raise MemoryError(f"no memory for a trial picture of {size} bytes")
        fill(pattern, size)
        for k in range(rounds):
            prepare(way, &trial, k)
            if way.given:
                tighten(layout, &trial, pattern + SHIFT * k)
            else:
                write(layout, &trial, pattern + SHIFT * k)
            if not way.upload(&trial):
                return f"it took no picture of {layout}: {way.why.decode()}"
            way.functions.check("upload a trial picture")
            if not same(way, pattern + SHIFT * k, seen):
                return f"{WRONG}: the GPU read back other bytes than were written"
            way.functions.check("read a trial picture back")
    finally:
        free(pattern)
        free(seen)
        way.end_trial()
    return ""


def measure(Transfer way not None):
    """Time uploads for a few milliseconds, 20 at the most unless a single one takes longer.

    Returns
    -------
    float
        Microseconds of the fastest one, the GPU's part included.
    """
    cdef camkit_frame trial
    cdef int64_t begin, now, best = -1, start = now_ns()
    cdef int runs = 0
    prepare(way, &trial, 0)
    with nogil:
        # The first one pays for what the driver does but once.
        while runs < 2 or (now_ns() - start < MOST_NS and (runs < FEWEST or now_ns() - start < TRIAL_NS)):
            begin = now_ns()
            way.upload(&trial)
            way.gl.Finish()
            now = now_ns() - begin
            best = now if best < 0 or now < best else best
            runs += 1
    way.end_trial()
    way.functions.check("time the upload of a trial picture")
    return best / 1000.0


cdef int prepare(Transfer way, camkit_frame *trial, int k) except -1:
    cdef Layout layout = way.layout
    cdef uint32_t i
    memset(trial, 0, sizeof(camkit_frame))
    trial.format, trial.width, trial.height = layout.format.id, layout.width, layout.height
    trial.plane_count = layout.plane_count
    for i in range(layout.plane_count):
        trial.planes[i].stride = layout.planes[i].stride
        trial.planes[i].rows = layout.planes[i].rows
        trial.planes[i].dmabuf_fd = -1
    trial.slot = k
    way.lend(k, trial)
    for i in range(layout.plane_count):
        trial.bytes_used += trial.planes[i].size
    return 0


cdef void write(Layout layout, camkit_frame *trial, const uint8_t *pattern) noexcept nogil:
    cdef plane_layout *p
    cdef uint32_t i
    for i in range(layout.plane_count):
        p = &layout.planes[i]
        copy_rows(trial.planes[i].data, trial.planes[i].stride, pattern, p.row_bytes, p.row_bytes, p.rows)
        pattern += p.row_bytes * p.rows


cdef void tighten(Layout layout, const camkit_frame *trial, uint8_t *pattern) noexcept nogil:
    cdef plane_layout *p
    cdef uint32_t i
    for i in range(layout.plane_count):
        p = &layout.planes[i]
        copy_rows(pattern, p.row_bytes, trial.planes[i].data, trial.planes[i].stride, p.row_bytes, p.rows)
        pattern += p.row_bytes * p.rows


cdef bint same(Transfer way, const uint8_t *pattern, uint8_t *seen) except -1:
    cdef plane_layout *p
    cdef uint32_t i
    for i in range(way.layout.plane_count):
        p = &way.layout.planes[i]
        memset(seen, 0, p.row_bytes * p.rows)
        way.see(i, seen)
        if memcmp(seen, pattern, p.row_bytes * p.rows):
            return False
        pattern += p.row_bytes * p.rows
    return True


cdef void fill(uint8_t *data, size_t size) noexcept nogil:
    # A sequence without repetition: no row or page of it can be taken for another (xorshift64).
    cdef uint64_t x = 0x9E3779B97F4A7C15
    cdef size_t i
    for i in range(0, size - size % 8, 8):
        x ^= x << 13
        x ^= x >> 7
        x ^= x << 17
        memcpy(data + i, &x, 8)
    memset(data + size - size % 8, 0x5A, size % 8)
