from libc.stdint cimport uint32_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame

cdef enum fault_id:
    FAULT_NONE
    FAULT_EMPTY
    FAULT_SIZE
    FAULT_PLANES
    FAULT_STRIDE
    FAULT_PLANE_BYTES
    FAULT_BYTES_USED


# Why a frame cannot be read safely.
cdef struct frame_fault:
    fault_id code
    uint32_t plane
    uint32_t width, height
    uint64_t sequence, has, needs


# FAULT_NONE if every byte that an upload of `f` reads is there. Needs no context.
cdef fault_id check_frame(const camkit_frame *f, frame_fault *fault) noexcept nogil
cdef str fault_text(frame_fault *fault)
