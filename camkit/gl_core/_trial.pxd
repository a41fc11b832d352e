from libc.stdint cimport int64_t

from camkit.gl_core._transfer cimport Transfer

# Send pictures without repetition through every texture and buffer of a way and compare what the GPU reads back.
# None: it is right; else what is wrong. GLError tells what the driver said.
cdef str prove(Transfer way)
# The best time of one upload, GPU included, of uploads for budget_ns.
cdef int64_t measure(Transfer way, int64_t budget_ns) except -1
