"""The sinks at the end of a real pipeline."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.gl_core import Offscreen


def test_every_delivered_frame_reaches_the_gpu() -> None:
    with camkit.open("synthetic", format="NV12", size=(160, 120), fps=200) as camera:
        screen = Offscreen()
        stats = camkit.Pipeline(camera, screen, policy="block").run(frames=40)
    assert stats.frames.delivered == 40
    assert stats.frames.displayed == 40
    assert stats.latency_us["capture_to_gl"].count == 40
    assert stats.copies.bytes_per_frame >= 160 * 120 * 3 / 2
    assert screen.stats().refused == 0
    assert screen.readback().shape == (120, 160, 3)
    assert "NV12 160x120" in screen.explain()


def test_the_pipeline_names_the_sink_before_what_it_says() -> None:
    with camkit.open("synthetic", format="NV12", size=(160, 120), fps=200) as camera:
        screen = Offscreen(name="wall")
        pipeline = camkit.Pipeline(camera, screen)
        assert pipeline.explain().endswith("\nwall: not started yet")
        pipeline.run(frames=3)
    renderer = pipeline.explain().rpartition("\nwall: ")[2]
    assert renderer.startswith(screen.description["renderer"])


def test_a_pipeline_may_run_again_with_counts_of_its_own() -> None:
    # A buffer for each frame: none is copied because the sink is late.
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=200, buffers=32) as camera:
        screen = Offscreen()
        screen.expect("YUYV", (64, 48))
        pipeline = camkit.Pipeline(camera, screen)
        for frames in (7, 5):
            stats = pipeline.run(frames=frames)
            assert stats.frames.displayed == frames
            assert stats.latency_us["capture_to_gl"].count == frames
            assert stats.copies.per_frame == pytest.approx(1)


def test_the_picture_is_the_frame_that_a_stage_saw_last() -> None:
    seen: list[np.ndarray] = []

    def keep(frame: camkit.Frame) -> None:
        seen.append(frame.array.copy())

    with camkit.open("synthetic", format="RGB24", size=(64, 48), fps=200) as camera:
        screen = Offscreen()
        camkit.Pipeline(camera, keep, screen).run(frames=10)
    assert (screen.readback() == seen[9]).all()


def test_damaged_frames_are_counted_and_the_run_goes_on() -> None:
    with camkit.open(
        "synthetic", format="YUYV", size=(64, 48), realtime=False, damage=(3, 5), corrupt="deliver", frames=12
    ) as camera:
        screen = Offscreen()
        stats = camkit.Pipeline(camera, screen).run()
    assert stats.frames.delivered == 12
    assert screen.stats().refused == 2
    assert stats.frames.displayed == 10
    assert "truncated" in screen.explain()


def test_a_format_that_cannot_be_drawn_stops_the_pipeline_with_its_name() -> None:
    with camkit.open("synthetic", format="RGB24", size=(8192, 32), fps=30) as camera:
        pipeline = camkit.Pipeline(camera, Offscreen())
        with pytest.raises(camkit.FormatNotSupported, match="needs a texture of 24576x32"):
            pipeline.run(frames=3)
        with pytest.raises(camkit.FormatNotSupported):
            pipeline.run(frames=3)


def test_a_snapshot_is_taken_while_the_pipeline_runs() -> None:
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=100) as camera:
        screen = Offscreen()
        pipeline = camkit.Pipeline(camera, screen, policy="latest")
        with pipeline:
            pipeline.start()
            while not screen.stats().displayed:
                time.sleep(0.01)
            first = screen.readback()
            while (screen.readback() == first).all():
                time.sleep(0.01)


def test_closing_in_the_middle_from_another_thread_ends_it() -> None:
    with camkit.open("synthetic", format="YUYV", size=(64, 48), fps=100) as camera:
        screen = Offscreen()
        pipeline = camkit.Pipeline(camera, screen)
        pipeline.start()
        closer = threading.Thread(target=pipeline.stop)
        closer.start()
        pipeline.wait(200)
        closer.join()
        assert not pipeline.running
    screen.close()


USERS_SINK = """
from camkit.gl_core cimport GLSink, Painter, painting
from camkit.gl_core._enums cimport GL_COLOR_BUFFER_BIT
from camkit.gl_core._gl cimport Functions
from camkit.memory_manager cimport camkit_frame

from camkit.gl_core.context import headless


# Covers the picture with a colour that tells what it was told.
cdef class Blinds(Painter):
    cdef Functions functions
    cdef readonly list told

    cdef int open(self, Functions functions) except -1:
        self.functions, self.told = functions, []
        return 0

    cdef int paint(self, painting *p) except -1 nogil:
        self.functions.f.ClearColor(p.frame.sequence / 255.0, p.picture_width / 255.0, p.picture_height / 255.0, 1)
        self.functions.f.Clear(GL_COLOR_BUFFER_BIT)
        if p.frame.sequence == 7:
            with gil:
                raise KeyError(7)
        return 0

    cdef int close(self) except -1:
        self.told.append("closed")
        return 0


cdef class Counted(GLSink):
    cdef readonly int seen
    cdef readonly Blinds blinds

    def __init__(self):
        super().__init__()
        self.blinds = Blinds()
        self.painters.add(self.blinds)

    def _open_context(self):
        return headless()

    cdef int consume(self, camkit_frame *frame) except -1 nogil:
        self.seen += 1
        return GLSink.consume(self, frame)
"""
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup

import camkit

flags = dict(include_dirs=[camkit.get_include()], extra_compile_args=["-std=c++17", "-O0"], language="c++")
setup(name="counted", ext_modules=cythonize([Extension("counted", ["counted.pyx"], **flags)], language_level=3))
"""
USE = """
import camkit, counted
with camkit.open("synthetic", format="GREY", size=(64, 48), realtime=False) as camera:
    sink = counted.Counted()
    stats = camkit.Pipeline(camera, sink).run(frames=5)
    print(sink.seen, stats.frames.displayed, sink.readback().shape, sink.readback()[0, 0], sink.blinds.told)
    try:
        camkit.Pipeline(camera, counted.Counted()).run(frames=20)
    except camkit.PipelineError as error:
        print(repr(error.__cause__), error.sequence)
"""


def test_a_users_sink_and_painter_draw_from_outside(tmp_path: Path) -> None:
    (tmp_path / "counted.pyx").write_text(USERS_SINK)
    (tmp_path / "setup.py").write_text(BUILD)
    for command in (["setup.py", "-q", "build_ext", "--inplace"], ["-c", USE]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "5 5 (48, 64, 3) [ 4 64 48] ['closed']\nKeyError(7) 7\n"
