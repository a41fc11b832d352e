"""CudaReader: pictures of OpenGL as arrays of CUDA, without a way through the CPU's memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from camkit.errors import CudaError, LibraryMissing
from camkit.gl_core._gpu_tensor import tensor_capsule
from camkit.memory_manager._checks import check_int

if TYPE_CHECKING:
    from camkit.gl_core._on_draw import DrawContext, FrameInfo, Texture

CHANNELS = 4
DL_CUDA = 2  # DLPack's name of a CUDA device
LEGACY_STREAM, NO_SYNC = 1, -1  # what a consumer of DLPack may give for a stream


class CudaArray:
    """A picture in the memory of a CUDA device: (H, W, 4) uint8, R'G'B' and 255, top row first.

    `torch.from_dlpack`, `cupy.from_dlpack` and whatever reads `__cuda_array_interface__` take it without a copy, and
    wait for the picture by the order of streams, not by the CPU. Its memory is used again when this object and all that
    was made of it are gone. Any thread may have it.

    Attributes
    ----------
    shape : (int, int, int)
    """

    def __init__(self, reader: CudaReader, slot: _Slot, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._reader, self._slot = reader, slot
        self._used_by: set[int] = set()  # streams of consumers: the slot is theirs until their work so far is done

    def __del__(self) -> None:
        self._reader._take_back(self._slot, self._used_by)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Tell where the pixels lie: (2, the number of the device)."""
        return DL_CUDA, self._reader.device

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """Export the picture as a DLPack tensor.

        Parameters
        ----------
        stream : int, optional
            Of the consumer, which is made to wait for the picture: None or 1 for the legacy default stream, 2 for that
            of the thread, -1 to wait for nothing.
        max_version, dl_device, copy
            As DLPack says.

        Raises
        ------
        BufferError
            Another device, or a copy, is asked for.
        """
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError(f"the picture lies on CUDA device {self._reader.device}: make a copy with what takes it")
        wanted = LEGACY_STREAM if stream is None else stream
        if wanted != NO_SYNC:
            self._reader._call("cudaStreamWaitEvent", wanted, self._slot.ready, 0)
            self._used_by.add(wanted)
        versioned = max_version is not None and max_version[0] >= 1
        return tensor_capsule(self._slot.pointer, self.shape, self.__dlpack_device__(), self, versioned)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self._used_by.add(LEGACY_STREAM)
        return {
            "shape": self.shape,
            "typestr": "|u1",
            "data": (self._slot.pointer, False),
            "strides": None,
            "version": 3,
            "stream": self._reader._stream or LEGACY_STREAM,
        }


class _Slot:
    """Memory of one picture, and the events of who fills it and who reads it."""

    def __init__(self, reader: CudaReader, nbytes: int) -> None:
        self.nbytes = nbytes
        self.pointer: int = int(reader._call("cudaMalloc", nbytes))
        self.ready = reader._call("cudaEventCreateWithFlags", reader._event_flags)
        self.read = reader._call("cudaEventCreateWithFlags", reader._event_flags)


class CudaReader:
    """Hand each picture to a function as an array of CUDA: `on_draw=CudaReader(function)` of a Render or a sink.

    The picture is copied on the GPU into a texture of our own, which CUDA knows from the first time on, and from there
    into linear memory, on a stream of our own: nothing waits for the CPU. Needs an NVIDIA driver that draws for OpenGL
    too, and `pip install camkit[cuda]`. Belongs to one sink, whose thread calls the function, with the GIL.

    Parameters
    ----------
    function : callable
        Called as function(array, frame) with a CudaArray and a FrameInfo. It may keep the array.
    slots : int, optional
        Pictures that may be kept at once, 1 to 64.

    Raises
    ------
    LibraryMissing
        cuda-python is not installed.
    CudaError
        There is no CUDA device, or its driver is too old for cuda-python.

    Examples
    --------
    >>> look = lambda array, frame: print(torch.from_dlpack(array).float().mean())  # doctest: +SKIP
    >>> camkit.Pipeline(camera, camkit.Offscreen(on_draw=camkit.CudaReader(look))).run(frames=9)  # doctest: +SKIP
    """

    def __init__(self, function: Callable[[CudaArray, FrameInfo], object], slots: int = 4) -> None:
        if not callable(function):
            raise TypeError(f"function is {function!r}, not a function of an array and a frame")
        self.function, self.slots = function, check_int("slots", slots, 1, 64)
        self.device = 0
        self._cuda = _runtime()
        self._event_flags = int(self._cuda.cudaEventDisableTiming)
        self._lock = threading.Lock()
        self._free: list[_Slot] = []
        self._made = 0
        self._stream: int = 0
        self._texture: tuple[int, tuple[int, int]] | None = None  # name, size
        self._resource: Any = None
        count = self._call("cudaGetDeviceCount")
        if not count:
            raise CudaError("cannot hand pictures to CUDA: there is no device of NVIDIA; see nvidia-smi")

    def __call__(self, context: DrawContext, textures: tuple[Texture, ...]) -> None:
        self.function(self.read(context), context.frame)

    def read(self, context: DrawContext) -> CudaArray:
        """Take the picture that was drawn; for an `on_draw` of one's own.

        Raises
        ------
        CudaError
            The OpenGL context is not of a CUDA device, or CUDA refused; the message names the call.
        BufferError
            All slots are kept.
        """
        from OpenGL import GL

        width, height = context.picture.size
        if self._texture is None or self._texture[1] != (width, height):
            self._prepare(GL, (width, height))
        assert self._texture is not None
        slot = self._take(width * height * CHANNELS)
        try:
            context.copy_to(self._texture[0])
            row = width * CHANNELS
            # Mapping makes the stream wait for what OpenGL was told so far, and OpenGL for the stream.
            self._call("cudaGraphicsMapResources", 1, self._resource, self._stream)
            try:
                pixels = self._call("cudaGraphicsSubResourceGetMappedArray", self._resource, 0, 0)
                kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToDevice
                copy = (slot.pointer, row, pixels, 0, 0, row, height, kind, self._stream)
                self._call("cudaMemcpy2DFromArrayAsync", *copy)
            finally:
                self._call("cudaGraphicsUnmapResources", 1, self._resource, self._stream)
            self._call("cudaEventRecord", slot.ready, self._stream)
        except BaseException:
            self._take_back(slot, set())
            raise
        return CudaArray(self, slot, (height, width, CHANNELS))

    def context_ends(self) -> None:
        """Give up what belongs to the OpenGL context, in its thread; arrays stay."""
        resource, self._resource = self._resource, None
        texture, self._texture = self._texture, None
        try:
            if resource is not None:
                self._call("cudaGraphicsUnregisterResource", resource)
        finally:
            if texture is not None:
                from OpenGL import GL

                GL.glDeleteTextures(1, [texture[0]])

    def _prepare(self, gl: ModuleType, size: tuple[int, int]) -> None:
        """Make the texture that CUDA knows, and choose the device that draws."""
        self.context_ends()
        kind = self._cuda.cudaGLDeviceList.cudaGLDeviceListAll
        try:
            found = self._call("cudaGLGetDevices", 8, kind)
            devices = list(found[1])[: found[0]] if isinstance(found, tuple) else []
        except CudaError as error:
            raise self._not_shared(gl, str(error)) from error
        if not devices:
            raise self._not_shared(gl, "cudaGLGetDevices found none")
        self.device = int(devices[0])
        self._call("cudaSetDevice", self.device)
        if not self._stream:
            # One that waits for the legacy default stream, and that one for it: consumers that tell no stream use it.
            self._stream = int(self._call("cudaStreamCreateWithFlags", int(self._cuda.cudaStreamDefault)))
        name = int(gl.glGenTextures(1))
        self._texture = (name, size)
        gl.glBindTexture(gl.GL_TEXTURE_2D, name)
        gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, gl.GL_RGBA8, *size, 0, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None)
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAX_LEVEL, 0)
        flags = int(self._cuda.cudaGraphicsRegisterFlags.cudaGraphicsRegisterFlagsReadOnly)
        self._resource = self._call("cudaGraphicsGLRegisterImage", name, int(gl.GL_TEXTURE_2D), flags)

    def _take(self, nbytes: int) -> _Slot:
        with self._lock:
            stale = [slot for slot in self._free if slot.nbytes != nbytes]
            self._free = [slot for slot in self._free if slot.nbytes == nbytes]
            self._made -= len(stale)
            slot = self._free.pop() if self._free else None
            if slot is None and self._made >= self.slots:
                raise BufferError(f"all {self.slots} arrays of CUDA are kept: let some go, or ask for more slots")
            self._made += slot is None
        for old in stale:
            self._call("cudaFree", old.pointer)  # waits for whoever reads it
        if slot is None:
            try:
                return _Slot(self, nbytes)
            except BaseException:
                with self._lock:
                    self._made -= 1
                raise
        self._call("cudaStreamWaitEvent", self._stream, slot.read, 0)
        return slot

    def _take_back(self, slot: _Slot, streams: set[int]) -> None:
        """Use a slot again, when what its readers' streams were given so far is done."""
        try:
            for stream in streams:
                self._call("cudaStreamWaitEvent", self._stream, slot.read, 0)  # an event remembers one stream
                self._call("cudaEventRecord", slot.read, stream)
        except CudaError:  # a stream that is no more: wait for all
            self._cuda.cudaDeviceSynchronize()
        with self._lock:
            self._free.append(slot)

    def _not_shared(self, gl: ModuleType, why: str) -> CudaError:
        renderer = gl.glGetString(gl.GL_RENDERER)
        name = renderer.decode(errors="replace") if isinstance(renderer, bytes) else str(renderer)
        return CudaError(
            f"cannot hand pictures of {name!r} to CUDA: {why}; the OpenGL context must be of NVIDIA's driver, on "
            "Debian: apt install libegl-nvidia0 nvidia-driver, and not LIBGL_ALWAYS_SOFTWARE"
        )

    def _call(self, name: str, *args: Any) -> Any:
        """Call CUDA's runtime; return what it gives, one value or a tuple."""
        status, *values = getattr(self._cuda, name)(*args)
        if int(status) != 0:
            said = getattr(status, "name", str(int(status)))
            hint = "; install or update NVIDIA's driver, see nvidia-smi" if "Driver" in said else ""
            raise CudaError(f"cannot hand pictures to CUDA: {name} said {said}{hint}")
        return values[0] if len(values) == 1 else tuple(values) if values else None


def _runtime() -> ModuleType:
    """Load CUDA's runtime of cuda-python."""
    reasons = []
    for name in ("cuda.bindings.runtime", "cuda.cudart"):  # the second in cuda-python before 12.6
        try:
            return import_module(name)
        except ImportError as error:
            reasons.append(str(error))
        except RuntimeError as error:  # its libraries are not there
            raise CudaError(
                f"cannot hand pictures to CUDA: {error}; install NVIDIA's driver, see nvidia-smi"
            ) from error
    raise LibraryMissing(f"cannot hand pictures to CUDA: {reasons[0]}; pip install 'camkit[cuda]'")
