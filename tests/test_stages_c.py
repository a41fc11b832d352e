"""C functions as stages, from ctypes and cffi, and the contract that all stages keep."""

import ctypes
import gc
import subprocess
import sys
import threading
import time
import weakref

import cffi
import numpy as np
import pytest

import camkit
from camkit.performance_core.stages import c_frame
from camkit.performance_core.stages._native import frame_layout

OK, DROP, BAD = 0, 4, 6


class Seen(ctypes.Structure):
    _fields_ = [("calls", ctypes.c_uint64), ("last_sequence", ctypes.c_uint64), ("picture", ctypes.c_void_p)]


def camera(frames=8, **options):
    return camkit.SyntheticCamera(
        **{"format": "YUYV", "size": (64, 48), "frames": frames, "realtime": False, "buffers": 32, **options}
    )


def answers(*sequence):
    return (ctypes.c_int * 8)(*sequence)


def test_the_mirror_of_the_frame_is_laid_out_as_the_compiler_does_it():
    layout = frame_layout()
    assert layout.pop("version") == c_frame.ABI_VERSION
    assert ctypes.sizeof(camkit.CFrame) == layout.pop("sizeof")
    assert ctypes.sizeof(c_frame.CPlane) == layout.pop("sizeof plane")
    assert ctypes.sizeof(c_frame.CDriverBuffer) == layout.pop("sizeof driver")
    assert ctypes.sizeof(c_frame.CDriverPlane) == layout.pop("sizeof driver.plane")
    structs = {"plane": c_frame.CPlane, "driver": c_frame.CDriverBuffer}
    for name, offset in layout.items():
        struct, _, field = name.rpartition(".")
        assert getattr(structs.get(struct, camkit.CFrame), field).offset == offset, name
    told = {name for name in layout if "." not in name} | {"ops"}
    assert {name for name, *_ in camkit.CFrame._fields_} == told, "a field of frame.h is missing on one side"


def test_a_function_looks_at_every_frame_in_place(c_stages):
    seen = Seen()
    stage = camkit.CStage(c_stages.look, seen)
    assert stage.name == "look"
    with camera() as source:
        stats = camkit.Pipeline(source, stage).run()
    assert (seen.calls, seen.last_sequence, stats.frames.delivered) == (8, 7, 8)
    assert stats.copies.per_frame == 0
    assert "compiled for version" in stage.explain()


def test_a_function_may_be_given_to_a_pipeline_as_it_is(c_stages):
    with camera() as source:
        pipeline = camkit.Pipeline(source, c_stages.look)
        assert pipeline.run().frames.delivered == 8
        assert "thread 2" not in pipeline.explain()


def test_a_stage_that_writes_gets_a_copy_of_what_it_may_not_write(c_stages):
    before, after, again = {}, {}, {}
    stage, second = camkit.CStage(c_stages.invert, writes=True), camkit.CStage(c_stages.invert, name="b", writes=True)
    with camera() as source:
        stats = camkit.Pipeline(
            source,
            lambda frame: before.update({frame.sequence: frame.array.copy()}),
            stage,
            lambda frame: after.update({frame.sequence: frame.array.copy()}),
            second,
            lambda frame: again.update({frame.sequence: frame.array.copy()}),
        ).run()
    assert len(again) == 8
    for sequence, picture in after.items():
        assert (picture == 255 - before[sequence]).all()
        assert (again[sequence] == before[sequence]).all()
    # The camera's buffers are read-only; the copies are the pipeline's alone, and the second stage writes into them.
    assert stage.stats() == camkit.StageStats(copies=8, copied_bytes=8 * 64 * 48 * 2)
    assert second.stats() == camkit.StageStats()
    assert stats.copies == camkit.performance_core.Copies(1.0, 64 * 48 * 2, 8, 8 * 64 * 48 * 2)
    assert "8 frames copied first" in stage.explain()


def test_a_frame_that_somebody_holds_is_copied_and_the_holder_sees_no_change(c_stages):
    pool, held = camkit.FramePool(4, format="YUYV", size=(64, 48)), []

    def hold(frame):
        mine = pool.acquire(like=frame)
        mine.array[:] = frame.sequence
        if frame.sequence % 2:
            held.append(mine)
        return mine

    stage = camkit.CStage(c_stages.invert, writes=True)
    with camera(4) as source:
        camkit.Pipeline(source, hold, stage).run()
    assert [set(frame.array.flat) for frame in held] == [{1}, {3}]
    assert stage.stats().copies == 2  # of the two that were shared only


def test_an_output_comes_described_and_takes_the_place_of_the_frame(c_stages):
    stage = camkit.CStage(c_stages.grey, inputs="YUYV", output="GREY")
    got, told = {}, {}
    with camera() as source:
        camkit.Pipeline(
            source,
            lambda frame: told.update({frame.sequence: (frame.timestamp_ns, frame.array[:, :, 0].copy())}),
            stage,
            lambda frame: got.update(
                {frame.sequence: (frame.timestamp_ns, frame.format, frame.readonly, frame.array.copy())}
            ),
        ).run()
    assert got.keys() == told.keys() == set(range(8))
    for sequence, (stamp, format, readonly, picture) in got.items():
        assert (stamp, format, readonly) == (told[sequence][0], "GREY", False)
        assert (picture == told[sequence][1]).all()
    assert stage.stats() == camkit.StageStats()
    assert "GREY 64x48 in 6 slots" in stage.explain()


def test_answers_drop_and_call_bad(c_stages):
    for function, output in ((c_stages.answer, None), (c_stages.answer_out, "GREY")):
        stage = camkit.CStage(function, answers(OK, DROP, BAD, OK, OK, BAD, DROP, DROP), output=output)
        got = []
        with camera() as source:
            stats = camkit.Pipeline(source, stage, lambda frame: got.append(frame.sequence)).run()  # noqa: B023
        assert got == [0, 3, 4]
        assert (stats.frames.dropped.stage, stats.frames.dropped.bad, stage.stats().bad) == (3, 2, 2)
        assert "2 bad, the last: frame 5: the stage did not say why" in stage.explain()


@pytest.mark.parametrize("answer", [-1, -2, 1, 5, 42])
def test_any_other_answer_is_an_error_that_names_stage_frame_and_answer(c_stages, answer):
    for function, output in ((c_stages.answer, None), (c_stages.answer_out, "GREY")):
        with camera() as source, pytest.raises(camkit.PipelineError) as caught:
            camkit.Pipeline(source, camkit.CStage(function, answers(0, 0, answer), output=output)).run()
        assert isinstance(caught.value.__cause__, camkit.StageError)
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert caught.value.sequence == 2
        assert f"answered {answer} on frame 2" in str(caught.value)


def test_an_output_without_a_free_slot_waits_or_drops_as_told(c_stages):
    kept = []
    stage = camkit.CStage(c_stages.answer_out, answers(), output="GREY", slots=3, when_dry="drop")
    with camera() as source:
        stats = camkit.Pipeline(source, stage, kept.append).run()
    assert [frame.sequence for frame in kept] == [0, 1, 2]
    assert [int(frame.array[0, 0]) for frame in kept] == [0, 1, 2]
    assert (stats.frames.dropped.pool, stage.stats().pool, stats.frames.delivered) == (5, 5, 3)
    kept.clear()

    def keep_three(frame):
        kept.append(frame)
        del kept[:-3]

    patient = camkit.CStage(c_stages.answer_out, answers(), output="GREY", slots=4)
    with camera(40) as source:
        assert camkit.Pipeline(source, patient, keep_three, depth=1).run().frames.delivered == 40
    assert patient.stats().pool == 0


@pytest.mark.parametrize("output", [True, False])
def test_a_stage_that_waits_for_a_slot_ends_with_the_run(c_stages, output):
    kept = []
    stage = camkit.CStage(
        c_stages.answer_out if output else c_stages.invert,
        answers(),
        slots=2,
        **({"output": "GREY"} if output else {"writes": True}),
    )

    def keep(frame):
        kept.append(frame)
        if len(kept) == 2:
            full.set()

    full = threading.Event()
    with camera(50) as source:
        pipeline = camkit.Pipeline(source, stage, keep)
        pipeline.start()
        assert full.wait(200)
        while source.stats().taken < 3:  # the third one waits in the stage
            time.sleep(0.001)
        pipeline.abort()
        pipeline.wait()
        stats = pipeline.stats()
    assert stats.frames.delivered == 2
    assert stats.frames.dropped.aborted >= 1


def test_frames_outlive_the_stage_and_its_pipeline(c_stages):
    kept = []
    stage = camkit.CStage(c_stages.answer_out, answers(), output="GREY", slots=8)
    with camera() as source:
        camkit.Pipeline(source, stage, kept.append).run()
    gone = weakref.ref(stage)
    del stage
    gc.collect()
    assert gone() is None
    assert [int(frame.array[5, 5]) for frame in kept] == list(range(8))


def test_formats_are_checked_with_the_first_frame_where_they_were_not_known(c_stages):
    pool = camkit.FramePool(4, format="GREY", size=(64, 48))
    with camera() as source, pytest.raises(camkit.PipelineError) as caught:
        # Nobody knows what a plain callable gives.
        camkit.Pipeline(source, pool_frame(pool), camkit.CStage(c_stages.look, inputs=("YUYV", "NV12"))).run()
    assert isinstance(caught.value.__cause__, camkit.FormatMismatch)
    assert "'look' takes YUYV or NV12, but frame 0 is GREY 64x48 (the first one)" in str(caught.value)


def pool_frame(*pools):
    def give(frame):
        return pools[frame.sequence * len(pools) // 8].acquire(like=frame)

    return give


def test_frames_that_change_in_mid_run_are_agreed_on_again(c_stages):
    small, large = (camkit.FramePool(8, format="YUYV", size=size) for size in ((64, 48), (128, 96)))
    sizes = []
    stage = camkit.CStage(c_stages.grey, inputs="YUYV", output="GREY")
    with camera() as source:
        camkit.Pipeline(source, pool_frame(small, large), stage, lambda frame: sizes.append(frame.size)).run()
    assert sizes == [(64, 48)] * 4 + [(128, 96)] * 4
    other = camkit.FramePool(8, format="GREY", size=(64, 48))
    with camera() as source, pytest.raises(camkit.PipelineError, match="frame 4 is GREY 64x48 .the source changed it"):
        camkit.Pipeline(source, pool_frame(small, other), camkit.CStage(c_stages.look, inputs="YUYV")).run()


def test_a_restarted_pipeline_counts_anew_and_uses_its_slots_again(c_stages):
    stage = camkit.CStage(c_stages.invert, writes=True)
    with camera() as source:
        pipeline = camkit.Pipeline(source, stage)
        pipeline.run()
        source.stop()
        pipeline.run()
    assert stage.stats().copies == 8


def test_user_data_is_kept_alive_and_may_be_of_many_kinds(c_stages):
    array = np.zeros(3, np.uint64)
    ffi = cffi.FFI()
    ffi.cdef("struct seen { uint64_t calls, last_sequence; void *picture; };")
    mine = ffi.new("struct seen *")
    structure = Seen()
    pointed = Seen()
    for user, calls in (
        (array, lambda: array[0]),
        (mine, lambda: mine.calls),
        (structure, lambda: structure.calls),
        (ctypes.pointer(pointed), lambda: pointed.calls),
        (ctypes.c_void_p(ctypes.addressof(pointed)), lambda: pointed.calls - 8),
    ):
        with camera() as source:
            camkit.Pipeline(source, camkit.CStage(c_stages.look, user)).run()
        assert calls() == 8
    held = bytearray(24)
    stage = camkit.CStage(c_stages.look, held)
    with pytest.raises(BufferError):
        held.clear()
    del stage
    held.clear()


def test_cffi_functions(c_stages):
    ffi = cffi.FFI()
    ffi.cdef("""
        int look(void *frame, void *user);
        int answer_out(const void *in, void *out, void *user);
        int invert(void *frame);
        void grey(const void *in, void *out, void *user);
    """)
    library = ffi.dlopen(c_stages._name)
    seen = Seen()
    with camera() as source:
        camkit.Pipeline(source, camkit.CStage(library.look, seen, name="look")).run()
        assert seen.calls == 8
        source.stop()
        assert camkit.Pipeline(source, library.look).run().frames.delivered == 8
    camkit.CStage(library.answer_out, answers(), output="GREY")
    for wrong, words in ((library.answer_out, "takes 3 arguments"), (library.invert, "takes 1 arguments")):
        with pytest.raises(TypeError, match=words):
            camkit.CStage(wrong)
    with pytest.raises(TypeError, match="returns void"):
        camkit.CStage(library.grey, output="GREY")
    with pytest.raises(ValueError, match="NULL"):
        camkit.CStage(ffi.cast("int (*)(void *, void *)", 0))
    with pytest.raises(TypeError, match="no pointer to a function"):
        camkit.CStage(ffi.new("int *"))
    with pytest.raises(TypeError, match=r"ffi\.addressof"):
        camkit.CStage(library.look, ffi.new("struct { int a; } *")[0])


def test_what_is_no_such_function_is_refused(c_stages):
    look = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    with pytest.raises(TypeError, match="no C function of ctypes, cffi or Numba; give it to the pipeline as it is"):
        camkit.CStage(print)
    with pytest.raises(TypeError, match="7 is no C function"):
        camkit.CStage(7)
    with pytest.raises(ValueError, match="NULL pointer"):
        camkit.CStage(look())
    with pytest.raises(TypeError, match="Python function behind a C pointer, and an exception in it would be lost"):
        camkit.CStage(look(lambda frame, user: 0))
    with pytest.raises(TypeError, match="'Py_IncRef' is of a PyDLL and needs the GIL"):
        camkit.CStage(ctypes.pythonapi.Py_IncRef)
    for argtypes, restype, words in (
        ([ctypes.c_void_p], ctypes.c_int, "takes 1 arguments; without an output a stage is int"),
        ([ctypes.c_void_p, ctypes.c_int], ctypes.c_int, "takes a c_int by value"),
        ([ctypes.c_void_p] * 2, ctypes.c_double, "returns c_double"),
        ([ctypes.c_void_p] * 2, None, "returns nothing"),
    ):
        kind = ctypes.CFUNCTYPE(restype, *argtypes)
        with pytest.raises(TypeError, match=words):
            camkit.CStage(ctypes.cast(c_stages.look, kind))
    with pytest.raises(TypeError, match=r"user of stage 'look' is a float"):
        camkit.CStage(c_stages.look, 1.5)
    with pytest.raises(TypeError, match="no memory in one piece that a function may write"):
        camkit.CStage(c_stages.look, b"read-only")
    with pytest.raises(ValueError, match="not both"):
        camkit.CStage(c_stages.answer_out, output="GREY", writes=True)
    with pytest.raises(ValueError, match="when_dry is 'wait'"):
        camkit.CStage(c_stages.look, when_dry="wait")
    with pytest.raises(ValueError, match="slots is 65"):
        camkit.CStage(c_stages.look, slots=65)


def test_a_library_for_another_frame_is_refused(compile_stages, tmp_path):
    other = compile_stages(tmp_path, "CAMKIT_EXPORT const int camkit_stage_abi = 1;")
    with pytest.raises(camkit.StageError, match="compiled for version 1 of camkit's frame.h, and this is version"):
        camkit.CStage(other.look)


def test_a_library_that_does_not_say_is_taken_and_told_of(compile_stages, tmp_path):
    assert "does not say" in camkit.CStage(compile_stages(tmp_path, "").look).explain()


def test_a_program_that_uses_no_c_functions_imports_nothing_for_them():
    script = "import sys, camkit; assert not {'numba', 'cffi', '_cffi_backend'} & set(sys.modules), 'imported'"
    subprocess.run([sys.executable, "-c", script], check=True)
