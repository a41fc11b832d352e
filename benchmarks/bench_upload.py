"""A frame's way into textures: each way of the ladder, and other libraries into textures of the same layout, beside a
plain copy of the same bytes.

A group is one format and size: `memcpy` is the floor of any way that copies once. The GPU's part is in the times, for
every round ends with glFinish. `extra_info` has GB/s, and `of_memcpy`, the share of a copy's speed: both were measured
by turns for it, so that a busy machine slows them alike. `bench_beside_peers` takes the way that the ladder takes by
itself and all peers by turns: `of_best_peer` is its speed in times that of the fastest of them. On a GPU of NVIDIA's
the bytes also go to the GPU by cudaMemcpy from pinned memory, which is what its bus can do, and each of our ways has
`of_cuda_memcpy`.
"""

import contextlib
import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.cuda_copy import PinnedCopy
from benchmarks.gl_peers import adopted_by_moderngl, by_turns, clean_slate, filled
from camkit.errors import CudaError, GLError
from camkit.gl_core import Offscreen
from camkit.gl_core._ladder import Ladder
from camkit.gl_core._share_group import ShareGroup
from camkit.gl_core.context import headless
from camkit.gl_core.gpu_memory import Keeper, gpu_pool
from camkit.gl_core.transfers import CANDIDATES
from camkit.memory_manager import FORMATS, Frame, FramePool

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
PLACES = 3  # textures anew: where memory happens to lie makes some hundredths
FORMATS_MEASURED = ["GREY", "YUYV", "NV12", "RGBA32"]

Action = Callable[[], object]


@pytest.fixture
def context():
    made = headless()
    yield made
    made.destroy()


@pytest.fixture(scope="module", params=[(f, s) for s in SIZES for f in FORMATS_MEASURED], ids="-".join)
def frame(request):
    name, size = request.param
    return filled(FramePool(1, format=name, size=SIZES[size]).acquire())


def as_dmabuf(frame: Frame, cython_loop, renderer: str) -> Frame:
    """Return a frame in memory that can be imported, or the same one where there is none: the way then says so."""
    for backing in ("udmabuf", "dma-heap"):
        with contextlib.suppress(OSError):
            return filled(FramePool(1, format=frame.format, size=frame.size, backing=backing).acquire())
    if "llvmpipe" not in renderer:
        return frame
    pool = FramePool(1, format=frame.format, size=frame.size, backing="memfd", alignment=4096)
    return cython_loop("gl_loop").stand_in(filled(pool.acquire()), pool.fd, pool.pitch)


def for_the_gpu(context, pinned: bool, frame: Frame) -> Frame:
    """Return a frame in memory that the GPU reads by itself."""
    context.functions.group = ShareGroup(Keeper(lambda: headless(share=context)))
    return filled(gpu_pool(context.functions.group, 1, format=frame.format, size=frame.size, pinned=pinned).acquire())


def copying(frame) -> Action:
    pairs = [(np.empty_like(plane), plane) for plane in frame.planes]
    for to, _ in pairs:
        to[:] = 0  # no page fault is measured

    def copy() -> None:
        for to, plane in pairs:
            np.copyto(to, plane)

    return copy


def texels(frame) -> list[np.ndarray]:
    """The planes as a texture has them: (rows, columns, channels) uint8, two pixels of YUYV in one texel."""
    found = []
    for plane in frame.planes:
        rows = plane.reshape(plane.shape[0], -1)
        channels = 4 if frame.format in ("YUYV", "RGBA32") else 2 if plane.ndim == 3 else 1
        found.append(rows.reshape(rows.shape[0], -1, channels))
    return found


def by_pyopengl(context, frame) -> Action:
    from OpenGL import GL

    kinds = {1: (GL.GL_R8, GL.GL_RED), 2: (GL.GL_RG8, GL.GL_RG), 4: (GL.GL_RGBA8, GL.GL_RGBA)}
    planes = texels(frame)
    textures = GL.glGenTextures(len(planes))
    textures = [textures] if len(planes) == 1 else list(textures)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
    GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 0)
    for texture, plane in zip(textures, planes, strict=True):
        GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
        internal, kind = kinds[plane.shape[2]]
        shape = plane.shape[1], plane.shape[0]
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, internal, *shape, 0, kind, GL.GL_UNSIGNED_BYTE, None)

    def upload() -> None:
        for texture, plane in zip(textures, planes, strict=True):
            rows, columns, channels = plane.shape
            GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
            GL.glTexSubImage2D(
                GL.GL_TEXTURE_2D, 0, 0, 0, columns, rows, kinds[channels][1], GL.GL_UNSIGNED_BYTE, plane
            )  # fmt: skip
        GL.glFinish()

    return upload


def by_moderngl(context, frame) -> Action:
    adopted = adopted_by_moderngl(context)
    planes = texels(frame)
    textures = [adopted.texture((p.shape[1], p.shape[0]), p.shape[2], alignment=1) for p in planes]

    def upload() -> None:
        for texture, plane in zip(textures, planes, strict=True):
            texture.write(plane)
        adopted.finish()

    return upload


def by_vispy(context, frame) -> Action:
    from vispy import gloo
    from vispy.gloo.context import FakeCanvas, set_current_canvas

    finish = ctypes.CFUNCTYPE(None)(context.get_proc("glFinish"))
    gloo.gl.use_gl("gl2")
    canvas = FakeCanvas()
    set_current_canvas(canvas)
    planes = texels(frame)
    kinds = {1: "r8", 2: "rg8", 4: "rgba8"}
    textures = [gloo.Texture2D(plane, internalformat=kinds[plane.shape[2]]) for plane in planes]
    for texture in textures:
        canvas.context.glir.associate(texture.glir)  # what drawing with it would do

    def upload() -> None:
        for texture, plane in zip(textures, planes, strict=True):
            texture.set_data(plane)
        canvas.flush()
        finish()

    return upload


PEERS = {"PyOpenGL": by_pyopengl, "moderngl": by_moderngl, "vispy": by_vispy}


def measure(benchmark, frame, upload: Action) -> None:
    upload()
    copied, uploaded = by_turns(copying(frame), upload)
    benchmark.group = f"upload {frame.format} {frame.width}x{frame.height}"
    benchmark.extra_info |= {"format": frame.format, "size": list(frame.size), "us": round(uploaded * 1e6, 1)}
    benchmark.extra_info["gb_per_s"] = round(frame.nbytes / uploaded / 1e9, 2)
    benchmark.extra_info["of_memcpy"] = round(copied / uploaded, 3)
    benchmark.pedantic(upload, rounds=max(5, min(1000, int(0.4 / uploaded))))


def beside_cuda(benchmark, context, nbytes: int, upload: Action) -> None:
    """Note the share of what cudaMemcpy does with as many pinned bytes, where the GPU is of NVIDIA's."""
    if "NVIDIA" in context.description["vendor"]:
        with PinnedCopy(nbytes) as copied:
            theirs, ours = by_turns(copied.copy, upload)
        benchmark.extra_info["of_cuda_memcpy"] = round(theirs / ours, 3)


def bench_memcpy(benchmark, frame) -> None:
    measure(benchmark, frame, copying(frame))


def bench_cuda_memcpy(benchmark, context, frame) -> None:
    """From pinned memory to the GPU's: the limit of every way to a GPU of NVIDIA's."""
    try:
        copied = PinnedCopy(frame.nbytes)
    except CudaError as error:
        if "NVIDIA" in context.description["vendor"]:  # there it is the measure of all
            raise
        pytest.skip(str(error))
    with copied:
        measure(benchmark, frame, copied.copy)


@pytest.mark.parametrize("way", [row.name for row in CANDIDATES])
def bench_upload(benchmark, context, frame, cython_loop, way: str) -> None:
    row = next(row for row in CANDIDATES if row.name == way)
    try:
        if row.tier.startswith("0"):
            frame = as_dmabuf(frame, cython_loop, context.description["renderer"])
        elif row.tier.startswith("1"):
            frame = for_the_gpu(context, row.name == "pinned", frame)
        ladder = Ladder(context.functions, FORMATS[frame.format], *frame.size, frame.strides, way)
        ladder.fill(frame)
    except GLError as error:
        if row.name == "client":  # the one that no driver may refuse
            raise
        pytest.skip(str(error))
    measure(benchmark, frame, lambda: ladder.fill(frame))
    beside_cuda(benchmark, context, frame.nbytes, lambda: ladder.fill(frame))
    benchmark.extra_info["tier"] = row.tier
    ladder.delete()


def bench_beside_peers(benchmark, context, frame) -> None:
    times, clean = [], clean_slate(context)
    for _ in range(PLACES):
        clean()  # an error that a peer left would count against our first call
        ladder = Ladder(context.functions, FORMATS[frame.format], *frame.size, frame.strides)
        ladder.fill(frame)
        actions = [lambda ladder=ladder: ladder.fill(frame), *(make(context, frame) for make in PEERS.values())]
        times.append(by_turns(*actions, seconds=0.7, before=clean))
    ours, *theirs = np.min(times, axis=0)
    for peer, took in zip(PEERS, theirs, strict=True):
        benchmark.extra_info[f"of_{peer.lower()}"] = round(took / ours, 3)
    benchmark.extra_info["of_best_peer"] = round(min(theirs) / ours, 3)
    benchmark.extra_info["transfer"] = ladder.transfer
    measure(benchmark, frame, lambda: ladder.fill(frame))
    beside_cuda(benchmark, context, frame.nbytes, lambda: ladder.fill(frame))


@pytest.mark.parametrize("peer", PEERS)
def bench_peer(benchmark, context, frame, peer: str) -> None:
    measure(benchmark, frame, PEERS[peer](context, frame))


def bench_upload_and_conversion(benchmark, frame) -> None:
    with Offscreen() as screen:
        measure(benchmark, frame, lambda: screen.show(frame))
        benchmark.extra_info["renderer"] = screen.description["renderer"]
        benchmark.extra_info["transfer"] = screen.transfer["path"]
