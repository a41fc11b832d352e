"""DLPack export of frames: the pixels as a tensor, without a copy.

The capsule is a lease of its own: it holds the slot, not the Python frame, so its deleter needs no Python and may run
in any thread.
"""

from libc.stdint cimport uint64_t

from camkit.memory_manager._abi cimport (
    CAMKIT_FRAME_READ_ONLY,
    camkit_frame,
    camkit_frame_release,
)
from camkit.memory_manager._dlpack_abi cimport DL_CPU, DL_IS_COPIED, DL_READ_ONLY
from camkit.memory_manager._frame cimport Frame
from camkit.memory_manager._tensor cimport Tensor, Tensor_capsule, Tensor_make


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
    if strides[0] % itemsize:
        raise BufferError(f"rows are {strides[0]} bytes apart, not a whole number of {itemsize}-byte samples")
    cdef Tensor *tensor = Tensor_make(ndim, 8 * itemsize)
    tensor.versioned.tensor.data = c.planes[0].data
    tensor.versioned.tensor.device_type = DL_CPU
    tensor.versioned.flags = flags
    for i in range(ndim):
        tensor.shape[i], tensor.strides[i] = shape[i], strides[i] // itemsize
    return Tensor_capsule(tensor, versioned, c, release)


cdef void release(void *frame) noexcept nogil:
    camkit_frame_release(<camkit_frame *>frame)
