"""DLPack tensors over memory of a GPU, kept by a Python object."""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport free

from camkit.memory_manager._dlpack_abi cimport DLTensor
from camkit.memory_manager._later cimport drop_object, keep_object
from camkit.memory_manager._tensor cimport Tensor, Tensor_capsule, Tensor_make


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
    cdef Tensor *tensor = Tensor_make(3, 8)
    cdef DLTensor *t = &tensor.versioned.tensor
    cdef void *kept
    try:
        t.data = <void *><uintptr_t>address
        t.device_type, t.device_id = device
        tensor.shape[0], tensor.shape[1], tensor.shape[2] = shape
        tensor.strides[0], tensor.strides[1], tensor.strides[2] = shape[1] * shape[2], shape[2], 1
        kept = keep_object(owner)
    except BaseException:
        free(tensor)
        raise
    try:
        return Tensor_capsule(tensor, versioned, kept, drop_object)
    except BaseException:
        drop_object(kept)
        raise
