"""WindowContext: a window of glfw and its OpenGL context."""

import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Callable
from itertools import product
from typing import Any

from camkit.errors import GLError
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._gl import Functions
from camkit.gl_core.context import VERSIONS, Context, check_process, own_process
from camkit.gl_core.monitors import Box, box_of, most_of

# pyGLFW has one place for the error of any thread, and raises it in the one whose call returns next. A window's first
# attempts may fail while another window's thread takes its context.
ONE_AT_A_TIME = threading.RLock()


class WindowContext(Context):
    """A window of glfw and its context; current nowhere until `make_current`.

    Make and destroy it in the main thread, which the systems' window code wants.

    Parameters
    ----------
    title : str
    size : (int, int)
        In screen coordinates.
    visible : bool, optional
        An invisible window stands in for a surfaceless context where there is no EGL.
    debug : bool, optional
        As for `EglContext`.

    Raises
    ------
    GLError
        There is no screen, or no OpenGL 3.3.
    """

    def __init__(self, title: str, size: tuple[int, int], *, visible: bool = True, debug: bool = False) -> None:
        import glfw

        if not isinstance(title, str):
            raise TypeError(f"title is {title!r}, not a text")
        check_process("open a window")
        self._glfw: Any = glfw
        self._thread = threading.get_ident()
        self._before = Box(0, 0, *size)  # where the window was before it filled the screen
        self.headless = not visible
        glfw.ERROR_REPORTING = "raise"
        try:
            glfw.init()
        except glfw.GLFWError as error:
            raise GLError(
                f'cannot open a window: {_text(error)}; without a screen draw into memory: display="headless" '
                "(camkit.Offscreen)"
            ) from error
        self.window = self._create(title, size, visible, debug)
        # A key pressed and released between two looks is seen all the same.
        glfw.set_input_mode(self.window, glfw.STICKY_KEYS, True)
        self._finalizer = weakref.finalize(self, _destroy_window, glfw, self.window, os.getpid())
        try:
            self.make_current()
            self.functions = Functions(self.get_proc, debug)
            if glfw.get_window_attrib(self.window, glfw.CONTEXT_CREATION_API) == glfw.EGL_CONTEXT_API:
                self.egl = self.functions.egl = EglFunctions(self.get_proc)
            self.release()
        except GLError:
            self.destroy()
            raise

    def _create(self, title: str, size: tuple[int, int], visible: bool, debug: bool) -> Any:
        glfw = self._glfw
        # EGL where there is a choice: it can turn a camera's memory into a texture, GLX cannot.
        apis = [glfw.EGL_CONTEXT_API, glfw.NATIVE_CONTEXT_API] if sys.platform == "linux" else [glfw.NATIVE_CONTEXT_API]
        refused = {}
        # A reset of the GPU is told where the driver can do that.
        for api, (major, minor), reset in product(apis, VERSIONS, (glfw.LOSE_CONTEXT_ON_RESET, glfw.NO_ROBUSTNESS)):
            glfw.default_window_hints()
            glfw.window_hint(glfw.CONTEXT_CREATION_API, api)
            glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, major)
            glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, minor)
            glfw.window_hint(glfw.CONTEXT_ROBUSTNESS, reset)
            glfw.window_hint(glfw.OPENGL_DEBUG_CONTEXT, debug)
            glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
            glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
            glfw.window_hint(glfw.VISIBLE, visible)
            try:
                with ONE_AT_A_TIME:
                    window = glfw.create_window(*size, title, None, None)
            except glfw.GLFWError as error:
                refused[api] = _text(error)
                continue
            if window:
                return window
            refused[api] = "glfw made none and did not say why"
        raise GLError(
            f"cannot open a window with OpenGL 3.3: {'; '.join(refused.values())}; install or update the graphics "
            "driver, on Debian: apt install libegl-mesa0 libgl1-mesa-dri libglx-mesa0"
        )

    def make_current(self) -> None:
        if self.window is None:
            raise GLError("the window was closed")
        check_process("draw in a window")
        self._call("make a window's OpenGL context current", self._glfw.make_context_current, self.window)

    def release(self) -> None:
        self._call("release a window's OpenGL context", self._glfw.make_context_current, None)

    def destroy(self) -> None:
        if self.window is not None:
            if self._thread != threading.get_ident():
                raise GLError("cannot close a window in another thread than the one that opened it: do it there")
            if own_process() and self._glfw.get_current_context():
                self.release()
            self.window = None
            self._finalizer()
            if threading.current_thread() is threading.main_thread() and hasattr(self, "functions"):
                self.functions.log.context_gone()

    def get_proc(self, name: str) -> int:
        address: int = self._glfw.get_proc_address(name) or 0
        return address

    def set_vsync(self, on: bool) -> None:
        """Make a swap wait for the screen, or not. The context must be current."""
        self._call("set the swap interval", self._glfw.swap_interval, 1 if on else 0)

    def poll_events(self) -> None:
        """Take what the window system has to say. Main thread only."""
        self._call("serve a window's events", self._glfw.poll_events)

    @property
    def wayland(self) -> tuple[int, int] | None:
        """(int, int) or None: addresses of Wayland's wl_display and of the window's wl_surface; None elsewhere."""
        glfw = self._glfw
        # glfw comes as one library for X11 and one for Wayland.
        if not hasattr(glfw, "get_wayland_window") or glfw.get_platform() != glfw.PLATFORM_WAYLAND:
            return None
        return int(glfw.get_wayland_display() or 0), int(glfw.get_wayland_window(self.window) or 0)

    @property
    def sync_control(self) -> tuple[str, int, int, int]:
        """(str, int, int, int): the extension that tells X11's vblanks, its function, display and drawable; else 0."""
        glfw = self._glfw
        if self.egl is not None:
            name, function = "EGL_CHROMIUM_sync_control", "eglGetSyncValuesCHROMIUM"
            call = self.get_proc(function) if name in self.egl.extensions else 0
            return name, call, int(glfw.get_egl_display() or 0), int(glfw.get_egl_surface(self.window) or 0)
        name, function = "GLX_OML_sync_control", "glXGetSyncValuesOML"
        if sys.platform != "linux" or not glfw.extension_supported(name):
            return name, 0, 0, 0
        display = ctypes.cast(glfw.get_x11_display() or 0, ctypes.c_void_p).value or 0
        return name, self.get_proc(function), display, int(glfw.get_glx_window(self.window) or 0)

    @property
    def closing(self) -> bool:
        """bool: the user pressed Esc or the window's button."""
        glfw = self._glfw
        return bool(glfw.window_should_close(self.window)) or glfw.get_key(self.window, glfw.KEY_ESCAPE) == glfw.PRESS

    @property
    def glfw(self) -> Any:
        """Module of the window."""
        return self._glfw

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        """Turn a place in screen coordinates, which the cursor has, into pixels of the window."""
        wide, high = self._glfw.get_window_size(self.window)
        across, down = self.pixels
        return x * across / max(wide, 1), y * down / max(high, 1)

    @property
    def content_scale(self) -> float:
        """float: how much larger than on an ordinary monitor letters should be; another one after a move to another."""
        return float(max(self._glfw.get_window_content_scale(self.window)))

    @property
    def full_screen(self) -> bool:
        """bool: the window fills its monitor."""
        return bool(self._glfw.get_window_monitor(self.window))

    def toggle_full_screen(self) -> None:
        """Fill the monitor that shows most of the window, or go back to where the window was. Main thread only."""
        self._call("change to or from the full screen", self._toggle_full_screen)

    def _toggle_full_screen(self) -> None:
        glfw, window = self._glfw, self.window
        if self.full_screen:
            glfw.set_window_monitor(window, None, *self._before, glfw.DONT_CARE)
            return
        box = self._box()
        monitors = glfw.get_monitors()
        if not monitors:
            raise GLError("cannot fill the screen: there is no monitor")
        monitor = monitors[most_of(box, [box_of(glfw, each) for each in monitors])]
        mode = glfw.get_video_mode(monitor)
        # Whoever works on another monitor wants to see the picture still.
        glfw.set_window_attrib(window, glfw.AUTO_ICONIFY, False)
        self._before = box
        glfw.set_window_monitor(window, monitor, 0, 0, mode.size.width, mode.size.height, mode.refresh_rate)

    def _box(self) -> Box:
        glfw = self._glfw
        try:
            x, y = glfw.get_window_pos(self.window)
        except glfw.GLFWError:  # Wayland does not tell
            x, y = 0, 0
        return Box(x, y, *glfw.get_window_size(self.window))

    @property
    def pixels(self) -> tuple[int, int]:
        """(int, int): size of the window's inside in pixels; (0, 0) while it is minimised."""
        width, height = self._glfw.get_framebuffer_size(self.window)
        return int(width), int(height)

    @property
    def swap_call(self) -> tuple[int, int]:
        """(int, int): addresses of the C function that shows the picture, and of its argument."""
        # pyGLFW's own function would take the GIL for every frame.
        function = ctypes.cast(self._glfw._glfw.glfwSwapBuffers, ctypes.c_void_p).value or 0
        return function, ctypes.cast(self.window, ctypes.c_void_p).value or 0

    def _call(self, what: str, function: Callable[..., Any], *args: Any) -> None:
        try:
            with ONE_AT_A_TIME:
                function(*args)
        except self._glfw.GLFWError as error:
            raise GLError(f"cannot {what}: {_text(error)}") from error


def _text(error: Any) -> str:
    """Take glfw's words out of its error, which holds them as bytes beside a number."""
    found = error.args[0] if error.args else error
    text = str(found).partition(") ")[2] or str(found)
    return text.removeprefix("b").strip("'\"")


def _destroy_window(glfw: Any, window: Any, process: int) -> None:
    # A forked child has the window's connection, too, and the window is the parent's.
    if process == os.getpid() and threading.current_thread() is threading.main_thread():
        try:
            glfw.destroy_window(window)
        except glfw.GLFWError as error:
            # Somebody else ended glfw, and all windows with it.
            if error.error_code != glfw.NOT_INITIALIZED:
                raise
