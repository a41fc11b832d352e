"""OpenGL contexts: without a screen by EGL, with a window by glfw."""

import contextlib
import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Callable
from itertools import product
from typing import Any

from camkit.errors import ContextLost, GLError
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._gl import Functions
from camkit.gl_core.monitors import Box, box_of, most_of

# The newest core profile that the driver has is asked for first: some give exactly what was asked.
VERSIONS = ((4, 6), (4, 5), (4, 3), (4, 1), (3, 3))

_process: int | None = None  # the first here that used OpenGL


class Context:
    """What both kinds have in common. A context is current in one thread at a time; the caller sees to that.

    Attributes
    ----------
    functions : Functions
        The OpenGL functions of this context.
    egl : EglFunctions or None
        The EGL functions of this context and its display; None where something else made it.
    headless : bool
        There is no window.
    lasting : bool
        `abandon` can give it up.
    """

    functions: Functions
    egl: EglFunctions | None = None
    headless = True
    lasting = False

    @property
    def description(self) -> dict[str, Any]:
        """dict: `renderer`, `version` and `vendor` as the driver says them, and `headless`."""
        gl = self.functions
        return {"renderer": gl.renderer, "version": gl.version_text, "vendor": gl.vendor, "headless": self.headless}

    def make_current(self) -> None:
        """Make the context the calling thread's own."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the context, so that another thread can make it current."""
        raise NotImplementedError

    def destroy(self) -> None:
        """Give the context up, in the thread where it is current. Twice is harmless."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Give the context up with all its objects, in any thread, when it is current in none."""
        raise NotImplementedError

    def get_proc(self, name: str) -> int:
        """Return the address of an OpenGL function, 0 if there is none. The context must be current."""
        raise NotImplementedError

    def share(self) -> "EglContext":
        """Make a context with the same textures and buffers, current nowhere. This one must be current, and stays so.

        Raises
        ------
        GLError
            The context is none of EGL's, or EGL refuses.
        """
        if self.egl is None:
            raise GLError(
                "cannot share the OpenGL context: only contexts of EGL can be shared; this one is of the "
                "window system's own kind"
            )
        try:
            return EglContext(share=self)
        finally:
            self.make_current()


class EglContext(Context):
    """A context without any surface; made current in the thread that makes it.

    Parameters
    ----------
    debug : bool, optional
        Have the driver look at everything, and speak of errors within the wrong call.
    renderer : str, optional
        What must draw, by OpenGL's name of it. Default: the best there is.
    share : Context, optional
        One of EGL's that is current now, to have the objects of; the new one is then current nowhere.

    Raises
    ------
    GLError
        No device here has OpenGL 3.3; the message tells what each answered.
    """

    lasting = True

    def __init__(self, debug: bool = False, renderer: str = "", share: Context | None = None) -> None:
        from camkit.gl_core import _egl

        check_process("make an OpenGL context")
        self._egl = _egl.load()
        self._debug = debug
        self._display, self._context = None, None
        if share is not None and share.egl is not None:
            display, other = share.egl.handles
            self._open(self._egl.display(display), other)
            self.release()
            return
        refused = []
        for name, display, software in self._egl.displays():
            try:
                self._open(display)
            except GLError as error:
                refused.append(f"{name}: {error}")
                continue
            if renderer and renderer != self.functions.renderer:
                refused.append(f"{name}: it is {self.functions.renderer!r}, not {renderer!r}")
                self.destroy()
                continue
            # A display-only device is drawn for by the CPU, in memory that may lie badly: the CPU's own device is
            # better.
            if not renderer and not software and "llvmpipe" in self.functions.renderer:
                refused.append(f"{name}: draws on the CPU")
                self.destroy()
                continue
            return
        raise GLError(
            f"cannot make an OpenGL context without a screen: {'; '.join(refused) or 'EGL has no device'}; install or "
            "update the graphics driver, on Debian: apt install libegl-mesa0 libgl1-mesa-dri"
        )

    def _open(self, display: Any, share: int = 0) -> None:
        context = self._egl.create_context(display, VERSIONS, self._debug, share)
        self._display, self._context = display, context
        try:
            self.make_current()
            self.functions = Functions(self.get_proc, self._debug)
            self.egl = self.functions.egl = EglFunctions(self.get_proc)
        except GLError:
            self.destroy()
            raise

    def make_current(self) -> None:
        if self._context is None:
            raise GLError("the OpenGL context was given up")
        check_process("use an OpenGL context")
        try:
            self._egl.make_current(self._display, self._context)
        except ContextLost as error:
            if hasattr(self, "functions"):
                self.functions.lose(str(error))
            raise

    def release(self) -> None:
        self._egl.make_current(self._display, None)

    def destroy(self) -> None:
        context, self._context = self._context, None
        if context is None:
            return
        try:
            # The display stays: it is the same for everybody in this process.
            self._egl.make_current(self._display, None)
            self._egl.destroy_context(self._display, context)
            self._egl.release_thread()
        except ContextLost:
            pass  # it has destroyed itself
        self._gone()

    def abandon(self) -> None:
        context, self._context = self._context, None
        if context is None:
            return
        with contextlib.suppress(ContextLost):
            # The calling thread may have another context, which stays.
            self._egl.destroy_context(self._display, context)
        self._gone()

    def _gone(self) -> None:
        if hasattr(self, "functions"):
            self.functions.log.context_gone()

    def get_proc(self, name: str) -> int:
        return self._egl.get_proc(name)


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
                return glfw.create_window(*size, title, None, None)
            except glfw.GLFWError as error:
                refused[api] = _text(error)
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
            if _process == os.getpid() and self._glfw.get_current_context():
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
            function(*args)
        except self._glfw.GLFWError as error:
            raise GLError(f"cannot {what}: {_text(error)}") from error


def headless(debug: bool = False, renderer: str = "", share: Context | None = None) -> Context:
    """Make a context without a visible window, current in the calling thread.

    Parameters
    ----------
    debug : bool, optional
        Have the driver look at everything, and speak of errors within the wrong call.
    renderer : str, optional
        What must draw where there is a choice, by OpenGL's name of it. Default: the best there is.
    share : Context, optional
        One of EGL's, to have the textures and buffers of.

    Raises
    ------
    GLError
        There is no EGL or no OpenGL 3.3, and the message says what to install; or `share` is none of EGL's.
    """
    if share is not None:
        if share.egl is None:
            raise GLError("cannot share the OpenGL context: it is of the window system's own kind, none of EGL's")
        context = EglContext(debug, share=share)
        context.make_current()
        return context
    if sys.platform == "linux":
        return EglContext(debug, renderer)
    window = WindowContext("camkit", (16, 16), visible=False, debug=debug)
    window.make_current()
    return window


def _text(error: Any) -> str:
    """Take glfw's words out of its error, which holds them as bytes beside a number."""
    found = error.args[0] if error.args else error
    text = str(found).partition(") ")[2] or str(found)
    return text.removeprefix("b").strip("'\"")


def check_process(what: str) -> None:
    """Refuse OpenGL in a child that was forked after its parent began to use it: drawing would wait for ever.

    Raises
    ------
    GLError
    """
    global _process
    if _process is None:
        _process = os.getpid()
    if _process != os.getpid():
        raise GLError(
            f"cannot {what} in process {os.getpid()}: it was forked from one that had begun to use OpenGL, and the "
            "driver's threads stayed there; start it with multiprocessing's 'spawn', or before OpenGL is used"
        )


def _destroy_window(glfw: Any, window: Any, process: int) -> None:
    # A forked child has the window's connection, too, and the window is the parent's.
    if process == os.getpid() and threading.current_thread() is threading.main_thread():
        try:
            glfw.destroy_window(window)
        except glfw.GLFWError as error:
            # Somebody else ended glfw, and all windows with it.
            if error.error_code != glfw.NOT_INITIALIZED:
                raise
