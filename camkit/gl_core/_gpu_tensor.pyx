"""DLPack tensors over memory of a GPU, kept by a Python object."""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdint cimport int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free

from camkit.memory_manager._dlpack_abi cimport DLManagedTensor, DLManagedTensorVersioned, DLTensor
from camkit.memory_manager._later cimport drop_object, keep_object


# One allocation holds the tensor and all that it points to.
cdef struct Export:
    DLManagedTensorVersioned versioned
    DLManagedTensor plain
    void *owner
    int64_t shape[3]
    int64_t strides[3]

cdef uint8_t UINT = 1


cdef void drop(Export *export) noexcept nogil:
    drop_object(export.owner)  # a deleter is called by any thread, with the GIL or without
    free(export)


cdef void delete_plain(DLManagedTensor *tensor) noexcept nogil:
    drop(<Export *>tensor.context)


cdef void delete_versioned(DLManagedTensorVersioned *tensor) noexcept nogil:
    drop(<Export *>tensor.context)


cdef void drop_capsule(object capsule) noexcept:
    # A consumer renames the capsule and then owns the tensor; one nobody consumed is ours to delete.
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        delete_versioned(<DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned"))
    elif PyCapsule_IsValid(capsule, "dltensor"):
        delete_plain(<DLManagedTensor *>PyCapsule_GetPointer(capsule, "dltensor"))


def tensor_capsule(address, shape, device, owner, bint versioned):
    """Make a DLPack capsule of bytes that lie row behind row.

    Parameters
    ----------
    address : int
        On the device.
    shape : (int, int, int)
        Rows, columns, bytes of a pixel.
    device : (int, int)
        As `__dlpack_device__` tells it.
    owner : object
        Kept until the consumer deletes its tensor.
    versioned : bool
        For a consumer of DLPack 1.0 or later.
    """
    cdef Export *export = <Export *>calloc(1, sizeof(Export))
    if export == NULL:
        raise MemoryError("no memory for a DLPack tensor")
    cdef DLTensor *t = &export.versioned.tensor
    try:
        t.data = <void *><uintptr_t>address
        t.device_type, t.device_id = device
        t.ndim = 3
        t.code, t.bits, t.lanes = UINT, 8, 1
        t.shape, t.strides = export.shape, export.strides
        export.shape[0], export.shape[1], export.shape[2] = shape
        export.strides[0], export.strides[1], export.strides[2] = shape[1] * shape[2], shape[2], 1
        export.versioned.major, export.versioned.minor = 1, 0
        export.versioned.context = export.plain.context = export
        export.versioned.deleter, export.plain.deleter = delete_versioned, delete_plain
        export.plain.tensor = t[0]
        export.owner = keep_object(owner)
    except BaseException:
        free(export)
        raise
    try:
        if versioned:
            return PyCapsule_New(&export.versioned, "dltensor_versioned", drop_capsule)
        return PyCapsule_New(&export.plain, "dltensor", drop_capsule)
    except BaseException:
        drop(export)
        raise
