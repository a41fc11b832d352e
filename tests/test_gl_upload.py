"""Uploads: each way is proved on the real driver, measured, and told about."""

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from camkit import Pipeline, SyntheticCamera
from camkit.errors import GLError
from camkit.gl_core import Offscreen
from camkit.gl_core._gl import Functions
from camkit.gl_core._ladder import Ladder
from camkit.gl_core.context import Context, headless
from camkit.gl_core.transfers import NAMES
from camkit.memory_manager import FORMATS, FramePool, RawMemory

DRAWN = [row for row in FORMATS.values() if not row.compressed]
SIZE = (66, 34)
ANYWHERE = ["client", "pbo", "orphan"]  # ways that take frames from any memory


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    made = headless()
    yield made
    made.destroy()


def strides_of(row, width: int, padding: int) -> list[int]:
    return [row.row_bytes(width, plane) + padding * row.itemsize for plane in range(len(row.planes))]


@pytest.mark.parametrize("padding", [0, 7, 64])
@pytest.mark.parametrize("transfer", ANYWHERE)
@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_every_way_is_proved_for_every_format(context: Context, row, transfer: str, padding: int) -> None:
    context.make_current()
    ladder = Ladder(context.functions, row, *SIZE, strides_of(row, SIZE[0], padding), transfer)
    assert ladder.transfer == transfer
    assert ladder.measured_us[transfer] > 0
    assert ladder.refused == {
        name: f"not asked for (transfer={transfer!r})" for name in NAMES if name not in (transfer, "auto")
    }
    ladder.delete()
    ladder.delete()
    assert context.functions.errors() == []


def without(context: Context, *names: str) -> Functions:
    """Functions of a driver that lacks some."""
    return Functions(lambda name: 0 if name in names else context.get_proc(name))


def test_without_persistent_mapping_the_buffer_is_refused_with_the_reason(context: Context) -> None:
    context.make_current()
    functions = without(context, "glBufferStorage")
    ladder = Ladder(functions, FORMATS["YUYV"], 640, 480, [1280])
    assert ladder.transfer in ("client", "orphan")
    assert "GL_ARB_buffer_storage" in ladder.refused["pbo"]
    ladder.delete()
    with pytest.raises(GLError, match="cannot upload YUYV.*2b pbo: .*GL_ARB_buffer_storage.*; no other way was asked"):
        Ladder(functions, FORMATS["YUYV"], 640, 480, [1280], "pbo")


def test_a_mapped_buffer_of_the_gpu_is_memory_of_a_pool(context: Context) -> None:
    from OpenGL import GL

    context.make_current()
    slots, nbytes = 2, 64 * 32
    name = GL.glGenBuffers(1)
    GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, name)
    access = GL.GL_MAP_WRITE_BIT | GL.GL_MAP_READ_BIT | GL.GL_MAP_PERSISTENT_BIT | GL.GL_MAP_COHERENT_BIT
    GL.glBufferStorage(GL.GL_PIXEL_UNPACK_BUFFER, slots * nbytes, None, access)
    address = GL.glMapBufferRange(GL.GL_PIXEL_UNPACK_BUFFER, 0, slots * nbytes, access)
    memory = [RawMemory(address + i * nbytes, nbytes) for i in range(slots)]
    with FramePool.wrap(memory, format="GREY", size=(64, 32)) as pool:
        frames = [pool.acquire(), pool.acquire()]
        for frame in frames:
            frame.array[:] = np.arange(nbytes, dtype=np.uint8).reshape(32, 64) + 1 + frame.slot
        GL.glFinish()
        seen = np.empty((slots, 32, 64), np.uint8)
        GL.glGetBufferSubData(GL.GL_PIXEL_UNPACK_BUFFER, 0, slots * nbytes, seen)
        for frame in frames:
            np.testing.assert_array_equal(seen[frame.slot], frame.array)
            frame.close()
    GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
    GL.glDeleteBuffers(1, [name])
    assert context.functions.errors() == []


def test_without_immutable_textures_it_works_as_well(context: Context) -> None:
    context.make_current()
    ladder = Ladder(without(context, "glTexStorage2D"), FORMATS["NV12"], 64, 32, [64, 64])
    assert ladder.transfer in ANYWHERE
    ladder.delete()
    assert context.functions.errors() == []


def test_a_driver_that_swallows_uploads_is_found_out(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    # A call that does something else than it says: glFlush in the place of glTexSubImage2D.
    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", "off")  # it has the name of one that does not
    context.make_current()

    def swallow(name: str) -> int:
        return context.get_proc("glFlush" if name == "glTexSubImage2D" else name)

    with pytest.raises(GLError, match="client: wrong: the GPU read back other bytes.*pbo: wrong.*orphan: wrong"):
        Ladder(Functions(swallow), FORMATS["GREY"], 64, 32, [64])
    assert context.functions.errors() == []


def test_a_stride_that_is_no_multiple_of_a_texel_is_told(context: Context) -> None:
    context.make_current()
    ladder = Ladder(context.functions, FORMATS["YUYV"], 64, 8, [130], "client")
    assert ladder.layout.row_by_row
    assert "row by row" in ladder.explain()
    ladder.delete()


def test_textures_are_filled_with_frames_of_their_own_kind_only(context: Context) -> None:
    context.make_current()
    ladder = Ladder(context.functions, FORMATS["GREY"], 64, 32, [64])
    with FramePool(1, format="GREY", size=(64, 32)) as pool, pool.acquire() as frame:
        ladder.fill(frame)
    small = FramePool(1, format="GREY", size=(32, 32)).acquire()
    with pytest.raises(ValueError, match="does not fit textures for GREY 64x32"):
        ladder.fill(small)
    ladder.delete()
    assert context.functions.errors() == []


def test_an_unknown_way_is_refused(context: Context) -> None:
    context.make_current()
    with pytest.raises(ValueError, match="transfer is 'fast'; there are 'auto', .*'client', 'pbo'"):
        Ladder(context.functions, FORMATS["GREY"], 64, 32, [64], "fast")
    with pytest.raises(ValueError, match="transfer is 'fast'"):
        Offscreen(transfer="fast")


class Watched(Offscreen):
    """Writes down what is asked about buffers and fences, on a GPU that seems busy to whoever does not really wait."""

    def _open_context(self) -> Context:
        context = super()._open_context()
        self.calls: list[tuple[Any, ...]] = []
        self.kept: list[Any] = []
        context.functions = Functions(lambda name: self._watched(name, context.get_proc(name)))
        return context

    def _watched(self, name: str, address: int) -> int:
        types = WATCHED.get(name)
        if types is None:
            return address
        real = ctypes.CFUNCTYPE(*types)(address)

        def call(*args: Any) -> Any:
            busy = name == "glClientWaitSync" and args[2] < 1_000_000_000
            answer = TIMEOUT_EXPIRED if busy else real(*args)
            self.calls.append((name, *args, answer))
            return answer

        self.kept.append(ctypes.CFUNCTYPE(*types)(call))
        return ctypes.cast(self.kept[-1], ctypes.c_void_p).value or 0


UNPACK_BUFFER, SIGNALED, TIMEOUT_EXPIRED = 0x88EC, (0x911A, 0x911C), 0x911B
WATCHED = {
    "glBindBuffer": (None, ctypes.c_uint, ctypes.c_uint),
    "glFenceSync": (ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint),
    "glClientWaitSync": (ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint64),
    "glDeleteSync": (None, ctypes.c_void_p),
    "glDeleteBuffers": (None, ctypes.c_int, ctypes.c_void_p),
}


@pytest.mark.parametrize("transfer", ["client", "pbo"])
def test_no_buffer_is_filled_while_a_frame_in_flight_reads_it(transfer: str) -> None:
    seen: list[np.ndarray] = []
    with SyntheticCamera((64, 48), format="GREY", realtime=False) as camera, Watched(transfer=transfer) as screen:
        stats = Pipeline(camera, lambda frame: seen.append(frame.array.copy()), screen, policy="block").run(frames=200)
        assert (screen.readback() == seen[199][:, :, None]).all()
        assert screen.transfer["path"] == transfer
    assert stats.frames.displayed == 200
    assert screen.stats().copied_bytes == 200 * 64 * 48

    # The fence that comes next after a buffer was bound is behind the GPU's reading of it; others are behind drawings.
    reading: dict[int, int] = {}
    signaled: set[int] = set()
    in_flight: set[int] = set()
    filled = reused = most = 0
    for name, *args, answer in screen.calls:
        if name == "glBindBuffer" and args[0] == UNPACK_BUFFER and args[1]:
            filled = args[1]
            if filled in reading:
                reused += 1
                assert reading.pop(filled) in signaled, f"buffer {filled} is filled while the GPU may read it"
        elif name == "glFenceSync":
            signaled.discard(answer)
            if filled:
                reading[filled] = answer
            else:
                in_flight.add(answer)
                most = max(most, len(in_flight))
            filled = 0
        elif name == "glClientWaitSync" and answer in SIGNALED:
            signaled.add(args[0])
        elif name == "glDeleteBuffers":
            reading.clear()  # those of a trial, all of them
        elif name == "glDeleteSync":
            in_flight.discard(args[0])
    assert most == 3, "drawings were under way together"
    assert reused >= 194 if transfer == "pbo" else reused == 0
