"""Renderers of users: PyOpenGL, moderngl or bare pointers on the sink's context, textures shared both ways."""

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import moderngl
import numpy as np
import pytest

import camkit
from camkit import GLError, GLInvalidCall, Offscreen
from camkit.gl_core.context import headless

INT, UINT, VOID = ctypes.c_int, ctypes.c_uint, ctypes.c_void_p
SIZE = (64, 48)
RANDOM = np.random.default_rng(3)
PIXELS = RANDOM.integers(0, 256, (48, 64), np.uint8)
DrawFunction = Callable[[Any, Any], object]


@pytest.fixture
def draw() -> Iterator[Callable[..., np.ndarray]]:
    """Show some pictures with an on_draw, and return the last as it is read back."""
    made = []

    def run(on_draw: DrawFunction, pixels: np.ndarray = PIXELS, times: int = 1, **options: Any) -> np.ndarray:
        made.append(Offscreen(on_draw=on_draw, **options))
        for _ in range(times):
            made[-1]._feed([pixels], "GREY", (pixels.shape[1], pixels.shape[0]), [pixels.shape[1]])
        return made[-1].readback()

    yield run
    for screen in made:
        screen.close()


def gl(ctx: Any, name: str, *types: Any) -> Any:
    return ctypes.CFUNCTYPE(*types)(ctx.get_proc(name))


def test_it_is_told_what_is_drawn_where(draw: Any) -> None:
    told = []

    def look(ctx: Any, textures: Any) -> None:
        viewport, bound = (INT * 4)(), INT()
        gl(ctx, "glGetIntegerv", None, UINT, VOID)(0x0BA2, viewport)
        gl(ctx, "glGetIntegerv", None, UINT, VOID)(0x8CA6, ctypes.byref(bound))
        assert bound.value == ctx.framebuffer > 0
        told.append((ctx.size, ctx.box, ctx.upward, ctx.frame.format, ctx.frame.size, tuple(viewport)))
        assert ctx.version >= (3, 3) and ctx.get_proc("glFlush") and "GL_KHR_debug" in ctx.extensions
        assert textures[0]._replace(name=0) == (0, SIZE, "R8", 0x0DE1)
        assert ctx.picture._replace(name=0) == (0, SIZE, "RGBA8", 0x0DE1)
        assert threading.get_ident() == here

    here = threading.get_ident()
    draw(look)
    draw(look, size=(128, 128))
    assert told == [
        ((64, 48), (0, 0, 64, 48), False, "GREY", SIZE, (0, 0, 64, 48)),
        ((128, 128), (0, 16, 128, 96), False, "GREY", SIZE, (0, 0, 128, 128)),
    ]


def test_the_textures_are_the_planes_of_the_camera() -> None:
    seen: list[Any] = []
    with camkit.open("synthetic", format="NV12", size=SIZE) as camera:
        screen = Offscreen(on_draw=lambda ctx, textures: seen.append((ctx.frame, textures)))
        camkit.Pipeline(camera, screen).run(frames=3)
    frames, textures = zip(*seen, strict=True)
    assert [frame.sequence for frame in frames] == [0, 1, 2]
    assert all(frame.timestamp_ns > 0 for frame in frames)
    assert [(one.size, one.format) for one in textures[0]] == [((64, 48), "R8"), ((32, 24), "RG8")]


NEGATIVE = """#version 330
uniform sampler2D plane; out vec4 colour;
void main() { colour = vec4(1 - texelFetch(plane, ivec2(gl_FragCoord.xy), 0).rrr, 1); }"""
CORNERS = "#version 330\nin vec2 at; void main() { gl_Position = vec4(at, 0, 1); }"


def test_moderngl_draws_from_the_camera_s_texture(draw: Any) -> None:
    made: dict[str, Any] = {}

    def negative(ctx: Any, textures: Any) -> None:
        if not made:
            moderngl.init_context(ctx)
            made["ctx"] = m = moderngl.get_context()
            program = m.program(vertex_shader=CORNERS, fragment_shader=NEGATIVE)
            corners = m.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4"))
            made["all"] = m.vertex_array(program, [(corners, "2f", "at")])
        plane = made["ctx"].external_texture(textures[0].name, textures[0].size, 1, 0, "f1")
        plane.use(0)
        made["ctx"].detect_framebuffer(ctx.framebuffer).use()
        made["all"].render()

    assert (draw(negative, times=5) == 255 - PIXELS[:, :, None]).all()


def test_moderngl_s_textures_are_shown_and_drawn_into(draw: Any) -> None:
    colours = RANDOM.integers(0, 256, (48, 64, 4), np.uint8)
    took = []

    def exchange(ctx: Any, textures: Any) -> None:
        moderngl.init_context(ctx)
        m = moderngl.get_context()
        copy = m.texture(SIZE, 4)
        ctx.copy_to(copy.glo)
        took.append(np.frombuffer(copy.read(), np.uint8).reshape(48, 64, 4))
        ctx.copy_to(copy.glo, flip=True)
        took.append(np.frombuffer(copy.read(), np.uint8).reshape(48, 64, 4))
        ctx.show(m.texture(SIZE, 4, colours.tobytes()).glo)

    assert (draw(exchange) == colours[:, :, :3]).all()
    assert (took[0][:, :, :3] == PIXELS[:, :, None]).all()
    assert (took[1][::-1] == took[0]).all()


PYOPENGL = """
import os
os.environ["PYOPENGL_PLATFORM"] = "egl"
import numpy as np
from OpenGL import GL
from camkit import Offscreen
mine = np.random.default_rng(1).integers(0, 256, (48, 64, 4), np.uint8)

def exchange(ctx, textures):
    GL.glBindTexture(GL.GL_TEXTURE_2D, textures[0].name)
    took.append(np.frombuffer(GL.glGetTexImage(GL.GL_TEXTURE_2D, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE), np.uint8))
    name = GL.glGenTextures(1)
    GL.glBindTexture(GL.GL_TEXTURE_2D, name)
    GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, 64, 48, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, mine)
    ctx.show(name)

took = []
with Offscreen(on_draw=exchange) as screen:
    screen._feed([bytes(range(256)) * 12], "GREY", (64, 48), [64])
    assert (screen.readback() == mine[:, :, :3]).all()
    assert took[0].tobytes() == bytes(range(256)) * 12
print("same")
"""


def test_pyopengl_works_on_the_context() -> None:
    done = subprocess.run([sys.executable, "-c", PYOPENGL], capture_output=True, text=True, check=False)
    assert done.stdout == "same\n", done.stderr


SPOILERS: dict[str, tuple[Any, ...]] = {
    "glEnable": (None, UINT, 0x0C11),  # the scissor test, of an empty box
    "glDisable": (None, UINT, 0x0BD0),
    "glColorMask": (None, *(ctypes.c_ubyte,) * 4, 0, 0, 1, 0),
    "glPixelStorei": (None, UINT, INT, 0x0CF2, 7),
    "glPolygonMode": (None, UINT, UINT, 0x0408, 0x1B00),
    "glUseProgram": (None, UINT, 0),
    "glBindVertexArray": (None, UINT, 0),
    "glViewport": (None, INT, INT, INT, INT, 5, 5, 1, 1),
    "glBindFramebuffer": (None, UINT, UINT, 0x8D40, 0),
    "glActiveTexture": (None, UINT, 0x84C0 + 9),
    "glBindTexture": (None, UINT, UINT, 0x0DE1, 0),
}


def test_what_is_left_set_spoils_no_picture(draw: Any) -> None:
    def spoil(ctx: Any, textures: Any) -> None:
        gl(ctx, "glScissor", None, INT, INT, INT, INT)(3, 3, 0, 0)
        for name, (result, *rest) in SPOILERS.items():
            types, values = rest[: len(rest) // 2], rest[len(rest) // 2 :]
            gl(ctx, name, result, *types)(*values)
        for test in (0x0BE2, 0x0B44, 0x0B71, 0x0B90, 0x8DB9, 0x8C89, 0x809E, 0x80A0, 0x0BF2):
            gl(ctx, "glEnable", None, UINT)(test)
        sampler, buffer = UINT(), UINT()
        gl(ctx, "glGenSamplers", None, INT, VOID)(1, ctypes.byref(sampler))
        gl(ctx, "glBindSampler", None, UINT, UINT)(0, sampler)
        gl(ctx, "glGenBuffers", None, INT, VOID)(1, ctypes.byref(buffer))
        for target in (0x88EB, 0x88EC):
            gl(ctx, "glBindBuffer", None, UINT, UINT)(target, buffer)

    assert (draw(spoil, times=3) == PIXELS[:, :, None]).all()


def test_another_context_that_is_left_current_spoils_no_picture(draw: Any) -> None:
    others = []
    assert (draw(lambda ctx, textures: others.append(headless()), times=3) == PIXELS[:, :, None]).all()
    for other in others:
        other.destroy()


def test_another_context_that_is_left_current_spoils_no_pipeline() -> None:
    """There nothing but the end of the call puts the sink's own back."""
    others: list[Any] = []
    pool = camkit.FramePool(8, format="GREY", size=SIZE)

    def paint(frame: camkit.Frame) -> None:
        frame.array[:] = PIXELS + np.uint8(frame.sequence)

    with Offscreen(on_draw=lambda ctx, textures: others.append(headless())) as screen:
        stats = camkit.Pipeline(camkit.PoolSource(pool, 5), camkit.PyStage(paint, writes=True), screen).run()
        stats.check()
        assert stats.frames.displayed == len(others) == 5
        assert (screen.readback() == (PIXELS + np.uint8(4))[:, :, None]).all()
    for other in others:
        other.destroy()


def test_another_sink_may_draw_within_a_renderer(draw: Any) -> None:
    """Its context is left, ours is current again: for OpenGL's own calls, and for those of the DrawContext."""
    inner, seen = Offscreen(), []

    def both(ctx: Any, textures: Any) -> None:
        with camkit.FramePool(1, format="GREY", size=SIZE) as pool, pool.acquire() as frame:
            frame.array[:] = 200
            inner.show(frame)
        clear = gl(ctx, "glClearColor", None, *4 * [ctypes.c_float])
        clear(1, 0, 0, 1)
        gl(ctx, "glClear", None, UINT)(0x4000)
        seen.append((inner.readback() == 200).all())
        inner.close()
        gl(ctx, "glEnable", None, UINT)(0x0C11)  # GL_SCISSOR_TEST
        gl(ctx, "glScissor", None, INT, INT, INT, INT)(0, 0, 32, 48)
        clear(0, 1, 0, 1)
        gl(ctx, "glClear", None, UINT)(0x4000)

    picture = draw(both, times=3)
    assert (picture[:, :32] == (0, 255, 0)).all() and (picture[:, 32:] == (255, 0, 0)).all()
    assert seen == [True] * 3


def test_a_draw_context_is_used_while_another_one_is_current(draw: Any) -> None:
    others = []

    def leave(ctx: Any, textures: Any) -> None:
        others.append(headless())
        assert ctx.picture.size == SIZE
        others.append(headless())
        ctx.show(textures[0])
        others.append(headless())
        assert gl(ctx, "glIsTexture", ctypes.c_ubyte, UINT)(ctx.picture.name)

    draw(leave, times=2)
    for other in others:
        other.destroy()


def test_a_function_that_raises_stops_the_pipeline_as_a_stage_does() -> None:
    def fail(ctx: Any, textures: Any) -> None:
        if ctx.frame.sequence == 3:
            raise KeyError("mine")

    camera = camkit.open("synthetic", format="GREY", size=SIZE)
    with camera, pytest.raises(camkit.PipelineError, match="frame 3") as caught:
        camkit.Pipeline(camera, Offscreen(on_draw=fail, name="screen")).run(frames=9)
    assert repr(caught.value.__cause__) == "KeyError('mine')"
    assert (caught.value.stage, caught.value.sequence) == ("screen", 3)


def test_a_wrong_call_of_it_is_named(draw: Any) -> None:
    with pytest.raises(GLInvalidCall, match="cannot draw frame 0: .*GL_INVALID_ENUM in glActiveTexture"):
        draw(lambda ctx, textures: gl(ctx, "glActiveTexture", None, UINT)(1))


def test_textures_that_are_none_are_refused(draw: Any) -> None:
    def look(ctx: Any, textures: Any) -> None:
        cube = UINT()
        gl(ctx, "glGenTextures", None, INT, VOID)(1, ctypes.byref(cube))
        with pytest.raises(GLInvalidCall, match="cannot use texture 9999: there is none of this name"):
            ctx.show(9999)
        with pytest.raises(GLInvalidCall, match="there is none"):
            ctx.copy_to(cube.value)
        gl(ctx, "glBindTexture", None, UINT, UINT)(0x8513, cube)
        with pytest.raises(GLInvalidCall, match="as a GL_TEXTURE_2D: .*GL_INVALID_OPERATION"):
            ctx.show(cube.value)
        gl(ctx, "glGenTextures", None, INT, VOID)(1, ctypes.byref(cube))
        gl(ctx, "glBindTexture", None, UINT, UINT)(0x0DE1, cube)
        with pytest.raises(GLInvalidCall, match="cannot read texture .*glCheckFramebufferStatus"):
            ctx.show(cube.value)

    assert (draw(look) == PIXELS[:, :, None]).all()


def test_the_context_is_of_no_use_after_the_call(draw: Any) -> None:
    kept: list[Any] = []
    draw(lambda ctx, textures: kept.append(ctx))
    for use in ("size", "framebuffer", "picture", "frame", "box"):
        with pytest.raises(GLError, match="the call of on_draw is over"):
            getattr(kept[0], use)
    with pytest.raises(GLError, match="cannot show a texture: the call of on_draw is over"):
        kept[0].show(1)
    with pytest.raises(TypeError):
        type(kept[0])()


def test_a_shared_context_has_the_same_textures_in_another_thread(draw: Any) -> None:
    seen: list[Any] = []

    def share(ctx: Any, textures: Any) -> None:
        gl(ctx, "glFinish", None)()
        other = ctx.share()

        def look() -> None:
            other.make_current()
            pixels = np.zeros((48, 64), np.uint8)
            gl(other, "glBindTexture", None, UINT, UINT)(0x0DE1, textures[0].name)
            read = gl(other, "glGetTexImage", None, UINT, INT, UINT, UINT, VOID)
            read(0x0DE1, 0, 0x1903, 0x1401, pixels.ctypes.data)
            seen.append(pixels)
            other.destroy()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert (draw(share) == PIXELS[:, :, None]).all()
    assert (seen[0] == PIXELS).all()


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="on_draw is 3, not a function"):
        Offscreen(on_draw=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", ["close", "stop", "show"])
def test_a_sink_is_not_ended_or_used_anew_by_its_own_renderer(act: str) -> None:
    said = []
    with camkit.FramePool(1, format="GREY", size=(16, 8)) as pool, pool.acquire() as frame:

        def meddle(ctx: Any, textures: Any) -> None:
            with pytest.raises(GLError, match="its on_draw is at work") as error:
                getattr(screen, act)(*([frame] if act == "show" else []))
            said.append(str(error.value))
            assert ctx.picture.size == (16, 8)

        with Offscreen(on_draw=meddle) as screen:
            screen.show(frame)
            assert screen.readback().shape == (8, 16, 3)
            assert len(said) == 1 and repr(screen.name) in said[0]


def test_a_stage_that_renders_is_neither_ended_by_its_renderer_nor_started_twice() -> None:
    def meddle(ctx: Any, textures: Any) -> None:
        with pytest.raises(GLError, match="cannot stop 'Render' while it draws"):
            render.stop()
        with pytest.raises(GLError, match="cannot start 'Render': it is in use"):
            render.start()
        calls.append(ctx.size)

    calls: list[tuple[int, int]] = []
    render = camkit.Render(on_draw=meddle)
    camera = camkit.SyntheticCamera(size=(64, 48), format="YUYV", frames=3, realtime=False)
    camkit.Pipeline(camera, render, camkit.NullSink()).run().check()
    assert calls == [SIZE] * 3


@pytest.mark.parametrize("act", ["close", "show", "readback"])
def test_a_sink_that_ends_is_not_used_by_its_renderer_any_more(act: str) -> None:
    class Ending:
        def __call__(self, ctx: Any, textures: Any) -> None:
            pass

        def context_ends(self) -> None:
            getattr(screen, act)(*([frame] if act == "show" else []))

    with camkit.FramePool(1, format="GREY", size=(16, 8)) as pool, pool.acquire() as frame:
        screen = Offscreen(on_draw=Ending())
        screen.show(frame)
        with pytest.raises(GLError, match="its on_draw is at work|its context is about to go"):
            screen.close()
        screen.close()
        assert screen.readback().shape == (8, 16, 3)
