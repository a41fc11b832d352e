"""The few EGL calls that a context without a surface needs."""

import ctypes
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import product
from typing import Any

from camkit.errors import ContextLost, GLError

PLATFORM_DEVICE, PLATFORM_SURFACELESS = 0x313F, 0x31DD
CONTEXT_MAJOR, CONTEXT_MINOR, CONTEXT_PROFILE, CORE_PROFILE = 0x3098, 0x30FB, 0x30FD, 1
CONTEXT_FLAGS, DEBUG_FLAG, RESET_NOTIFICATION, LOSE_CONTEXT_ON_RESET = 0x30FC, 1, 0x31BD, 0x31BF
SURFACE_TYPE, PBUFFER_BIT, RENDERABLE_TYPE, OPENGL_BIT, NONE = 0x3033, 1, 0x3040, 8, 0x3038
# EGL_NOT_INITIALIZED, EGL_BAD_CONTEXT, EGL_BAD_DISPLAY, EGL_CONTEXT_LOST: of a context that was good once.
LOST = {0x3001, 0x3006, 0x3008, 0x300E}
MOST_DEVICES = 32


class Egl:
    """EGL by PyOpenGL. Extension functions are called by their address, which PyOpenGL does not find by itself when it
    was imported for another window system.

    Parameters
    ----------
    module : module
        ``OpenGL.EGL``.
    """

    def __init__(self, module: Any) -> None:
        self.egl = module
        self.error: type[Exception] = module.EGLError
        self.client_extensions = self._extensions(module.EGL_NO_DISPLAY)

    def displays(self) -> Iterator[tuple[str, Any, bool]]:
        """Yield (name, display, draws on the CPU), the best first; those that cannot be opened are left out."""
        found = []
        if "EGL_EXT_platform_device" in self.client_extensions:
            for number, device in enumerate(self._devices()):
                software = "EGL_MESA_device_software" in self._device_extensions(device)
                display = self._platform_display(PLATFORM_DEVICE, device)
                found.append((f"device {number}", display, software))
        found.sort(key=lambda row: row[2])
        if "EGL_MESA_platform_surfaceless" in self.client_extensions:
            found.append(("surfaceless", self._platform_display(PLATFORM_SURFACELESS, None), True))
        for name, display, software in found:
            if display and self._initialize(display):
                yield name, display, software

    def create_context(self, display: Any, versions: Sequence[tuple[int, int]], debug: bool, share: int = 0) -> Any:
        """Create the newest core context there is, with the objects of `share`; GLError tells why there is none.

        A reset of the GPU is told by such a context where the driver can do that.
        """
        others = ctypes.cast(share, self.egl.EGLContext) if share else self.egl.EGL_NO_CONTEXT
        extensions = self._extensions(display)
        if "EGL_KHR_surfaceless_context" not in extensions:
            raise GLError("no EGL_KHR_surfaceless_context")
        reason = ""
        try:
            self.egl.eglBindAPI(self.egl.EGL_OPENGL_API)
            config = self._config(display, extensions)
        except self.error as error:
            raise GLError(self._text(error)) from error
        told: tuple[tuple[int, ...], ...] = ((RESET_NOTIFICATION, LOSE_CONTEXT_ON_RESET), ())
        for (major, minor), reset in product(versions, told):
            wanted = (CONTEXT_MAJOR, major, CONTEXT_MINOR, minor, CONTEXT_PROFILE, CORE_PROFILE)
            wanted += (*reset, *((CONTEXT_FLAGS, DEBUG_FLAG) if debug else ()), NONE)
            try:
                return self.egl.eglCreateContext(display, config, others, (self.egl.EGLint * len(wanted))(*wanted))
            except self.error as error:
                reason = f"OpenGL {major}.{minor}: {self._text(error)}"
        raise GLError(reason)

    def display(self, address: int) -> Any:
        """Take a display that somebody else has opened."""
        return ctypes.cast(address, self.egl.EGLDisplay)

    def make_current(self, display: Any, context: Any) -> None:
        """Make a context the calling thread's own, or none of this display with None."""
        none = self.egl.EGL_NO_SURFACE
        try:
            self.egl.eglBindAPI(self.egl.EGL_OPENGL_API)
            self.egl.eglMakeCurrent(display, none, none, context if context is not None else self.egl.EGL_NO_CONTEXT)
        except self.error as error:
            what = f"cannot make an OpenGL context current: {self._text(error)}"
            if self._code(error) in LOST:
                raise ContextLost(f"{what}; it was lost, with the GPU or because EGL was shut down") from error
            raise GLError(f"{what}; it may be current in another thread") from error

    def destroy_context(self, display: Any, context: Any) -> None:
        """Give a context up, in any thread: it goes when it is current in none."""
        try:
            self.egl.eglDestroyContext(display, context)
        except self.error as error:
            kind = ContextLost if self._code(error) in LOST else GLError
            raise kind(f"cannot destroy an OpenGL context: {self._text(error)}") from error

    def release_thread(self) -> None:
        """Give up what EGL keeps for the calling thread."""
        try:
            self.egl.eglReleaseThread()
        except self.error as error:
            raise GLError(f"cannot release EGL in a thread: {self._text(error)}") from error

    def get_proc(self, name: str) -> int:
        """Return the address of a function, 0 if there is none."""
        return self.egl.eglGetProcAddress(name.encode()) or 0

    def _config(self, display: Any, extensions: set[str]) -> Any:
        config = self.egl.EGLConfig()
        if "EGL_KHR_no_config_context" in extensions:
            return config
        wanted = (SURFACE_TYPE, PBUFFER_BIT, RENDERABLE_TYPE, OPENGL_BIT, NONE)
        count = self.egl.EGLint()
        configs = (self.egl.EGLConfig * 1)()
        self.egl.eglChooseConfig(display, (self.egl.EGLint * len(wanted))(*wanted), configs, 1, count)
        if not count.value:
            raise GLError("no EGL configuration for OpenGL")
        return configs[0]

    def _initialize(self, display: Any) -> bool:
        try:
            self.egl.eglInitialize(display, self.egl.EGLint(), self.egl.EGLint())
        except self.error:
            return False
        return True

    def _extensions(self, display: Any) -> set[str]:
        try:
            text = self.egl.eglQueryString(display, self.egl.EGL_EXTENSIONS)
        except self.error:
            return set()
        return set((text or b"").decode().split())

    def _devices(self) -> list[int]:
        query = self._function("eglQueryDevicesEXT", ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        devices, count = (ctypes.c_void_p * MOST_DEVICES)(), ctypes.c_int()
        if query is None or not query(MOST_DEVICES, devices, ctypes.byref(count)):
            return []
        return [device for device in devices[: count.value] if device]

    def _device_extensions(self, device: int) -> list[str]:
        query = self._function("eglQueryDeviceStringEXT", ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
        text = query(device, int(self.egl.EGL_EXTENSIONS)) if query is not None else None
        return (text or b"").decode().split()

    def _platform_display(self, platform: int, native: int | None) -> Any:
        get = self._function(
            "eglGetPlatformDisplayEXT", ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p
        )
        address = get(platform, native, None) if get is not None else None
        return ctypes.cast(address, self.egl.EGLDisplay) if address else None

    def _function(self, name: str, *types: Any) -> Any:
        address = self.get_proc(name)
        return ctypes.CFUNCTYPE(*types)(address) if address else None

    @staticmethod
    def _code(error: Any) -> int:
        return int(error.err)

    @staticmethod
    def _text(error: Any) -> str:
        operation = getattr(error.baseOperation, "__name__", "EGL")
        code = error.err
        return f"{operation} said {getattr(code, 'name', None) or hex(code)}"


def load() -> Egl:
    """Load EGL.

    Raises
    ------
    GLError
        It is not installed, or PyOpenGL was told to do without; the message says what to do.
    """
    try:
        return Egl(import_module("OpenGL.EGL"))
    except (ImportError, AttributeError, OSError, TypeError) as error:
        raise GLError(
            f"cannot load EGL, which drawing without a screen needs: {error}; install it, on Debian: apt install "
            "libegl1 libegl-mesa0 libgl1, and unset PYOPENGL_PLATFORM if it is not 'egl'"
        ) from error
