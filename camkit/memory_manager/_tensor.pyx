"""Tensor: memory of somebody's as DLPack's consumers take it (https://dmlc.github.io/dlpack, ABI 1.x)."""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc, free

cdef uint8_t UINT = 1


cdef Tensor *Tensor_make(int ndim, int bits) except NULL:
    cdef Tensor *tensor = <Tensor *>calloc(1, sizeof(Tensor))
    if tensor == NULL:
        raise MemoryError("no memory for a DLPack tensor")
    tensor.versioned.major, tensor.versioned.minor = 1, 0
    tensor.versioned.context = tensor.plain.context = tensor
    tensor.versioned.deleter, tensor.plain.deleter = delete_versioned, delete_plain
    tensor.versioned.tensor.ndim = ndim
    tensor.versioned.tensor.code, tensor.versioned.tensor.bits, tensor.versioned.tensor.lanes = UINT, bits, 1
    tensor.versioned.tensor.shape, tensor.versioned.tensor.strides = tensor.shape, tensor.strides
    return tensor


cdef object Tensor_capsule(Tensor *tensor, bint versioned, void *owner, void (*let_go)(void *) noexcept nogil):
    tensor.owner, tensor.let_go = owner, let_go
    tensor.plain.tensor = tensor.versioned.tensor
    try:
        if versioned:
            return PyCapsule_New(&tensor.versioned, "dltensor_versioned", drop_capsule)
        return PyCapsule_New(&tensor.plain, "dltensor", drop_capsule)
    except BaseException:
        free(tensor)
        raise


cdef void drop(Tensor *tensor) noexcept nogil:
    tensor.let_go(tensor.owner)
    free(tensor)


cdef void delete_plain(DLManagedTensor *tensor) noexcept nogil:
    drop(<Tensor *>tensor.context)


cdef void delete_versioned(DLManagedTensorVersioned *tensor) noexcept nogil:
    drop(<Tensor *>tensor.context)


cdef void drop_capsule(object capsule) noexcept:
    # A consumer renames the capsule and then owns the tensor; one nobody consumed is ours to delete.
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        delete_versioned(<DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned"))
    elif PyCapsule_IsValid(capsule, "dltensor"):
        delete_plain(<DLManagedTensor *>PyCapsule_GetPointer(capsule, "dltensor"))
