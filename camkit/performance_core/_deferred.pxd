from libc.stdint cimport int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._stage cimport Stage
from camkit.performance_core._worker cimport Worker

cdef enum:
    MOST_KEPT = 64  # frames that a DeferredStage may have under way


# Users subclass it by cimport: see _node.pxd.
cdef class DeferredStage(Stage):
    # process() answers as that of any Stage, but for this: CAMKIT_OK goes without a frame. *frame is NULL then, and the
    # stage has it, one of MOST_KEPT at the most, until collect() tells what became of it.

    # What became of the oldest frame that process() took, waiting at most timeout_ns for it: what process() of any
    # Stage would have answered, with the frame that goes on in *out. CAMKIT_TIMEOUT: it is not done yet; CAMKIT_END:
    # the stage has none. On an error the frame counts as one that the stage has still.
    cdef int collect(self, camkit_frame **out, int64_t timeout_ns) except -1 nogil
    # Frames that it has. Those that are not collected, after an abort or an error, are stop()'s to release.
    cdef int under_way(self) noexcept nogil


cdef class DeferredWorker(Worker):
    cdef DeferredStage late
    cdef uint64_t began[64]  # when process() took the frames that are under way; a ring
    cdef uint64_t numbers_of[64]
    cdef unsigned int first, last

    # Hand on all that is done, waiting at most timeout_ns for the oldest.
    cdef int give(self, int64_t timeout_ns) except -1 nogil
