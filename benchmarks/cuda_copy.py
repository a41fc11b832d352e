"""The limit of a GPU of NVIDIA's: bytes of pinned memory, copied to the GPU's by CUDA, and waited for."""

from importlib import import_module
from typing import Any

from camkit.errors import CudaError


class PinnedCopy:
    """Memory on both sides of the bus, and the copy from one to the other.

    Raises
    ------
    CudaError
        There is no CUDA here, or no memory; the message tells which call said what.
    """

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self._host = self._device = 0
        try:
            self._cuda: Any = import_module("cuda.bindings.runtime")
        except (ImportError, RuntimeError) as error:
            raise CudaError(f"cannot measure cudaMemcpy: {error}; pip install 'camkit[cuda]'") from error
        if not self._call("cudaGetDeviceCount"):
            raise CudaError("cannot measure cudaMemcpy: there is no device of NVIDIA; see nvidia-smi")
        try:
            self._host = int(self._call("cudaMallocHost", nbytes))
            self._device = int(self._call("cudaMalloc", nbytes))
            self.copy()
        except BaseException:
            self.free()
            raise

    def __enter__(self) -> "PinnedCopy":
        return self

    def __exit__(self, *error: object) -> None:
        self.free()

    def copy(self) -> None:
        """Copy all bytes to the GPU; they are there when this returns."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", self._device, self._host, self.nbytes, kind, 0)
        self._call("cudaStreamSynchronize", 0)

    def free(self) -> None:
        """Give the memory up. Twice is harmless."""
        device, self._device = self._device, 0
        host, self._host = self._host, 0
        if device:
            self._call("cudaFree", device)
        if host:
            self._call("cudaFreeHost", host)

    def _call(self, name: str, *args: Any) -> Any:
        status, *values = getattr(self._cuda, name)(*args)
        if int(status) != 0:
            said = getattr(status, "name", str(int(status)))
            hint = "; install or update NVIDIA's driver, see nvidia-smi" if "Driver" in said else ""
            raise CudaError(f"cannot measure cudaMemcpy: {name} said {said}{hint}")
        return values[0] if values else None
