"""CudaReader without a GPU: what it refuses and why, the order of its calls, and its tensors."""

import gc
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from camkit import CudaError, CudaReader, LibraryMissing, Pipeline, PipelineError, Render, SyntheticCamera
from camkit.gl_core import Offscreen
from camkit.gl_core._gpu_tensor import tensor_capsule

NAMES = ("cuda", "cuda.bindings", "cuda.bindings.runtime", "cuda.cudart")


class Status(int):
    @property
    def name(self) -> str:
        return {35: "cudaErrorInsufficientDriver", 219: "cudaErrorInvalidGraphicsContext"}.get(
            self, f"error {int(self)}"
        )


class FakeRuntime(ModuleType):
    """CUDA's runtime as far as its answers go: notes the calls, and has nothing behind them."""

    cudaEventDisableTiming, cudaStreamDefault = 2, 0
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyDeviceToDevice=3)
    cudaGLDeviceList = SimpleNamespace(cudaGLDeviceListAll=1)
    cudaGraphicsRegisterFlags = SimpleNamespace(cudaGraphicsRegisterFlagsReadOnly=1)

    def __init__(self, **answers: Any) -> None:
        super().__init__("cuda.bindings.runtime")
        self.calls: list[tuple[Any, ...]] = []
        self.next = 1000
        self.answers = {"cudaGetDeviceCount": (0, 1), "cudaGLGetDevices": (0, 1, [0])} | answers

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cuda"):
            raise AttributeError(name)

        def call(*args: Any) -> tuple[Any, ...]:
            self.calls.append((name, *args))
            status, *values = self.answers.get(name, (0,))
            if name in ("cudaMalloc", "cudaEventCreateWithFlags", "cudaStreamCreateWithFlags") or "GLRegister" in name:
                self.next += 1
                values = [self.next]
            if name == "cudaGraphicsSubResourceGetMappedArray":
                values = [77]
            return Status(status), *values

        return call

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def fake(monkeypatch):
    def install(runtime):
        for name in NAMES:
            monkeypatch.setitem(sys.modules, name, None)
        if runtime is not None:
            monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", runtime)
            monkeypatch.setitem(sys.modules, "cuda.bindings", ModuleType("cuda.bindings"))
            monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
        return runtime

    return install


def camera(frames: int = 6, **options: Any) -> SyntheticCamera:
    return SyntheticCamera(
        **{"size": (64, 48), "format": "YUYV", "frames": frames, "realtime": False, "buffers": 8} | options
    )


def test_without_cuda_python_it_says_what_to_install(fake) -> None:
    fake(None)
    with pytest.raises(LibraryMissing, match=r"cannot hand pictures to CUDA: .*; pip install 'camkit\[cuda\]'"):
        CudaReader(print)


def test_without_a_driver_or_a_device_it_says_so(fake) -> None:
    fake(FakeRuntime(cudaGetDeviceCount=(35, None)))
    with pytest.raises(
        CudaError, match="cudaGetDeviceCount said cudaErrorInsufficientDriver; install or update NVIDIA"
    ):
        CudaReader(print)
    fake(FakeRuntime(cudaGetDeviceCount=(0, 0)))
    with pytest.raises(CudaError, match="there is no device of NVIDIA; see nvidia-smi"):
        CudaReader(print)
    with pytest.raises(TypeError, match="function is 3"):
        CudaReader(3)
    with pytest.raises(ValueError, match="slots"):
        CudaReader(print, slots=0)


def test_the_real_runtime_without_a_driver_refuses() -> None:
    from cuda.bindings import runtime

    status, count = runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        pytest.skip("there is a CUDA device: tests/test_gl_cuda_gpu.py has it")
    with pytest.raises(CudaError, match="cannot hand pictures to CUDA: "):
        CudaReader(print)


def test_a_context_of_another_driver_is_refused_with_its_name(fake) -> None:
    runtime = fake(FakeRuntime(cudaGLGetDevices=(219, None, None)))
    pipeline = Pipeline(camera(), Offscreen(on_draw=CudaReader(print)))
    with pytest.raises(
        (PipelineError, CudaError), match="cannot hand pictures of '.*' to CUDA: .*InvalidGraphicsContext"
    ):
        pipeline.run()
    assert "cudaGraphicsGLRegisterImage" not in runtime.names()
    fake(FakeRuntime(cudaGLGetDevices=(0, 0, [])))
    with pytest.raises((PipelineError, CudaError), match="cudaGLGetDevices found none; the OpenGL context must be of"):
        Pipeline(camera(), Render("RGB24", on_draw=CudaReader(print))).run()


def test_a_texture_is_registered_once_and_mapped_for_each_frame(fake) -> None:
    runtime, seen = fake(FakeRuntime()), []
    reader = CudaReader(lambda array, frame: seen.append((frame.sequence, array.shape, array.__dlpack_device__())))
    Pipeline(camera(6), Offscreen(on_draw=reader)).run()
    assert seen == [(n, (48, 64, 4), (2, 0)) for n in range(6)]
    names = runtime.names()
    assert names.count("cudaGraphicsGLRegisterImage") == names.count("cudaMalloc") == 1
    wanted = ["cudaGraphicsMapResources", "cudaGraphicsSubResourceGetMappedArray", "cudaMemcpy2DFromArrayAsync"]
    wanted += ["cudaGraphicsUnmapResources", "cudaEventRecord"]
    steps = [name for name in names if name in wanted]
    assert steps == wanted * 6
    assert names[-1] == "cudaGraphicsUnregisterResource", "while its texture and its context are there"
    copy = next(call for call in runtime.calls if call[0] == "cudaMemcpy2DFromArrayAsync")
    assert copy[2:8] == (256, 77, 0, 0, 256, 48)


def test_an_array_that_is_kept_keeps_its_memory_and_its_readers_are_waited_for(fake) -> None:
    runtime, kept = fake(FakeRuntime()), []
    reader = CudaReader(lambda array, frame: kept.append(array), slots=3)
    with pytest.raises((PipelineError, BufferError), match="all 3 arrays of CUDA are kept"):
        Pipeline(camera(6), Offscreen(on_draw=reader)).run()
    pointers = [array.__cuda_array_interface__["data"][0] for array in kept]
    assert len(set(pointers)) == 3
    capsule = kept[0].__dlpack__(stream=5, max_version=(1, 0))
    assert runtime.calls[-1][:2] == ("cudaStreamWaitEvent", 5), "the reader waits for the picture"
    ready = runtime.calls[-1][2]
    runtime.calls.clear()
    kept.clear()
    gc.collect()
    assert len([call for call in runtime.calls if call[0] == "cudaEventRecord"]) == 2, "the capsule has one still"
    del capsule
    gc.collect()
    record = runtime.calls[-1]
    assert record[0] == "cudaEventRecord" and record[2] == 5 and record[1] != ready
    with pytest.raises(BufferError, match="make a copy"):
        first = []
        again = CudaReader(lambda array, frame: first.append(array))
        Pipeline(camera(1), Offscreen(on_draw=again)).run()
        first[0].__dlpack__(copy=True)


def test_another_size_has_another_texture(fake) -> None:
    runtime, shapes = fake(FakeRuntime()), []
    reader = CudaReader(lambda array, frame: shapes.append(array.shape))
    with Offscreen(on_draw=reader) as screen:
        for size in ((64, 48), (64, 48), (128, 96)):
            with SyntheticCamera(size=size, format="GREY", frames=1) as small:
                screen.show(next(iter(small)))
    assert shapes == [(48, 64, 4), (48, 64, 4), (96, 128, 4)]
    names = runtime.names()
    assert names.count("cudaGraphicsGLRegisterImage") == names.count("cudaGraphicsUnregisterResource") == 2
    assert names.count("cudaFree") == 1


class Owner:
    alive = 0

    def __init__(self) -> None:
        Owner.alive += 1

    def __del__(self) -> None:
        Owner.alive -= 1


class Tensor:
    """Memory of the CPU in the place of a GPU's, which NumPy can look at."""

    def __init__(self, pixels: np.ndarray, versioned: bool) -> None:
        self.pixels, self.versioned = pixels, versioned

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **wishes: Any) -> object:
        return tensor_capsule(self.pixels.ctypes.data, self.pixels.shape, (1, 0), Owner(), self.versioned)


def test_a_tensor_is_the_memory_and_keeps_its_owner() -> None:
    pixels = np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4)
    for versioned in (True, False):
        tensor = Tensor(pixels, versioned)
        seen = np.from_dlpack(tensor)
        assert seen.shape == (5, 7, 4) and seen.strides == (28, 4, 1) and (seen == pixels).all()
        assert seen.ctypes.data == pixels.ctypes.data and Owner.alive == 1
        del seen
        assert Owner.alive == 0
        capsule = tensor.__dlpack__()
        assert Owner.alive == 1
        del capsule  # nobody consumed it
        assert Owner.alive == 0
