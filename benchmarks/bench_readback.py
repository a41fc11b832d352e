"""Pictures out of the GPU's memory, each way, beside glReadPixels by PyOpenGL and moderngl's read in the same run.

A round is a run of `FRAMES` pictures that are drawn, read back, and looked at by a stage that takes `LOOK_S` (as a
sleep: it needs no CPU, as a socket would). `fps` is pictures a second; `stall_us` is how long drawing and reading one
held up the thread that has the context, at the median.
"""

import statistics
import time

import moderngl
import numpy as np
import pytest

import camkit
from benchmarks.gl_peers import renderer_name
from camkit.errors import GLError
from camkit.gl_core import Offscreen
from camkit.gl_core._readback import AUTO

SIZE = (1280, 720)
FRAMES = 60
LOOK_S = 0.004


@pytest.fixture(scope="module")
def frame():
    with camkit.FramePool(1, format="RGBA32", size=SIZE) as pool:
        made = pool.acquire()
        made.array[:] = np.random.default_rng(1).integers(0, 256, made.array.shape, np.uint8)
        yield made


def note(benchmark, seconds: float, stalls_us: list[float], renderer: str) -> None:
    benchmark.group = f"readback RGBA32 {SIZE[0]}x{SIZE[1]}"
    benchmark.extra_info |= {
        "fps": round(FRAMES / seconds, 1),
        "stall_us": round(statistics.median(stalls_us), 1),
        "renderer": renderer,
    }


@pytest.mark.parametrize("readback", AUTO)
def bench_render(benchmark, readback: str) -> None:
    pool = camkit.FramePool(12, format="RGBA32", size=SIZE)
    for slot in [pool.acquire() for _ in range(len(pool))]:
        slot.array[:] = 100
        slot.close()
    render = camkit.Render("RGBA32", readback=readback)
    pipeline = camkit.Pipeline(camkit.PoolSource(pool, FRAMES), render, lambda frame: time.sleep(LOOK_S))
    walls = []

    def run() -> None:
        walls.append(pipeline.run().wall_s)

    try:
        run()
    except GLError as error:
        if readback == "plain" or "llvmpipe" in renderer_name():  # these must do
            raise
        pytest.skip(str(error))
    walls.clear()
    benchmark.pedantic(run, rounds=3)
    stall = render.latencies()["gl_thread"]
    note(benchmark, min(walls), [stall.p50], render.description["renderer"])
    benchmark.extra_info["path"] = render.readback["path"]


def one_thread(benchmark, frame, read, renderer: str, show) -> None:
    stalls: list[float] = []
    walls: list[float] = []

    def run() -> None:
        start = time.perf_counter()
        for _ in range(FRAMES):
            begun = time.perf_counter()
            show(frame)
            read()
            stalls.append((time.perf_counter() - begun) * 1e6)
            time.sleep(LOOK_S)
        walls.append(time.perf_counter() - start)

    benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    note(benchmark, min(walls), stalls, renderer)


def bench_offscreen_readback(benchmark, frame) -> None:
    with Offscreen() as screen:
        screen.show(frame)
        one_thread(benchmark, frame, screen.readback, screen.description["renderer"], screen.show)


def bench_pyopengl_read_pixels(benchmark, frame) -> None:
    from OpenGL import GL

    pixels = np.empty((SIZE[1], SIZE[0], 4), np.uint8)
    with Offscreen() as screen:
        screen.show(frame)

        def read() -> None:
            GL.glReadPixels(0, 0, *SIZE, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)

        one_thread(benchmark, frame, read, screen.description["renderer"], screen.show)


def bench_moderngl_read_into(benchmark, frame) -> None:
    context = moderngl.create_standalone_context(backend="egl")
    texture = context.texture(SIZE, 4, frame.array.tobytes())
    target = context.framebuffer([context.texture(SIZE, 4)])
    program = context.program(
        vertex_shader="#version 330\nvoid main() { vec2 c = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);"
        "gl_Position = vec4(c * 2.0 - 1.0, 0.0, 1.0); }",
        fragment_shader="#version 330\nuniform sampler2D t; out vec4 c;"
        "void main() { c = texelFetch(t, ivec2(gl_FragCoord.xy), 0); }",
    )
    array = context.vertex_array(program, [])
    pixels = np.empty((SIZE[1], SIZE[0], 4), np.uint8)

    def show(frame: camkit.Frame) -> None:
        texture.write(frame.array)
        texture.use()
        target.use()
        array.render(moderngl.TRIANGLES, vertices=3)

    one_thread(benchmark, frame, lambda: target.read_into(pixels, components=4), context.info["GL_RENDERER"], show)
    context.release()
