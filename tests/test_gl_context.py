"""Contexts without a screen, and the table of functions."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from camkit.errors import GLError
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._gl import Functions
from camkit.gl_core._gl_names import GL_OPTIONAL
from camkit.gl_core.context import Context, headless


@pytest.fixture
def context() -> Iterator[Context]:
    made = headless()
    yield made
    assert made.functions.errors() == []
    made.destroy()


def test_the_description_is_what_the_driver_says(context: Context) -> None:
    said = context.description
    assert said["headless"] is True
    assert said["renderer"] and said["vendor"]
    assert re.match(r"\d\.\d", said["version"])
    assert context.functions.version >= (3, 3)
    assert "GL_ARB_texture_storage" in context.functions.extensions


def test_the_tables_are_what_the_headers_say() -> None:
    tool = Path(__file__).parent.parent / "tools" / "gl_table.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_function_is_named(context: Context) -> None:
    def get_proc(name: str) -> int:
        return 0 if name == "glFenceSync" else context.get_proc(name)

    with pytest.raises(GLError, match="it has no glFenceSync"):
        Functions(get_proc)


def test_optional_functions_may_be_missing(context: Context) -> None:
    names = {"gl" + name for name in GL_OPTIONAL}
    assert Functions(lambda name: 0 if name in names else context.get_proc(name)).errors() == []


def test_egl_functions_are_those_of_the_current_context(context: Context) -> None:
    assert context.egl is not None
    assert context.egl.version >= (1, 4)
    assert "EGL_KHR_surfaceless_context" in context.egl.extensions
    context.release()
    with pytest.raises(GLError, match="was not made by it"):
        EglFunctions(context.get_proc)
    with pytest.raises(GLError, match="has no eglGetError"):
        EglFunctions(lambda name: 0 if name == "eglGetError" else context.get_proc(name))
    context.make_current()


def test_contexts_of_one_thread_take_turns() -> None:
    first, second = headless(), headless()
    first.make_current()
    assert first.functions.errors() == []
    second.destroy()
    second.destroy()
    first.make_current()
    assert first.functions.errors() == []
    first.destroy()
    with pytest.raises(GLError, match="was given up"):
        first.make_current()


def test_a_context_moves_between_threads_only_when_released(context: Context) -> None:
    answers: list[object] = []

    def take() -> None:
        try:
            context.make_current()
            context.release()
            answers.append("taken")
        except GLError as error:
            answers.append(error)

    def ask() -> object:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
        return answers.pop()

    assert "current in another thread" in str(ask())
    context.release()
    assert ask() == "taken"
    context.make_current()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=200,
        check=False,
    )


SHOW = "from camkit.gl_core.context import headless\ntry: headless()\nexcept Exception as e: print(type(e).__name__, e)"


def test_without_egl_the_package_to_install_is_named() -> None:
    hide = (
        "import ctypes\nload = ctypes.CDLL.__init__\n"
        "def no_egl(self, name, *args, **kwargs):\n"
        "    if 'EGL' in str(name): raise OSError('libEGL.so.1: cannot open shared object file')\n"
        "    load(self, name, *args, **kwargs)\n"
        "ctypes.CDLL.__init__ = no_egl\nctypes.util = __import__('ctypes.util').util\n"
        "ctypes.util.find_library = lambda name: None\n"
    )
    done = run(hide + SHOW)
    assert done.stdout.startswith("GLError cannot load EGL")
    assert "apt install libegl1" in done.stdout
    assert not done.stderr


def test_a_driver_that_is_missing_is_told_with_its_reason() -> None:
    done = run(SHOW, __EGL_VENDOR_LIBRARY_FILENAMES="/nonexistent.json")
    assert done.stdout.startswith("GLError cannot make an OpenGL context without a screen")
    assert "apt install libegl-mesa0" in done.stdout


def test_too_old_an_opengl_is_told_with_its_version() -> None:
    done = run(SHOW, MESA_GL_VERSION_OVERRIDE="3.1")
    assert done.stdout.startswith("GLError cannot make an OpenGL context without a screen")


@pytest.mark.parametrize("platform", ["egl", "glx", ""])
def test_pyopengl_of_any_window_system_will_do(platform: str) -> None:
    code = (
        "from OpenGL import GL\nfrom camkit.gl_core.context import headless\nprint(headless().description['headless'])"
    )
    done = run(code, PYOPENGL_PLATFORM=platform) if platform else run(code)
    assert done.stdout == "True\n", done.stderr


def test_importing_gl_core_loads_neither_opengl_nor_glfw() -> None:
    code = "import sys, camkit.gl_core; print({'OpenGL', 'glfw'} & set(sys.modules))"
    assert run(code).stdout == "set()\n"


@pytest.mark.parametrize("keep", ["screen", "[screen].append([screen])", "type('Cycle', (), {'s': screen})"])
def test_a_sink_left_open_ends_quietly_with_the_program(keep: str) -> None:
    code = (
        "from camkit.gl_core import Offscreen\nscreen = Offscreen()\nscreen._feed([bytes(16)], 'GREY', (4, 4), [4])\n"
        f"keep = {keep}\nprint(screen.readback().shape)"
    )
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(4, 4, 3)\n", "")


def test_the_environment_of_the_process_is_left_alone() -> None:
    code = "import os\nbefore = dict(os.environ)\nfrom camkit.gl_core.context import headless\nheadless()\n"
    assert run(code + "print(before == dict(os.environ))").stdout == "True\n"
