"""FramePool.wrap: memory of others as slots, kept exactly as long as it is needed."""

import array
import copy
import ctypes
import io
import mmap
import pickle
import subprocess
import sys
import threading
import weakref
from multiprocessing import shared_memory

import numpy as np
import pytest

from camkit.memory_manager import FramePool, RawMemory


class Tensor:
    """An object with DLPack and no buffer; `versioned` as from DLPack 1.0 on."""

    def __init__(self, pixels, versioned=True, device=(1, 0)):
        self.pixels, self.versioned, self.device = pixels, versioned, device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **asked):
        if self.versioned:
            return self.pixels.__dlpack__(**asked)
        if asked:
            raise TypeError("__dlpack__() got an unexpected keyword argument")
        return self.pixels.__dlpack__()


class Owner:
    """Something that can be watched while it keeps memory."""

    def __init__(self, size=64):
        self.memory = (ctypes.c_uint8 * size)()

    @property
    def raw(self):
        return RawMemory(ctypes.addressof(self.memory), len(self.memory), self)


def kinds():
    numbers = np.arange(64, dtype=np.uint8)
    frame = FramePool(1, 64).acquire()
    frame.array[:] = numbers
    yield "bytearray", bytearray(numbers), True
    yield "bytes", bytes(numbers), False
    yield "memoryview", memoryview(bytearray(numbers)), True
    yield "array", array.array("B", bytes(numbers)), True
    yield "numpy", numbers.copy().reshape(8, 8), True
    yield "numpy of 16 bits", np.frombuffer(bytearray(numbers), np.uint16), True
    yield "ctypes", (ctypes.c_uint8 * 64)(*numbers), True
    yield "DLPack 1", Tensor(numbers.copy().reshape(4, 16)), True
    yield "DLPack 0", Tensor(numbers.copy(), versioned=False), True
    yield "a frame's DLPack", Tensor(frame), True
    pages = mmap.mmap(-1, 64)
    pages[:] = bytes(numbers)
    yield "mmap", pages, True
    owner = Owner()
    owner.memory[:] = bytes(numbers)
    yield "address", owner.raw, True
    yield "address, read-only", RawMemory(owner.raw.address, 64, owner, readonly=True), False
    constant = numbers.copy()
    constant.flags.writeable = False
    yield "numpy, read-only", constant, False
    if hasattr(np, "__version__") and np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        yield "DLPack, read-only", Tensor(constant), False


@pytest.mark.parametrize(("thing", "writable"), [pytest.param(*row[1:], id=row[0]) for row in kinds()])
def test_every_kind_of_object_is_a_slot(thing, writable):
    pool = FramePool.wrap([thing])
    with pool.acquire() as frame:
        assert frame.array.tolist() == list(range(64)) and frame.memory == "foreign"
        assert frame.readonly is not writable and frame.array.flags.writeable is writable
        if writable:
            frame.array[:] = 255 - frame.array
    with pool.acquire() as frame:
        assert frame.array[0] == (255 if writable else 0), "the same memory, lent again"
        if writable:
            frame.array[:] = np.arange(64)
    assert (pool.backing, pool.pitch, pool.slot_bytes, pool.fd) == ("foreign", 0, 64, None)
    assert "wrapped memory" in pool.explain()


def test_shared_memory_is_written_where_others_see_it():
    block = shared_memory.SharedMemory(create=True, size=8 * 4 * 3)
    try:
        pool = FramePool.wrap([block.buf], format="RGB24", size=(8, 4))
        with pool.acquire() as frame:
            frame.array[2, 3] = 1, 2, 3
        pool.close()
        assert bytes(block.buf[(2 * 8 + 3) * 3 :][:3]) == b"\1\2\3"
    finally:
        block.close()
        block.unlink()


def test_slots_have_the_order_of_the_objects():
    objects = [bytearray([number] * 16) for number in range(5)]
    pool = FramePool.wrap(iter(objects))
    frames = [pool.acquire() for _ in range(5)]
    assert len(pool) == 5 and all(set(frame.array) == {frame.slot} for frame in frames)


@pytest.mark.parametrize("name", ["RGB24", "NV12", "YU12", "Y16", "MJPG"])
def test_pictures_lie_in_wrapped_memory(name):
    stride = 64 if name in ("NV12", "YU12", "Y16") else None
    memory = np.zeros(8192, np.uint8)
    pool = FramePool.wrap([memory], 8192 if name == "MJPG" else None, format=name, size=(32, 16), stride=stride)
    frame = pool.acquire()
    assert frame.format == name and frame.size == (32, 16)
    assert frame.planes[0].ctypes.data == memory.ctypes.data
    for number, plane in enumerate(frame.planes, 1):
        plane[:] = number
    assert set(memory[: frame.nbytes]) - {0} == set(range(1, len(frame.planes) + 1))


def test_a_slot_stays_read_only():
    pool = FramePool.wrap([bytes(64), bytes(64)])
    like = FramePool(1, 64).acquire()
    for frame in (pool.acquire(), pool.acquire(like=like)):
        assert frame.readonly
        with pytest.raises(TypeError, match="read-write"):
            io.BytesIO(b"a").readinto(frame)
        with pytest.raises(ValueError, match="read-only"):
            frame.array[0] = 1


@pytest.mark.parametrize(
    ("objects", "keywords", "error", "words"),
    [
        ([], {}, ValueError, "no object to wrap"),
        (bytearray(64), {}, TypeError, "objects is one bytearray: give a list"),
        ("text", {}, TypeError, "objects is one str"),
        (RawMemory(64, 1), {}, TypeError, "objects is one RawMemory"),
        (3, {}, TypeError, "not iterable"),
        ([bytearray(64), 5], {}, TypeError, "object 1, a int, has neither a buffer nor DLPack"),
        (["text"], {}, TypeError, "object 0, a str, has neither"),
        ([bytearray(0)], {}, ValueError, "slot_bytes is 0, not from 1"),
        ([bytearray(8), bytearray(9)], {}, ValueError, "from 8 to 9 bytes: slot_bytes must say"),
        ([bytearray(8)], {"slot_bytes": 9}, ValueError, "object 0 has 8 bytes, a slot needs 9"),
        ([bytearray(8)], {"slot_bytes": 0}, ValueError, "slot_bytes is 0"),
        ([bytearray(8)], {"slot_bytes": "8"}, TypeError, "slot_bytes is a str"),
        ([bytearray(95)], {"format": "RGB24", "size": (8, 4)}, ValueError, "object 0 has 95 bytes, a slot needs 96"),
        ([bytearray(96)], {"format": "RGB24"}, ValueError, "needs a size"),
        ([bytearray(96)], {"format": "RGB24", "size": (8, 4), "stride": 23}, ValueError, "stride is 23, not from 24"),
        ([bytearray(99)], {"format": "MAGIC", "size": (8, 4)}, ValueError, "MAGIC"),
        ([np.zeros((8, 8), np.uint8)[:, ::2]], {}, ValueError, "object 0, a ndarray, is not contiguous"),
        ([np.zeros((8, 8), np.uint8, order="F")], {}, ValueError, "not contiguous"),
        ([memoryview(bytes(8))[::-1]], {}, ValueError, "not contiguous"),
        ([Tensor(np.zeros((8, 8), np.uint8)[:, ::2])], {}, ValueError, "a Tensor, is not contiguous"),
        (
            [Tensor(np.zeros(8, np.uint8), device=(2, 0))],
            {},
            ValueError,
            "lies on DLPack device \\(2, 0\\), not in CPU",
        ),
        ([np.zeros(65, np.uint8)[1:]], {"alignment": 64}, ValueError, "begins at address 0x[0-9a-f]+, which is no"),
        ([np.zeros(65, np.uint8)[1:]], {"format": "Y16", "size": (4, 4)}, ValueError, "which is no multiple of 2"),
        ([bytearray(64)], {"alignment": 48}, ValueError, "alignment is 48, not a power of two"),
        ([bytearray(64)], {"alignment": 0}, ValueError, "alignment is 0"),
        ([RawMemory(0, 64)], {}, ValueError, "address of object 0, a RawMemory, is 0"),
        ([RawMemory(-1, 64)], {}, ValueError, "is -1"),
        ([RawMemory(1 << 64, 64)], {}, ValueError, "is 18446744073709551616"),
        ([RawMemory((1 << 64) - 8, 9)], {}, ValueError, "nbytes of object 0, a RawMemory, is 9, not from 1 to 8"),
        ([RawMemory(64, 0)], {}, ValueError, "nbytes of object 0, a RawMemory, is 0"),
        ([RawMemory("64", 8)], {}, TypeError, "address of object 0, a RawMemory, is a str"),
    ],
)
def test_what_cannot_be_a_slot_is_refused(objects, keywords, error, words):
    with pytest.raises(error, match=words):
        FramePool.wrap(objects, **keywords)


def test_overlapping_objects_are_refused():
    block = bytearray(256)
    view = memoryview(block)
    FramePool.wrap([view[128:], view[:128]]).close()
    with pytest.raises(ValueError, match="objects 0 and 2 overlap"):
        FramePool.wrap([view[100:164], view[192:], view[40:104]], 64)


def test_too_many_objects_are_refused():
    with pytest.raises(ValueError, match="more than 65536 objects"):
        FramePool.wrap(iter(lambda: RawMemory(64, 1), None))


def test_a_refused_wrap_lets_everything_go():
    good = bytearray(64)
    with pytest.raises(TypeError, match="object 1"):
        FramePool.wrap([good, object()])
    with pytest.raises(ValueError, match="slot needs 65"):
        FramePool.wrap([good], 65)
    with pytest.raises(ValueError, match="cannot have a stride of 9"):
        FramePool.wrap([good], format="Y16", size=(4, 4), stride=9)
    good.append(1)


def test_a_hidden_helper_cannot_be_misused():
    foreign, _ = sys.modules["camkit.memory_manager._foreign"].foreign_memory([bytearray(64)], None, 1)
    with pytest.raises(ValueError, match="too small, or another pool's"):
        FramePool(2, 64, backing=foreign)
    with pytest.raises(ValueError, match="too small, or another pool's"):
        FramePool(1, 65, backing=foreign)
    pool = FramePool(1, 64, backing=foreign)
    with pytest.raises(ValueError, match="too small, or another pool's"):
        FramePool(1, 64, backing=foreign)
    for thing in (foreign, pool):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        with pytest.raises(TypeError):
            copy.copy(thing)


def held(memory):
    """Tell whether somebody has an export of a bytearray."""
    try:
        memory.append(0)
    except BufferError:
        return True
    memory.pop()
    return False


def test_the_last_to_go_lets_the_objects_go():
    memory = bytearray(64)
    pool = FramePool.wrap([memory])
    frame = pool.acquire()
    view, tensor = frame.array, np.from_dlpack(frame)
    del frame
    assert held(memory)
    pool.close()
    assert held(memory)
    del view
    assert held(memory)
    del tensor
    assert not held(memory)
    pool = FramePool.wrap([memory])
    frame = pool.acquire()
    frame.close()
    assert held(memory), "the pool will lend it again"
    del pool
    assert not held(memory)
    pool = FramePool.wrap([memory])
    frame = pool.acquire()
    del pool
    assert held(memory)
    frame.close()
    assert not held(memory)
    with FramePool.wrap([memory]):
        assert held(memory)
    assert not held(memory)


def test_owners_live_exactly_as_long():
    owner = Owner()
    watched, gone = weakref.ref(owner), []
    weakref.finalize(owner, gone.append, True)
    pool = FramePool.wrap([owner.raw])
    frame = pool.acquire()
    del owner
    del pool
    assert watched() is not None
    frame.array[:] = 3
    frame.close()
    assert watched() is None and gone == [True]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def tensor_of(frame):
    """Take a frame's DLPack tensor as C code does: (its address, the address of what deletes it)."""
    capsule, name = frame.__dlpack__(), b"dltensor"
    api = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = ctypes.py_object, ctypes.c_char_p
    api.PyCapsule_SetName.argtypes = ctypes.py_object, ctypes.c_char_p
    address = api.PyCapsule_GetPointer(capsule, name)
    tensor_of.used = b"used_dltensor"  # the capsule keeps the pointer
    api.PyCapsule_SetName(capsule, tensor_of.used)
    return address, ctypes.c_void_p.from_address(address + 48 + 8).value


def wrapped_tensor():
    """Return (an event that tells when the wrapped memory is let go, its only holder as in tensor_of)."""
    owner, gone = Owner(), threading.Event()
    weakref.finalize(owner, gone.set)
    pool = FramePool.wrap([owner.raw])
    return gone, tensor_of(pool.acquire())


def test_a_call_without_the_gil_may_be_the_last():
    gone, (tensor, deleter) = wrapped_tensor()
    assert not gone.is_set()
    DELETER(deleter)(tensor)  # ctypes gives the GIL up for the call
    # Not one long wait: an interpreter without a GIL has the thread that made an object end it, between its own steps.
    assert any(gone.wait(0.01) for _ in range(2000))


def test_a_thread_that_is_none_of_pythons_may_be_the_last_while_the_gil_is_held():
    """Whoever waits for such a thread with the GIL in its hand would wait for ever if that wanted the GIL."""
    keeping_the_gil = ctypes.PyDLL(None)
    thread = ctypes.c_ulong()
    several = [wrapped_tensor() for _ in range(20)]
    for _, (tensor, deleter) in several:
        start, argument = ctypes.c_void_p(deleter), ctypes.c_void_p(tensor)
        assert keeping_the_gil.pthread_create(ctypes.byref(thread), None, start, argument) == 0
        assert keeping_the_gil.pthread_join(thread, None) == 0
    for gone, _ in several:
        assert gone.wait(20)


def test_many_threads_let_go_at_once():
    rounds, threads = 40, []
    events = []

    def work():
        for _ in range(rounds):
            gone, (tensor, deleter) = wrapped_tensor()
            events.append(gone)
            DELETER(deleter)(tensor)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events) == 4 * rounds and all(gone.wait(20) for gone in events)


AT_THE_END = """
import atexit, ctypes, sys, threading
sys.path.insert(0, "tests")
from camkit import FramePool, FrameQueue, Pipeline, SyntheticCamera, NullSink
memory = [bytearray(64) for _ in range(4)]
pool = FramePool.wrap(memory)
frames = [pool.acquire() for _ in range(2)]
queue = FrameQueue(4)
queue.put(frames.pop())
class Late:
    def __del__(self, frames=frames):  # the module's names may be gone by then
        frames.clear()
late = Late()
atexit.register(pool.close)
print("fine")
"""


def test_the_interpreter_ends_with_frames_of_wrapped_memory_out():
    done = subprocess.run([sys.executable, "-X", "dev", "-c", AT_THE_END], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")


def test_the_helping_thread_is_one_and_has_a_name():
    FramePool.wrap([bytearray(1)])
    assert [thread.name for thread in threading.enumerate()].count("camkit-let-go") == 1
