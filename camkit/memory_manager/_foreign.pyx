"""Memory of others that a FramePool lends: objects with a buffer or DLPack, or an address."""

cimport cython
from cpython.buffer cimport (
    PyBUF_FULL_RO,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_SetName
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free

from camkit.memory_manager._dlpack_abi cimport (
    DL_CPU,
    DL_READ_ONLY,
    DLManagedTensor,
    DLManagedTensorVersioned,
    DLTensor,
)
from camkit.memory_manager._later cimport drop_object, keep_object

from camkit.memory_manager._checks import check_int
from camkit.memory_manager.raw_memory import RawMemory


# Never to be pickled, which copy.copy() does too: a copy would give up what it has not taken.
@cython.auto_pickle(False)
cdef class Region:
    """One piece of memory, valid as long as this object."""

    cdef uint8_t *data
    cdef size_t size
    cdef bint readonly, exported
    cdef Py_buffer view
    cdef DLManagedTensor *plain
    cdef DLManagedTensorVersioned *versioned
    cdef object owner

    def __dealloc__(self):
        if self.exported:
            PyBuffer_Release(&self.view)
        if self.plain != NULL and self.plain.deleter != NULL:
            self.plain.deleter(self.plain)
        if self.versioned != NULL and self.versioned.deleter != NULL:
            self.versioned.deleter(self.versioned)

    cdef int take_buffer(self, thing, str what) except -1:
        PyObject_GetBuffer(thing, &self.view, PyBUF_FULL_RO)
        self.exported = True
        if not PyBuffer_IsContiguous(&self.view, b"C"):
            raise ValueError(f"{what} is not contiguous in memory: wrap a copy of it, or what it is a part of")
        self.data, self.size, self.readonly = <uint8_t *>self.view.buf, self.view.len, self.view.readonly
        return 0

    cdef int take_tensor(self, thing, str what) except -1:
        device = thing.__dlpack_device__()
        if device[0] != DL_CPU:
            raise ValueError(f"{what} lies on DLPack device {tuple(device)}, not in CPU memory (1, 0): copy it there")
        try:
            capsule = thing.__dlpack__(max_version=(1, 0))
        except TypeError:
            capsule = thing.__dlpack__()  # one from before DLPack 1.0
        cdef DLTensor *t
        # A consumer renames the capsule, and then the tensor is its own to delete.
        if PyCapsule_IsValid(capsule, "dltensor_versioned"):
            self.versioned = <DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned")
            PyCapsule_SetName(capsule, "used_dltensor_versioned")
            if self.versioned.major != 1:
                raise ValueError(f"{what} is of DLPack {self.versioned.major}.{self.versioned.minor}, of which only "
                                 "1.x is known here")
            self.readonly = self.versioned.flags & DL_READ_ONLY != 0
            t = &self.versioned.tensor
        elif PyCapsule_IsValid(capsule, "dltensor"):
            self.plain = <DLManagedTensor *>PyCapsule_GetPointer(capsule, "dltensor")
            PyCapsule_SetName(capsule, "used_dltensor")
            t = &self.plain.tensor
        else:
            raise TypeError(f"{what} has a __dlpack__ that returns no DLPack tensor")
        if t.device_type != DL_CPU:
            raise ValueError(f"{what} lies on DLPack device ({t.device_type}, {t.device_id}), not in CPU memory (1, 0)")
        cdef int64_t items = 1
        cdef int i
        for i in reversed(range(t.ndim)):
            if t.strides != NULL and t.shape[i] > 1 and t.strides[i] != items:
                raise ValueError(f"{what} is not contiguous in memory: wrap a copy of it, or what it is a part of")
            items *= t.shape[i]
        self.data = <uint8_t *>t.data + t.byte_offset
        self.size = items * ((t.bits * t.lanes + 7) // 8)
        return 0

    cdef int take_address(self, raw, str what) except -1:
        cdef size_t most = <size_t>-1
        address = check_int(f"address of {what}", raw.address, 1, most)
        self.size = check_int(f"nbytes of {what}", raw.nbytes, 1, most - address + 1)
        self.data = <uint8_t *><size_t>address
        self.readonly = bool(raw.readonly)
        self.owner = raw.owner
        return 0


cdef Region region_of(thing, int number):
    cdef Region region = Region.__new__(Region)
    what = f"object {number}, a {type(thing).__name__},"
    if isinstance(thing, RawMemory):
        region.take_address(thing, what)
    elif PyObject_CheckBuffer(thing):
        region.take_buffer(thing, what)
    elif hasattr(thing, "__dlpack__"):
        region.take_tensor(thing, what)
    else:
        raise TypeError(f"{what} has neither a buffer nor DLPack: a slot is a bytearray, mmap, array, tensor or "
                        "camkit.RawMemory")
    return region


@cython.auto_pickle(False)
cdef class Foreign:
    """Memory that is not ours, on its way into a FramePool."""

    def __dealloc__(self):
        if self.give_up != NULL:
            self.give_up(self.owner)
        free(self.data)
        free(self.readonly)

    def __len__(self):
        return self.count

    cdef int reserve(self, uint32_t count) except -1:
        self.count = count
        self.data = <uint8_t **>calloc(count, sizeof(uint8_t *))
        self.readonly = <bint *>calloc(count, sizeof(bint))
        if self.data == NULL or self.readonly == NULL:
            raise MemoryError("no memory for the pool's own records")
        return 0


cdef Foreign native_memory(uint8_t **data, uint32_t count, size_t slot_bytes, bint readonly, give_up_method give_up,
                           void *owner):
    cdef Foreign foreign = Foreign.__new__(Foreign)
    cdef uint32_t i
    foreign.give_up, foreign.owner, foreign.slot_bytes = give_up, owner, slot_bytes
    foreign.reserve(count)
    for i in range(count):
        foreign.data[i], foreign.readonly[i] = data[i], readonly
    return foreign


def foreign_memory(objects, slot_bytes, alignment):
    """Take hold of the memory of Python objects, one a slot, as `FramePool.wrap` describes.

    Parameters
    ----------
    objects : iterable
        What to wrap.
    slot_bytes : int or None
        Bytes that each must have at least. None: as many as all of them have, which must be the same.
    alignment : int
        Each must begin on a multiple of it.

    Returns
    -------
    (Foreign, int)
        The memory, and the bytes of a slot.
    """
    cdef Region region
    cdef uint32_t i
    if PyObject_CheckBuffer(objects) or isinstance(objects, (str, RawMemory)):
        raise TypeError(f"objects is one {type(objects).__name__}: give a list of what each slot shall be")
    regions = []
    for thing in objects:
        regions.append(region_of(thing, len(regions)))
        if len(regions) > 65536:
            raise ValueError("there are more than 65536 objects")
    if not regions:
        raise ValueError("there is no object to wrap")
    sizes = [(<Region>r).size for r in regions]
    if slot_bytes is None:
        slot_bytes = sizes[0]
        if len(set(sizes)) > 1:
            raise ValueError(f"the objects have from {min(sizes)} to {max(sizes)} bytes: slot_bytes must say how many "
                             "of them a slot has")
    cdef Foreign foreign = Foreign.__new__(Foreign)
    foreign.reserve(len(regions))
    foreign.slot_bytes = slot_bytes
    for i, region in enumerate(regions):
        if region.size < slot_bytes:
            raise ValueError(f"object {i} has {region.size} bytes, a slot needs {slot_bytes}")
        if <size_t>region.data % <size_t>alignment:
            raise ValueError(f"object {i} begins at address {<size_t>region.data:#x}, which is no multiple of "
                             f"{alignment}")
        foreign.data[i], foreign.readonly[i] = region.data, region.readonly
    places = sorted((<size_t>foreign.data[i], i) for i in range(len(regions)))
    for (low, first), (high, second) in zip(places, places[1:]):
        if high - low < slot_bytes:
            raise ValueError(f"objects {min(first, second)} and {max(first, second)} overlap in memory")
    foreign.owner = keep_object(tuple(regions))
    foreign.give_up = drop_object
    return foreign, slot_bytes
