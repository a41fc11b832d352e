"""The frame's memory is the texture: a memfd stands for a dma-buf, which this driver takes as one."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from typing import Any

import pytest

from camkit.errors import GLError
from camkit.gl_core.context import Context
from camkit.memory_manager import FORMATS, FramePool
from tests.stand_ins import Buffers, Change, Probed

DRAWN = [row for row in FORMATS.values() if not row.compressed]


@pytest.fixture(scope="module")
def screens() -> Iterator[tuple[Probed, Probed]]:
    with Probed(transfer="import") as imported, Probed(transfer="client") as copied:
        yield imported, copied
        for screen in (imported, copied):
            assert not screen.description or screen.context.functions.errors() == []


@pytest.mark.parametrize("padding", [0, 7, 64])
@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_every_format_looks_as_if_it_had_been_copied(gl_nodes, screens, row, padding: int) -> None:
    imported, copied = screens
    if row.shader in ("two_planes", "three_planes"):
        padding *= 2
    buffers = Buffers(gl_nodes, row.name, (66 + 2 * padding, 34), padding=padding)  # for each its own textures
    before = imported.stats().copied_bytes
    for _ in range(4):
        with buffers.frame() as frame:
            imported.show(frame)
            copied.show(frame)
            assert (imported.readback() == copied.readback()).all()
    assert imported.transfer["path"] == "import"
    assert imported.stats().copied_bytes == before, "nobody copied anything"
    assert "2 import(s)" in imported.explain() or "1 import(s)" in imported.explain()


def refuse_pitches(multiple: int, seen: list[int]) -> Change:
    """A driver that takes rows only so many bytes apart."""
    kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p,
                            ctypes.POINTER(ctypes.c_int))  # fmt: skip
    kept = []

    def change(name: str, real: int) -> int | None:
        if name != "eglCreateImageKHR":
            return None

        def create(display: int, context: int, target: int, buffer: int, wish: Any) -> int | None:
            assert wish[10] == 0x3274, "EGL_DMA_BUF_PLANE0_PITCH_EXT"
            seen.append(wish[11])
            return None if wish[11] % multiple else kind(real)(display, context, target, buffer, wish)

        kept.append(kind(create))
        return ctypes.cast(kept[-1], ctypes.c_void_p).value

    return change


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("GREY", (640, 48), "2 rows of plane 0 as one"),
        ("GREY", (848, 32), "16 rows of plane 0 as one"),
        ("GREY", (160, 30), "the last 6 rows of plane 0 are copied"),  # eight as one
        ("Y16", (160, 24), "4 rows of plane 0 as one"),
        ("YUYV", (848, 48), "8 rows of plane 0 as one"),
        ("UYVY", (160, 20), "4 rows of plane 0 as one"),
        ("NV12", (640, 48), "2 rows of plane 1 as one"),
        ("NV16", (160, 24), "8 rows of plane 1 as one"),
        ("NV21", (800, 24), "the last 4 rows of plane 1 are copied"),
        ("YU12", (320, 40), "the last 4 rows of plane 2 are copied"),  # sixteen of chroma's twenty rows
        ("RGB24", (64, 20), "4 rows of plane 0 as one"),
        ("RGBA32", (96, 10), "2 rows of plane 0 as one"),
        ("SGRBG8", (800, 24), "8 rows of plane 0 as one"),
    ],
)
def test_rows_are_folded_where_the_driver_refuses_their_distance(gl_nodes, screens, name, size, words: str) -> None:
    pitches: list[int] = []
    copied = screens[1]
    buffers = Buffers(gl_nodes, name, size)
    with Probed(refuse_pitches(256, pitches), transfer="import") as imported:
        for number in range(3):
            with buffers.frame() as frame:
                imported.show(frame)
                copied.show(frame)
                assert (imported.readback() == copied.readback()).all(), number
        assert words in imported.explain()
        rest = "are copied" in words
        assert (imported.stats().copied_bytes > 0) == rest, "nothing but those rows"
        assert imported.stats().copied_bytes < 3 * buffers.pool.slot_bytes / 2
        assert imported.context.functions.errors() == []
    assert {pitch % 256 for pitch in pitches} >= {0}


def test_a_frame_that_falls_back_between_folded_ones_is_drawn_right(gl_nodes, screens) -> None:
    buffers = Buffers(gl_nodes, "NV12", (640, 48))
    with Probed(refuse_pitches(256, []), transfer="import") as imported:
        for turn in range(4):
            with buffers.frame() as frame:
                shown = frame.copy() if turn % 2 else frame
                imported.show(shown)
                screens[1].show(shown)
                assert (imported.readback() == screens[1].readback()).all()
                shown.close()
        stats = imported.stats()
        assert (stats.fallbacks, stats.copies) == (2, 2)
        assert "2 frame(s) went by 'client' instead, the last because it has no dma-buf" in imported.explain()


def test_rows_too_wide_to_be_folded_are_refused_with_why(gl_nodes) -> None:
    buffers = Buffers(gl_nodes, "GREY", (1082, 256))  # 128 rows would be wider than any texture
    with buffers.frame() as frame, Probed(refuse_pitches(256, [])) as screen:
        screen.show(frame)
        assert screen.transfer["path"] != "import"
        why = screen.transfer["refused"]["import"]
        assert "1082 bytes from row to row: eglCreateImageKHR said" in why and "rows as one" not in why


def without(*names: str) -> Change:
    """A driver that lacks functions."""
    return lambda name, real: 0 if name in names else None


def swallowing(when: list[Any]) -> Change:
    """A driver that says it makes a texture of an image, and does not, while `when` has something in it."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_void_p)
    kept: list[Any] = []

    def change(name: str, real: int) -> int | None:
        if name != "glEGLImageTargetTexture2DOES":
            return None
        kept.append(kind(lambda target, image: None if when else kind(real)(target, image)))
        return ctypes.cast(kept[-1], ctypes.c_void_p).value

    return change


def test_either_call_binds(gl_nodes) -> None:
    buffers = Buffers(gl_nodes, "GREY", (64, 32))
    for missing, taken in (
        ("glEGLImageTargetTexStorageEXT", "glEGLImageTargetTexture2DOES"),
        ("glEGLImageTargetTexture2DOES", "glEGLImageTargetTexStorageEXT"),
    ):
        with buffers.frame() as frame, Probed(without(missing), transfer="import") as screen:
            screen.show(frame)
            assert (screen.readback() == frame.array[..., None]).all()
            assert f"by {taken}" in screen.explain()


def test_the_newer_call_follows_where_the_older_is_refused(gl_nodes) -> None:
    calls: list[int] = []
    kind = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_void_p)
    kept: list[Any] = []

    def change(name: str, real: int) -> int | None:
        if name != "glEGLImageTargetTexture2DOES":
            return None

        def refuse(target: int, image: int) -> None:
            calls.append(image)
            draw = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint)(screen.context.get_proc("glBindTexture"))
            draw(0x0DE1, 0xFFFF)  # a name that was never given out: GL_INVALID_OPERATION

        kept.append(kind(refuse))
        return ctypes.cast(kept[-1], ctypes.c_void_p).value

    buffers = Buffers(gl_nodes, "NV12", (64, 32))
    with Probed(change, transfer="import") as screen:
        for _ in range(3):
            with buffers.frame() as frame:
                screen.show(frame)
        assert "by glEGLImageTargetTexStorageEXT" in screen.explain()
        assert len(calls) == 2, "asked once by the trial and once by the way that was taken"
        assert screen.context.functions.errors() == []


def test_a_driver_that_reads_other_bytes_is_found_out(gl_nodes) -> None:
    change = swallowing([True])
    buffers = Buffers(gl_nodes, "GREY", (64, 32))
    with buffers.frame() as frame, Probed(change) as screen:
        screen.show(frame)
        assert (screen.readback() == frame.array[..., None]).all(), "another way was right"
        assert "the GPU reads other bytes there" in screen.transfer["refused"]["import"]
        forced = Probed(change, transfer="import")
        with forced, pytest.raises(GLError, match="the GPU reads other bytes there"):
            forced.show(frame)


def test_a_buffer_that_is_wrong_later_is_found_out_as_well(gl_nodes, screens) -> None:
    wrong: list[bool] = []
    change = swallowing(wrong)
    buffers = Buffers(gl_nodes, "GREY", (64, 32))
    with Probed(change, transfer="import") as screen:
        with buffers.frame() as first:
            screen.show(first)
            wrong.append(True)
            with buffers.frame() as second:
                for _ in range(2):
                    screen.show(second)
                    assert (screen.readback() == second.array[..., None]).all()
            screen.show(first)
        assert screen.stats().fallbacks == 2, screen.explain()
        assert "the last because" in screen.explain()


@pytest.mark.parametrize("live", [False, True])
def test_a_users_renderer_gets_the_memory_itself_only_if_it_wants_it_live(gl_nodes, live: bool) -> None:
    seen: list[tuple[Any, ...]] = []
    buffers = Buffers(gl_nodes, "NV12", (64, 32))
    with Probed(transfer="import", live=live, on_draw=lambda ctx, textures: seen.append(textures)) as screen:
        for _ in range(2):
            with buffers.frame() as frame:
                screen.show(frame)
        assert [len(textures) for textures in seen] == ([2, 2] if live else [0, 0])
        assert buffers.pool.free == (1 if live else 2), "the one that is seen is held until another is"
    assert buffers.pool.free == 2


def test_a_dmabuf_that_is_too_small_is_never_read_beyond_its_end(gl_nodes) -> None:
    small = os.memfd_create("small")
    os.ftruncate(small, 4096)
    with FramePool(1, format="GREY", size=(128, 64)) as pool, pool.acquire() as frame, Probed() as screen:
        frame.array[:] = 3
        screen.show(gl_nodes.stand_in(frame, small, 0))
        assert (screen.readback() == 3).all()
        assert screen.stats().fallbacks == 1
        assert "the dma-buf of plane 0 has 4096 bytes, its picture ends at 8192" in screen.explain()
    os.close(small)


@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_a_descriptor_of_something_else_is_refused_and_the_frame_is_copied(gl_nodes, what: str, tmp_path) -> None:
    fds = os.pipe() if what == "pipe" else (os.open(tmp_path, os.O_RDONLY),)
    with Buffers(gl_nodes, "GREY", (66, 40)).frame() as frame, Probed(transfer="import") as screen:
        screen.show(frame)
        screen.show(gl_nodes.stand_in(frame, fds[0], 0))
        assert (screen.readback() == frame.array[..., None]).all()
        assert screen.stats().fallbacks == 1
        assert f"descriptor {fds[0]} is no dma-buf" in screen.explain()
    for fd in fds:
        os.close(fd)


def test_a_descriptor_that_was_closed_is_found_out(gl_nodes, screens) -> None:
    buffers = Buffers(gl_nodes, "GREY", (66, 40))
    with Probed(transfer="import") as screen, buffers.frame() as frame:
        screen.show(frame)
        gone = os.memfd_create("gone")
        os.close(gone)
        screen.show(gl_nodes.stand_in(frame, gone, 0))
        assert (screen.readback() == frame.array[..., None]).all()
        assert "its descriptor is not open any more" in screen.explain()


def test_a_context_that_is_none_of_egls_is_refused(gl_nodes) -> None:
    class Glx(Probed):
        def _open_context(self) -> Context:
            context = super()._open_context()
            context.functions.egl = None
            return context

    with Buffers(gl_nodes, "GREY", (64, 32)).frame() as frame, Glx() as screen:
        screen.show(frame)
        assert "a window of GLX cannot take a camera's memory" in screen.transfer["refused"]["import"]
