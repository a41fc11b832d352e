"""What a stage costs above its work: each of the five kinds beside the bare call of the same function.

`extra_info` of each row: `ns`, a frame through the stage as a pipeline's thread calls it; `bare_ns`, the function
alone; `overhead_ns`, the difference (native: at most 30 is wanted, Python: 400); `ratio`. Best of several turns.
"""

import ctypes
import subprocess

import numba
import numpy as np
import pytest

import camkit
from camkit import jit

CALLS, PYTHON_CALLS, TURNS = 2_000_000, 200_000, 7
GROUP = "stages: a frame through a stage, above the bare call"

SOURCE = """
#include <camkit/stage.h>
int look(camkit_frame *frame, void *user) { *(uint64_t *)user += frame->sequence; return CAMKIT_OK; }
int make(const camkit_frame *in, camkit_frame *out, void *user) {
  *(uint64_t *)user += in->sequence + out->sequence;
  return CAMKIT_OK;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    (folder / "stages.c").write_text(SOURCE)
    command = ["gcc", "-shared", "-fPIC", "-O3", f"-I{camkit.get_include()}", folder / "stages.c"]
    subprocess.run([*command, "-o", folder / "stages.so"], check=True)
    return ctypes.CDLL(str(folder / "stages.so"))


@pytest.fixture(scope="module")
def frame():
    return camkit.FramePool(2, format="GREY", size=(64, 48)).acquire()


def measure(benchmark, staged, bare, limit):
    """Take turns, so that a machine that gets slower does so for both."""
    rows = []
    benchmark.pedantic(lambda: rows.append((staged(), bare())), rounds=TURNS, warmup_rounds=1)
    ns, bare_ns = (min(row[i] for row in rows) for i in (0, 1))
    benchmark.extra_info.update(
        ns=ns, bare_ns=bare_ns, overhead_ns=ns - bare_ns, ratio=ns / bare_ns, overhead_over_limit=(ns - bare_ns) / limit
    )


@numba.cfunc(jit.LOOK)
def numba_look(frame, user):
    numba.carray(user, (1,), np.uint64)[0] += jit.fields(frame).sequence
    return jit.OK


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("kind", ["work", "process", "built-in"])
def bench_cython(benchmark, cython_loop, frame, kind):
    loop = cython_loop("stage_loop")
    stage = {"work": loop.Look, "process": loop.Whole, "built-in": lambda: camkit.Every(1)}[kind]()
    caller = loop.Caller()
    measure(benchmark, lambda: loop.staged(stage, frame, CALLS), lambda: caller.bare(frame, CALLS), 30)


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("declared", ["nothing", "inputs", "writes"])
def bench_c(benchmark, cython_loop, frame, library, declared):
    loop, user = cython_loop("stage_loop"), np.zeros(1, np.uint64)
    options = {"nothing": {}, "inputs": {"inputs": "GREY"}, "writes": {"writes": True}}[declared]
    stage, address = camkit.CStage(library.look, user, **options), ctypes.cast(library.look, ctypes.c_void_p).value
    measure(
        benchmark,
        lambda: loop.staged(stage, frame, CALLS),
        lambda: loop.bare_c(address, user.ctypes.data, frame, CALLS),
        30,
    )


@pytest.mark.benchmark(group=GROUP)
def bench_numba(benchmark, cython_loop, frame):
    loop, user = cython_loop("stage_loop"), np.zeros(1, np.uint64)
    stage = camkit.CStage(numba_look, user)
    measure(
        benchmark,
        lambda: loop.staged(stage, frame, CALLS),
        lambda: loop.bare_c(numba_look.address, user.ctypes.data, frame, CALLS),
        30,
    )


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("declared", ["nothing", "inputs", "writes"])
def bench_python(benchmark, cython_loop, frame, declared):
    loop = cython_loop("stage_loop")
    options = {"nothing": {}, "inputs": {"inputs": "GREY"}, "writes": {"writes": True}}[declared]

    def look(frame):
        return None

    stage = camkit.PyStage(look, **options)
    measure(
        benchmark,
        lambda: loop.staged(stage, frame, PYTHON_CALLS),
        lambda: loop.bare_python(look, frame, PYTHON_CALLS),
        400,
    )


@pytest.mark.benchmark(group="stages: a frame through a stage with an output (a slot taken and given back)")
def bench_output(benchmark, cython_loop, frame, library):
    loop, user = cython_loop("stage_loop"), np.zeros(1, np.uint64)
    stage = camkit.CStage(library.make, user, output="GREY")
    rows = []
    benchmark.pedantic(lambda: rows.append(loop.staged_with_output(stage, frame, CALLS)), rounds=TURNS, warmup_rounds=1)
    benchmark.extra_info["ns"] = min(rows)
