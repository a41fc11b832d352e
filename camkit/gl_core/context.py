"""OpenGL contexts: what all have in common, and those of EGL that need no screen."""

import contextlib
import os
import sys
from typing import Any

from camkit.errors import ContextLost, GLError
from camkit.gl_core._egl_calls import EglFunctions
from camkit.gl_core._gl import Functions

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
    from camkit.gl_core.window import WindowContext

    window = WindowContext("camkit", (16, 16), visible=False, debug=debug)
    window.make_current()
    return window


def check_process(what: str) -> None:
    """Refuse OpenGL in a child that was forked after its parent began to use it: drawing would wait for ever.

    Raises
    ------
    GLError
    """
    global _process
    if _process is None:
        _process = os.getpid()
    if not own_process():
        raise GLError(
            f"cannot {what} in process {os.getpid()}: it was forked from one that had begun to use OpenGL, and the "
            "driver's threads stayed there; start it with multiprocessing's 'spawn', or before OpenGL is used"
        )


def own_process() -> bool:
    """Tell whether OpenGL was first used in this process, and not in the one that it was forked from."""
    return _process == os.getpid()
