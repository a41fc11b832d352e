"""What is imported: once for each plane of each buffer, kept while it is of use, and given up at the end."""

from __future__ import annotations

import ctypes
from typing import Any

from tests.stand_ins import Buffers, Change, Probed


def counting(alive: set[int]) -> Change:
    """The driver, with a list of the images that there are."""
    create = ctypes.CFUNCTYPE(
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p
    )
    destroy = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)
    kept: list[Any] = []

    def change(name: str, real: int) -> int | None:
        def created(*args: Any) -> Any:
            image = create(real)(*args)
            alive.add(image)
            return image

        def destroyed(display: int, image: int) -> int:
            alive.remove(image)
            return destroy(real)(display, image)

        if name not in ("eglCreateImageKHR", "eglDestroyImageKHR"):
            return None
        kept.append(create(created) if name == "eglCreateImageKHR" else destroy(destroyed))
        return ctypes.cast(kept[-1], ctypes.c_void_p).value

    return change


def test_each_plane_of_each_buffer_is_imported_once_and_given_up_at_the_end(gl_nodes) -> None:
    alive: set[int] = set()
    buffers = Buffers(gl_nodes, "NV12", (64, 32), slots=3)
    with Probed(counting(alive), transfer="import") as screen:
        for _ in range(5):
            frames = [buffers.frame() for _ in range(3)]
            for frame in frames:
                screen.show(frame)
                frame.close()
        assert len(alive) == 6
        assert "3 import(s) for 15 frame(s)" in screen.explain()
    assert not alive


def test_a_stream_that_began_anew_leaves_nothing_of_the_old(gl_nodes) -> None:
    alive: set[int] = set()
    with Probed(counting(alive), transfer="import") as screen:
        for generation in (1, 2, 3):
            buffers = Buffers(gl_nodes, "GREY", (64, 32), slots=4)
            for _ in range(10):
                for frame in [buffers.frame() for _ in range(4)]:
                    gl_nodes.set_generation(frame, generation)
                    screen.show(frame)
                    assert (screen.readback() == frame.array[..., None]).all()
                    frame.close()
            buffers.pool.close()
            assert len(alive) == 4, "forty frames of the new stream are enough to let the old one go"
        assert screen.stats().fallbacks == 0


def test_two_streams_that_take_turns_keep_their_textures(gl_nodes) -> None:
    one, other = (Buffers(gl_nodes, "GREY", (64, 32), slots=2) for _ in range(2))
    with Probed(transfer="import") as screen:
        for _ in range(60):
            for buffers in (one, other):
                with buffers.frame() as frame:
                    screen.show(frame)
        assert "3 import(s)" in screen.explain() or "2 import(s)" in screen.explain()


def test_the_list_of_buffers_is_bounded(gl_nodes) -> None:
    alive: set[int] = set()
    buffers = Buffers(gl_nodes, "GREY", (32, 8), slots=150)
    with Probed(counting(alive), transfer="import") as screen:
        frames = [buffers.frame() for _ in range(150)]
        for frame in frames:
            screen.show(frame)
            assert (screen.readback() == frame.array[..., None]).all()
        assert len(alive) == 128
        for frame in frames:
            frame.close()


def test_a_picture_outlives_its_frame_and_pool(gl_nodes) -> None:
    buffers = Buffers(gl_nodes, "GREY", (64, 32))
    with Probed(transfer="import") as screen:
        with buffers.frame() as frame:
            screen.show(frame)
            wanted = frame.array.copy()
        with buffers.pool.acquire() as frame:
            frame.array[:] = 0
        buffers.pool.close()
        del buffers
        assert (screen.readback() == wanted[..., None]).all(), "the picture is a copy, made on the GPU"
