"""Render: pictures drawn by the GPU as frames for the stages behind, right, in order, and each accounted for."""

import time

import numpy as np
import pytest

import camkit
from camkit import FormatMismatch, FormatNotSupported, GLError, Pipeline, PipelineError, Render, SyntheticCamera
from camkit.gl_core import Offscreen
from camkit.gl_core._readback import AUTO, READBACKS

FORMATS = ("RGB24", "BGR24", "RGBA32", "XRGB32", "GREY")
LUMA = (0.299, 0.587, 0.114)


def fast(frames=30, **options):
    """A camera that makes `frames` pictures as fast as they are taken."""
    return SyntheticCamera(
        **{"size": (64, 48), "format": "YUYV", "frames": frames, "realtime": False, "buffers": 12} | options
    )


def noise(frames, format, size, stride=None):
    """A source of random pictures of any size, in rows as far apart as one likes."""
    pool = camkit.FramePool(4, format=format, size=size, stride=stride)
    held = [pool.acquire() for _ in range(4)]
    for i, frame in enumerate(held):
        frame.array[:] = np.random.default_rng(i).integers(0, 256, frame.array.shape, np.uint8)
        frame.close()
    return camkit.PoolSource(pool, frames)


class Keep:
    """Remember what came: frames, or copies of them."""

    def __init__(self, copies=True):
        self.frames, self.copies = [], copies

    def __call__(self, frame):
        self.frames.append(frame.copy() if self.copies else frame)


def expected(picture, format):
    """What a frame of `format` holds that shows an R'G'B' picture."""
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    if format == "GREY":
        return np.round(picture @ np.array(LUMA)).astype(np.uint8)
    return {
        "RGB24": picture,
        "BGR24": picture[..., ::-1],
        "RGBA32": np.concatenate([picture, opaque], axis=2),
        "XRGB32": np.concatenate([opaque, picture], axis=2),
    }[format]


def distance(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_pictures_are_what_the_offscreen_sink_shows() -> None:
    # Widths that leave 0, 1, 2 and 3 bytes of a texel over, in every format; two frames of each.
    with Offscreen() as screen:
        for (width, height), stride in (((64, 48), None), ((61, 33), 200), ((62, 2), 187), ((1, 1), None)):
            for format in FORMATS:
                before, after = Keep(), Keep()
                source = noise(2, "RGB24", (width, height), stride)
                Pipeline(source, before, Render(format), after).run().check()
                for frame, picture in zip(before.frames, after.frames, strict=True):
                    screen.show(frame)
                    wanted = expected(screen.readback(), format)
                    assert (wanted == expected(frame.array, format)).all()
                    assert distance(picture.array, wanted) <= (format == "GREY"), (width, format)


@pytest.mark.parametrize("readback", AUTO)
def test_every_way_back_is_right_and_told(readback) -> None:
    before, after = Keep(), Keep()
    render = Render("RGB24", (50, 40), readback=readback)
    stats = Pipeline(fast(8, format="NV12"), before, render, after).run()
    stats.check()
    with Offscreen(size=(50, 40)) as screen:
        for source, picture in zip(before.frames, after.frames, strict=True):
            screen.show(source)
            assert (picture.array == screen.readback()).all()
    assert render.readback["path"] == readback
    assert set(render.readback["refused"]) == set(READBACKS) - {readback}
    assert f"read back by '{readback}'" in render.explain()
    for row in ("gl_thread", "capture_to_gl"):
        assert render.latencies()[row].count == stats.latency_us[f"{row} (Render)"].count == 8
    assert stats.stages["Render"].count == 8
    # The first copy of each frame is its way to the GPU.
    assert render.stats().copies == (16 if readback == "copy" else 8)
    assert render.stats().copied_bytes == 8 * 64 * 48 * 3 // 2 + (8 * 152 * 40 if readback == "copy" else 0)


def test_luma_of_a_grey_camera_and_of_yuv_in_its_own_matrix() -> None:
    for format in ("GREY", "YUYV"):
        before, after = Keep(), Keep()
        Pipeline(fast(3, format=format), before, Render("GREY"), after).run()
        for source, picture in zip(before.frames, after.frames, strict=True):
            luma = source.array.astype(float)
            if format == "YUYV":
                # Colours that R'G'B' has not got come back changed: only those that it has are compared.
                luma = (luma[..., 0] - 16) * 255 / 219
                y, cb = luma[:, ::2], source.array[:, ::2, 1] - 128.0
                cr = source.array[:, 1::2, 1] - 128.0
                inside = (np.abs(cb) < 8) & (np.abs(cr) < 8) & (y > 24) & (y < 230)
                assert inside.any()
                assert distance(picture.array[:, ::2][inside], y[inside]) <= 2
            else:
                assert distance(picture.array, luma) == 0


def test_descriptions_are_those_of_the_frames_and_of_the_picture() -> None:
    before, after = Keep(), Keep()
    Pipeline(fast(6, format="YUYV"), before, Render("RGB24"), after).run()
    for source, picture in zip(before.frames, after.frames, strict=True):
        for name in ("sequence", "timestamp_ns", "clock", "stamp", "gap", "generation", "hardware_ns", "dequeue_ns"):
            assert getattr(picture, name) == getattr(source, name), name
        assert picture.colour == source.colour._replace(matrix="rgb", range="full")
        assert (picture.format, picture.size) == ("RGB24", (64, 48))
        assert picture.array.flags.writeable


def test_a_thousand_frames_leave_in_order_and_the_account_adds_up() -> None:
    for policy in ("block", "drop_newest", "drop_oldest", "latest"):
        seen = []
        pipeline = Pipeline(
            fast(1000), Render("GREY", slots=4), lambda frame, seen=seen: seen.append(frame.sequence), policy=policy
        )
        stats = pipeline.run()
        stats.check()
        assert seen == sorted(seen) and len(set(seen)) == len(seen) == stats.frames.delivered
        if policy == "block":
            assert seen == list(range(1000))


def test_a_dry_pool_drops_and_counts() -> None:
    held = []
    render = Render("GREY", slots=3, when_dry="drop")
    stats = Pipeline(fast(60), render, held.append).run()
    stats.check()
    assert [frame.sequence for frame in held] == [0, 1, 2]
    assert stats.frames.dropped.pool == render.stats().pool == 57
    assert "57 lost for want of a slot" in render.explain()


def test_a_dry_pool_holds_the_run_up_until_a_slot_is_back() -> None:
    held = []
    pipeline = Pipeline(fast(20), Render("GREY", slots=3), held.append)
    pipeline.start()
    for turn in range(20):
        while not held:
            time.sleep(0.001)
        assert held[0].sequence == turn and len(held) <= 3
        del held[0]
    pipeline.wait()
    pipeline.stats().check()
    assert pipeline.stats().frames.delivered == 20


def test_a_frame_that_is_kept_is_never_drawn_into_and_outlives_the_context() -> None:
    for readback in AUTO:
        before, kept = Keep(), []

        def some(frame, kept=kept):
            if frame.sequence in (0, 7, 29):
                kept.append((frame, frame.array.copy()))

        pipeline = Pipeline(fast(30), before, Render("RGB24", slots=5, readback=readback), some)
        pipeline.run().check()
        pipeline.run().check()  # another context, other slots
        assert [frame.sequence for frame, _ in kept] == [0, 7, 29] * 2
        for frame, copy in kept:
            assert (frame.array == copy).all()
            frame.array[:] = 7  # the memory is still ours to use
        del pipeline, frame
        kept.clear()


def test_a_stopped_and_an_aborted_run_release_all_and_account_for_it() -> None:
    for end in ("stop", "abort"):
        render = Render("RGB24", slots=4)
        pipeline = Pipeline(fast(None), render, lambda frame: time.sleep(0.001))
        for _ in range(2):
            pipeline.start()
            while pipeline.stats().frames.delivered < 5:
                time.sleep(0.005)
            getattr(pipeline, end)()
            pipeline.wait()
            stats = pipeline.stats()
            stats.check()
            assert stats.frames.captured > 5
            assert (stats.frames.dropped.aborted > 0) == (end == "abort")


def test_a_limit_of_frames_is_kept() -> None:
    seen = []
    stats = Pipeline(fast(None), Render("GREY"), lambda frame: seen.append(frame.sequence)).run(frames=17)
    assert seen == list(range(17)) and stats.frames.delivered == 17


def test_a_damaged_frame_is_bad_and_the_run_goes_on() -> None:
    seen = []
    camera = fast(12, damage=(3, 5), corrupt="deliver")
    render = Render("RGB24")
    pipeline = Pipeline(camera, render, lambda frame: seen.append(frame.sequence))
    stats = pipeline.run()
    stats.check()
    assert seen == [n for n in range(12) if n not in (3, 5)]
    assert stats.frames.dropped.bad == render.stats().bad == 2
    assert "truncated" in render.explain()


def test_what_cannot_be_asked_for_is_refused_with_words() -> None:
    with pytest.raises(FormatNotSupported, match="cannot render into NV12: pictures are made in RGB24, BGR24"):
        Render("NV12")
    with pytest.raises(ValueError, match="readback is 'fast'; there are 'auto', 'pinned', 'mapped', 'copy', 'plain'"):
        Render(readback="fast")
    with pytest.raises(ValueError, match="transfer is 'tube'"):
        Render(transfer="tube")
    with pytest.raises(ValueError, match="width is 0"):
        Render(size=(0, 5))
    with pytest.raises(FormatMismatch, match="MJPG cannot be drawn: put a stage before 'Render' that decodes it"):
        Render().negotiate(camkit.FrameSpec("MJPG", (64, 48)))
    with pytest.raises(ValueError, match="takes one frame at a time, and has several under way"):
        Pipeline(fast(1), camkit.Step(Render(), batch=4))
    with pytest.raises(ValueError, match="has one of its own"):
        Pipeline(fast(1), camkit.Step(Render(), thread=False))


def test_without_a_context_the_run_fails_with_what_to_do() -> None:
    def none():
        raise GLError("cannot make an OpenGL context without a screen: EGL has no device; install it")

    broken = type("Broken", (Render,), {"_open_context": lambda self: none()})
    pipeline = Pipeline(fast(3), broken("RGB24", name="wall"), lambda frame: None)
    for _ in range(2):
        with pytest.raises(PipelineError, match="'wall' failed outside of a frame: GLError: cannot make an OpenGL"):
            pipeline.run()


def test_an_error_in_the_middle_reaches_the_caller_with_the_frame() -> None:
    camera = fast(9, format="RGB24", size=(8192, 32))
    with pytest.raises(PipelineError, match="needs a texture of 24576x32") as caught:
        Pipeline(camera, Render("RGB24", (64, 32))).run()
    assert isinstance(caught.value.__cause__, FormatNotSupported)
