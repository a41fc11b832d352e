"""What OpenGL and its driver say: typed errors that name the call, messages, lost contexts."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import camkit
from camkit import ContextLost, GLError, GLInvalidCall, GLOutOfMemory, Offscreen
from camkit.gl_core._gl import Functions
from camkit.gl_core.context import Context, EglContext, headless

INT, UINT, SIZE, VOID = ctypes.c_int, ctypes.c_uint, ctypes.c_ssize_t, ctypes.c_void_p
PERFORMANCE, OTHER, HIGH, NOTIFICATION, APPLICATION = 0x8250, 0x8251, 0x9146, 0x826B, 0x824A
GREY = [bytes(64 * 48)], "GREY", (64, 48), [64]


@pytest.fixture
def context() -> Iterator[Context]:
    made = headless()
    yield made
    made.destroy()


def call(context: Context, name: str, *args: Any, types: tuple[Any, ...]) -> Any:
    return ctypes.CFUNCTYPE(None, *types)(context.get_proc(name))(*args)


def bind_a_buffer(context: Context) -> None:
    name = UINT()
    call(context, "glGenBuffers", 1, ctypes.byref(name), types=(INT, VOID))
    call(context, "glBindBuffer", 0x8892, name, types=(UINT, UINT))


def clear_an_incomplete_framebuffer(context: Context) -> None:
    name = UINT()
    call(context, "glGenFramebuffers", 1, ctypes.byref(name), types=(INT, VOID))
    call(context, "glBindFramebuffer", 0x8D40, name, types=(UINT, UINT))
    call(context, "glClear", 0x4000, types=(UINT,))


def want_64_terabytes(context: Context) -> None:
    bind_a_buffer(context)
    call(context, "glBufferData", 0x8892, 1 << 46, None, 0x88E4, types=(UINT, SIZE, VOID, UINT))


WRONG: dict[str, tuple[Callable[[Context], None], str, type[Exception]]] = {
    "GL_INVALID_ENUM": (lambda c: call(c, "glActiveTexture", 1, types=(UINT,)), "glActiveTexture", GLInvalidCall),
    "GL_INVALID_VALUE": (lambda c: call(c, "glViewport", 0, 0, -1, 1, types=(INT,) * 4), "glViewport", GLInvalidCall),
    "GL_INVALID_OPERATION": (lambda c: call(c, "glUniform1i", 9, 9, types=(INT, INT)), "glUniform", GLInvalidCall),
    "GL_INVALID_FRAMEBUFFER_OPERATION": (clear_an_incomplete_framebuffer, "glClear", GLInvalidCall),
    "GL_OUT_OF_MEMORY": (want_64_terabytes, "glBufferData", GLOutOfMemory),
}


@pytest.mark.parametrize("debug", [False, True])
def test_each_error_of_opengl_is_typed_and_names_the_call(debug: bool) -> None:
    context = headless(debug)
    for code, (wrong, name, kind) in WRONG.items():
        wrong(context)
        with pytest.raises(kind, match=f"^cannot try it: OpenGL said {code} on '.*{name}") as caught:
            context.functions.check("try it")
        assert isinstance(caught.value, GLError)
        assert caught.value.codes == (code,)
        assert len(caught.value.words) == 1
        context.functions.check("go on")
    assert context.functions.log.counts()["error"] == len(WRONG)
    context.destroy()


def test_the_errors_are_what_a_user_would_catch() -> None:
    assert issubclass(GLInvalidCall, ValueError)
    assert issubclass(GLOutOfMemory, MemoryError)
    assert issubclass(camkit.GLTimeout, TimeoutError)
    assert issubclass(ContextLost, ConnectionError)
    for kind in (GLInvalidCall, GLOutOfMemory, camkit.GLTimeout, ContextLost):
        assert issubclass(kind, GLError)
        assert str(kind("cannot do it: so it is")) == "cannot do it: so it is"


def test_the_driver_speaks_within_the_wrong_call_of_a_debug_context() -> None:
    context = headless(debug=True)
    flags = INT()
    call(context, "glGetIntegerv", 0x821E, ctypes.byref(flags), types=(UINT, VOID))
    assert flags.value & 2, "a debug context"
    assert ctypes.CFUNCTYPE(ctypes.c_ubyte, UINT)(context.get_proc("glIsEnabled"))(0x8242), "synchronous"
    context.destroy()


def test_an_error_is_told_once(context: Context) -> None:
    call(context, "glActiveTexture", 1, types=(UINT,))
    assert context.functions.errors() == ["GL_INVALID_ENUM"]
    call(context, "glViewport", 0, 0, -1, 1, types=(INT,) * 4)
    with pytest.raises(GLInvalidCall) as caught:
        context.functions.check("try it")
    assert len(caught.value.words) == 1
    assert "glViewport" in caught.value.words[0]


def insert(context: Context, kind: int, severity: int, text: bytes) -> None:
    """Have the driver send a message through its own ways."""
    types = (UINT, UINT, UINT, UINT, INT, ctypes.c_char_p)
    call(context, "glDebugMessageInsert", APPLICATION, kind, 1, severity, len(text), text, types=types)


def test_messages_are_counted_and_the_last_are_kept(context: Context) -> None:
    log = context.functions.log
    assert (log.messages(), log.explain()) == ([], "")
    for i in range(100):
        insert(context, PERFORMANCE, HIGH, b"slow %d" % i)
    insert(context, OTHER, NOTIFICATION, b"a buffer lies somewhere")
    insert(context, OTHER, HIGH, b"x" * 1000)
    assert log.counts() == {"error": 0, "performance": 100, "other": 1}
    assert len(log.messages()) == 64
    assert log.messages()[-2] == {"kind": "performance", "severity": "high", "text": "slow 99"}
    assert len(log.messages()[-1]["text"]) == 239
    assert "the driver sent 100 performance warning(s), the last: slow 99" in log.explain()


QUIET = """
import ctypes, threading
from camkit.gl_core.context import headless
context = headless()
kinds = (ctypes.c_uint,) * 4 + (ctypes.c_int, ctypes.c_char_p)
insert = ctypes.CFUNCTYPE(None, *kinds)(context.get_proc("glDebugMessageInsert"))
probe = ctypes.CDLL(None)
probe.alloc_probe_count(1)
for i in range(100):
    insert(0x824A, 0x8250, 1, 0x9146, 4, b"slow")
probe.alloc_probe_count(0)
print(probe.alloc_probe_ours(threading.get_native_id()), context.functions.log.counts()["performance"])
"""


def test_a_message_takes_no_memory(alloc_probe: Path) -> None:
    run = [sys.executable, "-c", QUIET]
    env = dict(os.environ, LD_PRELOAD=str(alloc_probe))
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "0 100\n"


def test_a_sink_explains_what_the_driver_complained_of() -> None:
    with Offscreen() as screen:
        screen._feed(*GREY)
        assert "driver" not in screen.explain()
        insert(screen_context(screen), PERFORMANCE, HIGH, b"this copies")
        assert "the driver sent 1 performance warning(s), the last: this copies" in screen.explain()
    assert [one["text"] for one in screen.messages] == ["this copies"]
    assert "this copies" in screen.explain(), "also after the context is gone"


class Kept(Offscreen):
    """Leaves its context where a test finds it."""

    def _open_context(self) -> Context:
        self.made = super()._open_context()
        return self.made


def screen_context(screen: Offscreen) -> Context:
    """Another handle on the context that is current here."""
    made = Context()
    egl = EglContext()
    made.get_proc = egl.get_proc  # type: ignore[method-assign]
    egl.destroy()
    screen._feed(*GREY)  # makes the sink's own context current again
    return made


@pytest.mark.parametrize("debug", [False, True])
def test_a_frame_that_follows_a_wrong_call_fails_by_name(debug: bool) -> None:
    screen = Kept(debug=debug)
    screen._feed(*GREY)
    call(screen.made, "glActiveTexture", 1, types=(UINT,))
    with pytest.raises(GLInvalidCall, match="cannot draw frame 0: .*GL_INVALID_ENUM in glActiveTexture"):
        screen._feed(*GREY)  # although errors are asked for at every 64th frame only
    screen._feed(*GREY)
    screen.close()


def test_debugging_is_asked_for_by_the_environment() -> None:
    code = "from camkit import Offscreen; print(Offscreen().debug, Offscreen(debug=False).debug)"
    for value, told in (("1", "True False"), ("0", "False False"), ("", "False False")):
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, env={"CAMKIT_GL_DEBUG": value}, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == told


class Doomed(Kept):
    """Has a GPU that is reset when a test says so: software renderers have nothing that could be reset."""

    reset, quiet = 0, True

    def _open_context(self) -> Context:
        context = super()._open_context()
        status = ctypes.CFUNCTYPE(UINT)(lambda: self.reset)
        fence = ctypes.CFUNCTYPE(VOID, UINT, UINT)
        real = fence(context.get_proc("glFenceSync"))
        lost = fence(lambda *args: None if self.reset else real(*args))
        self.kept = [status, lost]
        replaced = {"glGetGraphicsResetStatus": status} | ({} if self.quiet else {"glFenceSync": lost})

        def get_proc(name: str) -> int:
            if name in replaced:
                return ctypes.cast(replaced[name], VOID).value or 0
            return context.get_proc(name)

        context.functions = Functions(get_proc)
        return context


RESETS = {0x8253: "this program's own", 0x8254: "another program", 0x8255: "the GPU was reset;"}


@pytest.mark.parametrize("status", RESETS)
def test_a_reset_of_the_gpu_ends_the_pipeline_as_a_lost_context(status: int) -> None:
    screen = Doomed()
    seen: list[int] = []

    def reset(frame: camkit.Frame) -> None:
        seen.append(frame.sequence)
        screen.reset = status if len(seen) >= 100 else 0

    with camkit.open("synthetic", format="GREY", size=(64, 48), fps=1000) as camera:
        with pytest.raises(ContextLost, match=rf"cannot draw frame \d+: .*{RESETS[status]}"):
            camkit.Pipeline(camera, reset, screen, policy="block").run(frames=400)
        assert 100 <= len(seen) < 250, "asked for with every 64th frame"
        # The next use has a new context.
        screen.reset = 0
        assert camkit.Pipeline(camera, screen).run(frames=3).frames.displayed == 3
        assert screen.readback().shape == (48, 64, 3)


def test_a_fence_that_a_lost_context_refuses_is_told_at_once() -> None:
    screen = Doomed()
    screen.quiet = False
    screen._feed(*GREY)
    screen.reset = 0x8253
    with pytest.raises(ContextLost, match="cannot .*: the OpenGL context was lost on '.*': the GPU was reset because"):
        screen._feed(*GREY)
    with pytest.raises(ContextLost, match="was lost"):
        screen._feed(*GREY)
    screen.close()
    screen.reset = 0
    screen._feed(*GREY)
    screen.close()


def test_of_a_lost_context_nothing_is_called(context: Context) -> None:
    called: list[str] = []

    def watched(name: str) -> int:
        kind = ctypes.CFUNCTYPE(None, VOID, VOID)
        if name.startswith("glDelete") or name == "glFinish":
            kept.append(kind(lambda *args: called.append(name)))
            return ctypes.cast(kept[-1], VOID).value or 0
        return context.get_proc(name)

    kept: list[Any] = []
    functions = Functions(watched)
    functions.delete_shader(0)
    assert called == ["glDeleteShader"]
    functions.lose("of a test")
    functions.lose("of another")
    functions.delete_shader(0)
    assert called == ["glDeleteShader"]
    assert functions.errors() == []
    assert functions.compile_shader(0x8B30, "void main() {}") == (0, "")
    with pytest.raises(ContextLost, match="cannot draw: the OpenGL context was lost: of a test"):
        functions.check("draw")


TERMINATED = """
from OpenGL import EGL
from camkit import ContextLost, Offscreen
screen = Offscreen()
def show():
    screen._feed([bytes(64 * 48)], "GREY", (64, 48), [64])
show()
EGL.eglTerminate(EGL.eglGetCurrentDisplay())
EGL.eglMakeCurrent(EGL.eglGetCurrentDisplay(), None, None, None)
for _ in range(2):
    try:
        show()
    except ContextLost as error:
        print(error)
screen.close()
screen.close()
show()
print(screen.readback().shape)
"""


def test_egl_that_somebody_else_shuts_down_takes_the_context_away() -> None:
    done = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lost, again, shape = done.stdout.splitlines()
    assert "cannot make an OpenGL context current: eglMakeCurrent said" in lost
    assert "because EGL was shut down" in lost and "lost" in again
    assert shape == "(48, 64, 3)"
