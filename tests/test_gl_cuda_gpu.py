"""CudaReader on a GPU: what CUDA sees is the picture. Where there is an NVIDIA driver these tests run, or fail."""

import ctypes
import shutil

import numpy as np
import pytest


def driver() -> bool:
    """Tell whether NVIDIA's driver is on this machine."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return shutil.which("nvidia-smi") is not None
    return True


pytestmark = pytest.mark.skipif(not driver(), reason="no NVIDIA driver: neither libcuda.so.1 nor nvidia-smi")


def on_the_cpu(array) -> np.ndarray:
    from cuda.bindings import runtime

    seen = np.empty(array.shape, np.uint8)
    (status,) = runtime.cudaDeviceSynchronize()
    assert int(status) == 0
    kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
    (status,) = runtime.cudaMemcpy(seen.ctypes.data, array.__cuda_array_interface__["data"][0], seen.nbytes, kind)
    assert int(status) == 0
    return seen


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (62, 50)])
def test_cuda_sees_each_picture(size) -> None:
    import camkit
    from camkit.gl_core import Offscreen

    sources, seen = [], []
    reader = camkit.CudaReader(lambda array, frame: seen.append(on_the_cpu(array)))
    pool = camkit.FramePool(4, format="RGB24", size=size)
    for i, frame in enumerate([pool.acquire() for _ in range(4)]):
        frame.array[:] = np.random.default_rng(i).integers(0, 256, frame.array.shape, np.uint8)
        frame.close()
    keep = lambda frame: sources.append(frame.array.copy())  # noqa: E731
    camkit.Pipeline(camkit.PoolSource(pool, 20), keep, Offscreen(on_draw=reader)).run().check()
    assert len(seen) == 20
    for source, picture in zip(sources, seen, strict=True):
        assert (picture[..., :3] == source).all() and (picture[..., 3] == 255).all()


def test_a_kept_array_is_not_overwritten() -> None:
    import camkit
    from camkit.gl_core import Offscreen

    kept = []

    def keep(array, frame):
        if frame.sequence < 2:
            kept.append((array, on_the_cpu(array)))

    camera = camkit.SyntheticCamera(size=(64, 48), format="YUYV", frames=30, realtime=False)
    camkit.Pipeline(camera, Offscreen(on_draw=camkit.CudaReader(keep))).run()
    assert len(kept) == 2
    for array, then in kept:
        assert (on_the_cpu(array) == then).all()


def test_cupy_takes_it_without_a_copy() -> None:
    cupy = pytest.importorskip("cupy")
    import camkit
    from camkit.gl_core import Offscreen

    same = []

    def look(array, frame):
        taken = cupy.from_dlpack(array)
        same.append(taken.data.ptr == array.__cuda_array_interface__["data"][0])
        same.append(bool((cupy.asnumpy(taken) == on_the_cpu(array)).all()))

    camera = camkit.SyntheticCamera(size=(64, 48), format="YUYV", frames=5, realtime=False)
    camkit.Pipeline(camera, Offscreen(on_draw=camkit.CudaReader(look))).run()
    assert same == [True] * 10
