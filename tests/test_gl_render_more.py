"""Render beside others: dma-bufs, drawing of one's own, matched frames, branches, and who keeps a context."""

import gc
import os
import threading
import time

import numpy as np
import pytest

import camkit
from camkit import DmabufUnavailable, Pipeline, PipelineError, Render, SyntheticCamera
from camkit.gl_core import Offscreen, shared_memory
from camkit.gl_core._readback import check_readback
from camkit.gl_core.context import EglContext


def fast(frames=20, **options):
    """A camera that makes `frames` pictures as fast as they are taken."""
    return SyntheticCamera(
        **{"size": (64, 48), "format": "YUYV", "frames": frames, "realtime": False, "buffers": 12} | options
    )


@pytest.fixture
def stand_in(monkeypatch):
    """A memfd in the place of dma-bufs: the software driver takes it for one."""
    monkeypatch.setattr(shared_memory, "BACKINGS", ("memfd",))


def test_pictures_are_drawn_into_memory_that_others_can_have(stand_in) -> None:
    for format, bytes_per_pixel in (("RGBA32", 4), ("RGB24", 3), ("GREY", 1)):
        before, seen = [], []

        def look(frame, seen=seen):
            fd, offset, stride = frame.dmabufs[0]
            rows = np.frombuffer(os.pread(fd, stride * 33, offset), np.uint8).reshape(33, stride)
            seen.append((frame.array.copy(), rows.copy(), frame.memory, stride, frame.array.flags.writeable))

        render = Render(format, (61, 33), readback="dmabuf", slots=5)
        Pipeline(fast(), lambda frame, before=before: before.append(frame.copy()), render, look).run().check()
        assert render.readback["path"] == "imported" and len(seen) == 20
        with Offscreen(size=(61, 33)) as screen:
            for source, (array, rows, memory, stride, writeable) in zip(before, seen, strict=True):
                assert (memory, stride, writeable) == ("dmabuf", 256, True)
                # What another device sees is what the CPU sees.
                assert (rows[:, : 61 * bytes_per_pixel] == array.reshape(33, -1)).all()
                screen.show(source)
                if format != "GREY":
                    assert (array[..., :3] == screen.readback()).all()
        assert render.stats().copies == 20  # on the way to the GPU


def test_a_dmabuf_that_is_kept_outlives_the_context(stand_in) -> None:
    kept = []
    Pipeline(fast(3), Render("RGBA32", readback="imported"), lambda f: kept.append((f, f.array.copy()))).run()
    gc.collect()
    for frame, copy in kept:
        assert (frame.array == copy).all()
        os.fstat(frame.dmabufs[0].fd)


def test_memory_that_does_not_hold_the_picture_is_found_out(stand_in, monkeypatch) -> None:
    right = shared_memory.own_buffers

    def swapped(count, columns, rows):
        first, second, *others = right(count, columns, rows)
        return [first._replace(address=second.address), second._replace(address=first.address), *others]

    monkeypatch.setattr(shared_memory, "own_buffers", swapped)
    with pytest.raises(PipelineError, match="imported: wrong: a slot had other bytes than the picture") as caught:
        Pipeline(fast(1), Render(readback="imported")).run()
    assert isinstance(caught.value.__cause__, DmabufUnavailable)


def test_where_there_is_no_dmabuf_each_way_says_what_is_missing() -> None:
    if any(map(os.path.exists, ("/dev/udmabuf", "/dev/dma_heap", "/dev/dri"))):
        pytest.skip("this machine has devices that make dma-bufs")
    with pytest.raises(PipelineError) as caught:
        Pipeline(fast(1), Render(readback="dmabuf")).run()
    assert isinstance(caught.value.__cause__, DmabufUnavailable) and isinstance(caught.value.__cause__, OSError)
    words = str(caught.value)
    assert "exported: the display has no EGL_MESA_image_dma_buf_export" in words
    assert "gbm: there is no /dev/dri/renderD*" in words
    assert "imported: udmabuf: " in words and "there is no /dev/udmabuf: load the kernel's module udmabuf" in words


def test_ways_have_names() -> None:
    assert check_readback("auto") == ("pinned", "mapped", "copy", "plain")
    assert check_readback("dmabuf") == ("exported", "gbm", "imported")
    assert check_readback("gbm") == ("gbm",)


def test_drawing_of_ones_own_is_in_the_picture() -> None:
    from OpenGL import GL

    def paint(ctx, textures):
        assert len(textures) == 1
        GL.glEnable(GL.GL_SCISSOR_TEST)
        GL.glScissor(4, 2, 5, 3)
        GL.glClearColor(1, 0, 0.2, 1)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        GL.glDisable(GL.GL_SCISSOR_TEST)

    before, seen = [], []
    render = Render("RGB24", on_draw=paint)
    stats = Pipeline(fast(8), lambda f: before.append(f.copy()), render, lambda f: seen.append(f.copy())).run()
    stats.check()
    with Offscreen() as screen:
        for source, picture in zip(before, seen, strict=True):
            screen.show(source)
            wanted = screen.readback()
            wanted[2:5, 4:9] = (255, 0, 51)
            assert (picture.array == wanted).all()


def test_what_a_painter_raises_ends_the_run_with_the_frame() -> None:
    def paint(ctx, textures):
        raise KeyError("brush")

    render = Render("RGB24", on_draw=paint, name="wall")
    for _ in range(2):
        pipeline = Pipeline(fast(5), render)
        with pytest.raises(PipelineError, match=r"'wall' failed on frame 0: KeyError: 'brush'"):
            pipeline.run()
        pipeline.stats().check()


def test_matched_frames_keep_their_companions_and_branches_share_pictures() -> None:
    seen, other = [], []
    pools = [camkit.FramePool(16, format="GREY", size=(16, 16)) for _ in range(2)]
    sources = [camkit.PoolSource(pool, 30, period=0.01) for pool in pools]
    tee = camkit.Tee(
        [lambda frame: seen.append((frame.sequence, len(frame.companions)))],
        [Render("GREY", (8, 8), name="small"), lambda frame: other.append((frame.sequence, frame.size))],
    )
    # The sources begin at times of their own: a tolerance of seconds pairs them on a slow machine too.
    stats = Pipeline(camkit.Match(*sources, tolerance=10.0, patience=10.0), Render("RGB24"), tee).run()
    stats.check()
    assert len(seen) == stats.frames.joined > 0
    assert {companions for _, companions in seen} == {1}
    assert other == [(sequence, (8, 8)) for sequence, _ in seen]
    assert [pool.free for pool in pools] == [16, 16]  # the companions are back too


def test_another_size_in_mid_run_has_slots_of_its_own() -> None:
    pools = [camkit.FramePool(20, format="GREY", size=size) for size in ((16, 16), (40, 10))]
    seen, kept = [], []

    class Turns:
        """Give frames of the two sizes in turn."""

        def __call__(self, frame):
            out = pools[frame.sequence // 5 % 2].acquire(frame)
            out.array[:] = frame.sequence
            return out

    def look(frame):
        seen.append((frame.size, int(frame.array.min()), int(frame.array.max())))
        if frame.sequence in (2, 7):
            kept.append(frame)

    for way in ("pinned", "mapped", "copy"):
        seen.clear()
        kept.clear()
        Pipeline(fast(20, format="GREY"), Turns(), Render("GREY", readback=way), look).run().check()
        assert seen == [(((16, 16), (40, 10))[n // 5 % 2], n, n) for n in range(20)]
        assert [int(frame.array[3, 3]) for frame in kept] == [2, 7]


def test_a_context_goes_with_the_run_or_with_the_last_frame_in_its_memory(monkeypatch) -> None:
    ended = []
    gone = EglContext._gone
    monkeypatch.setattr(EglContext, "_gone", lambda self: (gone(self), ended.append(threading.current_thread().name)))
    for way in ("pinned", "mapped"):
        kept = []
        keep_one = lambda frame, kept=kept: kept.append(frame) if frame.sequence == 4 else None  # noqa: E731
        Pipeline(fast(9), Render("RGB24", readback=way), keep_one).run()
        assert ended == (["camkit-Render"] if way == "pinned" else [])
        kept[0].array[:] = 1
        kept.clear()
        assert len(ended) == 1, "the last frame takes the context along"
        ended.clear()
        Pipeline(fast(9), Render("RGB24", readback=way)).run()
        deadline = time.monotonic() + 100
        while not ended and time.monotonic() < deadline:  # perhaps by the thread of late ones
            time.sleep(0.001)
        assert len(ended) == 1 and (way == "mapped" or ended == ["camkit-Render"])
        ended.clear()


def test_who_holds_all_slots_is_named_by_the_watchdog() -> None:
    held: list[camkit.Frame] = []
    camera = fast(frames=None)
    with pytest.raises(PipelineError, match="stage 'draws' hangs") as caught:
        Pipeline(camera, Render(slots=3, name="draws"), held.append, watchdog=0.5).run()
    assert "all of its 3 slots are held" in str(caught.value)
    assert str(caught.value).count("1 reference(s), 1 of them Python frames") == 3
    for frame in held:
        frame.close()
    camera.close()
