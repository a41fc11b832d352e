from libc.stdint cimport int64_t

from camkit.memory_manager._dlpack_abi cimport DLManagedTensor, DLManagedTensorVersioned


# What a DLPack consumer is handed, in either version of the protocol: one allocation holds it and all it points to.
cdef struct Tensor:
    DLManagedTensorVersioned versioned  # its `tensor` is what Tensor_capsule() gives to older consumers as well
    DLManagedTensor plain
    int64_t shape[3]
    int64_t strides[3]
    void *owner  # of the memory; NULL until Tensor_capsule()
    void (*let_go)(void *owner) noexcept nogil  # any thread calls it, with the GIL or without


# A tensor of unsigned integers without an owner, the caller's to fill in.
cdef Tensor *Tensor_make(int ndim, int bits) except NULL
# The capsule for a consumer of DLPack 1.0 (`versioned`) or before. Uses the tensor up, and the owner unless it raises.
cdef object Tensor_capsule(Tensor *tensor, bint versioned, void *owner, void (*let_go)(void *) noexcept nogil)
