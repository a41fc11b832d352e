"""DLPack export of frames (https://dmlc.github.io/dlpack, ABI 1.x): the pixels as a tensor, without a copy.

The capsule is a lease of its own: it holds the slot, not the Python frame, so its deleter needs no Python and may run
in any thread.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

from camkit.memory_manager._abi cimport (
    CAMKIT_FRAME_READ_ONLY,
    camkit_frame,
    camkit_frame_release,
)
from camkit.memory_manager._dlpack_abi cimport (
    DL_CPU,
    DL_IS_COPIED,
    DL_READ_ONLY,
    DLManagedTensor,
    DLManagedTensorVersioned,
    DLTensor,
)
from camkit.memory_manager._frame cimport Frame


# One allocation holds the tensor and all that it points to.
cdef struct Export:
    DLManagedTensorVersioned versioned
    DLManagedTensor plain
    camkit_frame *frame
    int64_t shape[3]
    int64_t strides[3]

cdef uint8_t UINT = 1


cdef void drop(Export *export) noexcept nogil:
    camkit_frame_release(export.frame)
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


def dlpack(Frame frame not None, stream=None, max_version=None, dl_device=None, copy=None):
    """Export a frame as `Frame.__dlpack__` describes."""
    cdef uint64_t flags = 0
    if stream is not None:
        raise BufferError(f"stream is {stream!r}: frames lie in CPU memory, which has no streams")
    if dl_device is not None and tuple(dl_device) != (DL_CPU, 0):
        raise BufferError(f"frames lie in CPU memory (1, 0), not on device {tuple(dl_device)}")
    # The consumer's own objects run code here, which may close the frame: no pointer to it is taken before.
    cdef bint versioned = max_version is not None and max_version[0] >= 1
    if copy:
        frame, flags = frame.copy(), DL_IS_COPIED
    cdef camkit_frame *c = frame.share()
    try:
        return capsule_of(frame, c, versioned, flags)
    except BaseException:
        camkit_frame_release(c)
        raise


# Uses the reference up unless it raises.
cdef object capsule_of(Frame frame, camkit_frame *c, bint versioned, uint64_t flags):
    if c.plane_count != 1:
        raise BufferError(f"{frame.format} has {c.plane_count} planes and no single tensor: use frame.planes")
    if c.flags & CAMKIT_FRAME_READ_ONLY:
        if not versioned:
            raise BufferError("the frame is read-only, which only DLPack 1.0 and later can say: the consumer asks for "
                              "less; use frame.copy()")
        flags |= DL_READ_ONLY

    cdef Py_ssize_t shape[3]
    cdef Py_ssize_t strides[3]
    cdef int itemsize, i, ndim = frame._shape(0, shape, strides, &itemsize)
    cdef Export *export = <Export *>calloc(1, sizeof(Export))
    if export == NULL:
        raise MemoryError("no memory for a DLPack tensor")
    cdef DLTensor *t = &export.versioned.tensor
    t.data = c.planes[0].data
    t.device_type, t.device_id = DL_CPU, 0
    t.ndim = ndim
    t.code, t.bits, t.lanes = UINT, 8 * itemsize, 1
    t.shape, t.strides = export.shape, export.strides
    for i in range(ndim):
        export.shape[i], export.strides[i] = shape[i], strides[i] // itemsize
    if strides[0] % itemsize:
        free(export)
        raise BufferError(f"rows are {strides[0]} bytes apart, not a whole number of {itemsize}-byte samples")
    export.frame = c
    export.versioned.major, export.versioned.minor = 1, 0
    export.versioned.flags = flags
    export.versioned.context = export.plain.context = export
    export.versioned.deleter, export.plain.deleter = delete_versioned, delete_plain
    export.plain.tensor = t[0]
    try:
        if versioned:
            return PyCapsule_New(&export.versioned, "dltensor_versioned", drop_capsule)
        return PyCapsule_New(&export.plain, "dltensor", drop_capsule)
    except BaseException:
        free(export)
        raise
