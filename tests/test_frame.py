"""Frame: views, the buffer protocol, DLPack, and the lease they all keep."""

import copy
import ctypes
import gc
import pickle

import numpy as np
import pytest

from camkit.errors import FormatNotSupported
from camkit.memory_manager import FORMATS, Frame, FramePool


@pytest.fixture
def pool():
    return FramePool(2, format="RGB24", size=(8, 4))


SHAPES = {"RGB24": (4, 8, 3), "YUYV": (4, 8, 2), "GREY": (4, 8), "RGBA32": (4, 8, 4), "SRGGB8": (4, 8)}


@pytest.mark.parametrize("name", SHAPES)
def test_array_has_the_shape_of_its_format(name):
    assert FramePool(1, format=name, size=(8, 4)).acquire().array.shape == SHAPES[name]


def test_y16_is_uint16_and_mjpg_is_the_bytes_used():
    assert FramePool(1, format="Y16", size=(8, 4)).acquire().array.dtype == np.uint16
    assert FramePool(1, 99, format="MJPG", size=(8, 4)).acquire().array.shape == (99,)


def test_planar_formats_have_planes_and_no_array():
    frame = FramePool(1, format="NV12", size=(8, 4)).acquire()
    assert [plane.shape for plane in frame.planes] == [(4, 8), (2, 4, 2)]
    with pytest.raises(FormatNotSupported, match=r"NV12 has 2 planes.*use frame\.planes"):
        frame.array  # noqa: B018
    with pytest.raises(BufferError, match=r"use frame\.planes"):
        memoryview(frame)


def test_views_show_the_slot_itself(pool):
    frame = pool.acquire()
    frame.array[:] = 3
    assert memoryview(frame)[0, 0, 0] == 3
    memoryview(frame)[1, 2, 1] = 77
    assert frame.array[1, 2, 1] == 77
    assert np.asarray(frame).ctypes.data == frame.array.ctypes.data == np.from_dlpack(frame).ctypes.data


@pytest.mark.parametrize("view", [lambda f: f.array, lambda f: f.planes[0], memoryview, np.asarray])
def test_close_refuses_while_a_view_lives_and_slices_keep_it(pool, view):
    frame = pool.acquire()
    held = view(frame)[1:]
    with pytest.raises(BufferError, match="cannot close frame 0: 1 view"):
        frame.close()
    assert not frame.closed
    del held
    frame.close()
    frame.close()
    assert frame.closed
    assert pool.free == 2


def test_the_slot_stays_while_only_a_view_is_left(pool):
    view = pool.acquire().array
    gc.collect()
    assert pool.free == 1
    view[:] = 8
    assert int(view.sum()) == 8 * view.size
    del view
    assert pool.free == 2


def test_a_view_inside_a_reference_cycle_gives_its_slot_back(pool):
    class Box:
        pass

    box = Box()
    box.frame = pool.acquire()
    box.view, box.me = box.frame.array, box
    del box
    gc.collect()
    assert pool.free == 2


def test_with_closes_and_refuses_like_close(pool):
    with pool.acquire() as frame:
        assert frame.size == (8, 4)
    assert frame.closed
    with pytest.raises(BufferError), pool.acquire() as frame:
        view = frame.array
    del view


CLOSED = [name for name in dir(Frame) if not name.startswith("_") and name not in ("close", "closed", "copy", "time")]


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_frame_says_so(pool, name):
    frame = pool.acquire()
    frame.close()
    with pytest.raises(ValueError, match="the frame is closed"):
        getattr(frame, name)
    assert repr(frame) == "<Frame closed>"


@pytest.mark.parametrize("use", [Frame.copy, Frame.time, memoryview, np.from_dlpack, Frame.__enter__])
def test_a_closed_frame_cannot_be_used(pool, use):
    frame = pool.acquire()
    frame.close()
    with pytest.raises((ValueError, BufferError), match="closed"):
        use(frame)


@pytest.mark.parametrize("name", FORMATS)
def test_a_copy_is_equal_writable_and_independent(name):
    slot_bytes = 100 if FORMATS[name].compressed else None
    stride = None if slot_bytes else FORMATS[name].row_bytes(8) + 32
    pool = FramePool(1, slot_bytes, format=name, size=(8, 4), stride=stride)
    frame = pool.acquire()
    for i, plane in enumerate(frame.planes):
        plane[:] = np.arange(plane.size).reshape(plane.shape) + 10 * i
    twin = frame.copy()
    assert twin.format == name
    assert twin.timestamp_ns == frame.timestamp_ns
    for plane, other in zip(frame.planes, twin.planes, strict=True):
        assert (plane == other).all()
        other[:] = 0
        assert plane.any()


def test_plain_bytes_have_no_format():
    frame = FramePool(1, 10).acquire()
    assert frame.format is None
    assert frame.pixel_format is None
    assert frame.array.shape == frame.copy().array.shape == (10,)


def test_a_padded_picture_is_a_strided_buffer_only():
    frame = FramePool(1, format="GREY", size=(8, 4), stride=16).acquire()
    assert memoryview(frame).strides == (16, 1)
    simple = (ctypes.c_char * 256)()  # room for a Py_buffer
    with pytest.raises(BufferError, match="with padding"):
        ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(frame), simple, 0)  # PyBUF_SIMPLE: knows no strides
    frame.close()


def test_dlpack_keeps_the_slot_by_itself(pool):
    frame = pool.acquire()
    frame.array[:] = 4
    tensor = np.from_dlpack(frame)
    frame.close()
    assert pool.free == 1
    assert int(tensor.sum()) == 4 * tensor.size
    del tensor
    gc.collect()
    assert pool.free == 2


def test_dlpack_answers_every_form_of_the_question(pool):
    frame = pool.acquire()
    assert frame.__dlpack_device__() == (1, 0)
    assert "dltensor_versioned" in repr(frame.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(frame.__dlpack__())
    copied = np.from_dlpack(frame, copy=True)
    assert copied.ctypes.data != frame.array.ctypes.data
    with pytest.raises(BufferError, match="CPU memory"):
        frame.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="no streams"):
        frame.__dlpack__(stream=1)
    del copied
    gc.collect()
    frame.close()
    assert pool.free == 2, "capsules that nobody consumed give their slot back"


def test_frames_are_not_made_pickled_or_copied_by_hand(pool):
    with pytest.raises(TypeError, match="frames come from a camera"):
        Frame()
    for use in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            use(pool.acquire())


@pytest.mark.parametrize("use", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_a_view_stands_on_cannot_be_copied(pool, use):
    frame = pool.acquire()
    view = frame.array
    with pytest.raises(TypeError):
        use(view.base)
    with pytest.raises(BufferError, match="1 view"):
        frame.close()


def test_a_dlpack_version_that_closes_the_frame_is_too_early_to_harm(pool):
    frame = pool.acquire()

    class Version:
        def __getitem__(self, index):
            frame.close()
            return 1

    with pytest.raises(ValueError, match="the frame is closed"):
        frame.__dlpack__(max_version=Version())
