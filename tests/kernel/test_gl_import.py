"""The driver's memory is the texture: every frame, byte for byte, and nobody copies anything."""

from __future__ import annotations

import numpy as np
import pytest

import camkit
from camkit.gl_core import Offscreen
from camkit.memory_manager import FramePool
from tests.kernel.conftest import vivid_of

TIERS = {"udmabuf": "0a", "expbuf": "0b", "dma-heap": "0c"}
SIZE = 320, 180


def moving(device) -> None:
    """Let every picture be another one."""
    device.set("Horizontal Movement", 6)
    device.set("OSD Text Mode", 0)


class Looked(Offscreen):
    """Reads the textures themselves, as a user's own renderer would."""

    def __init__(self, transfer: str = "import") -> None:
        super().__init__(transfer=transfer, live=True, on_draw=self.look)
        self.seen: list[np.ndarray] = []

    def look(self, ctx, textures) -> None:
        from OpenGL import GL

        byte, short = (GL.GL_UNSIGNED_BYTE, np.uint8), (GL.GL_UNSIGNED_SHORT, np.uint16)
        kinds = {"R8": (GL.GL_RED, *byte, 1), "RG8": (GL.GL_RG, *byte, 2), "RGBA8": (GL.GL_RGBA, *byte, 4)}
        kinds["R16"] = (GL.GL_RED, *short, 1)
        self.seen.clear()
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        for texture in textures:
            layout, kind, dtype, samples = kinds[texture.format]
            out = np.empty((texture.size[1], texture.size[0] * samples), dtype)
            GL.glBindTexture(GL.GL_TEXTURE_2D, texture.name)
            GL.glGetTexImage(GL.GL_TEXTURE_2D, 0, layout, kind, out)
            self.seen.append(out.view(np.uint8))


def memory_of(frame) -> list[np.ndarray]:
    """Rows of each plane as bytes, without padding."""
    return [plane.copy().view(np.uint8).reshape(len(plane), -1) for plane in frame.planes]


@pytest.mark.parametrize("name", ["YUYV", "NV12", "Y16", "RGB24", "YU12"])
@pytest.mark.parametrize("way", TIERS)
def test_the_texture_is_the_memory_on_every_frame(vivid, way: str, name: str) -> None:
    moving(vivid)
    before: list[np.ndarray] = []
    with camkit.open(vivid.path, format=name, size=SIZE, fps=120, io=way) as camera, Looked() as screen:
        for number in range(12):
            with camera.read() as frame:
                screen.show(frame)
                memory = memory_of(frame)
                assert len(screen.seen) == len(memory)
                for texture, plane in zip(screen.seen, memory, strict=True):
                    assert np.array_equal(texture, plane), number
                assert number == 0 or not np.array_equal(memory[0], before[0]), "every picture is another one"
                before = memory
        assert f"tier {TIERS[way]}" in screen.explain() and "4 import(s) for 12 frame(s)" in screen.explain()
        stats = screen.stats()
        assert (stats.displayed, stats.copies, stats.copied_bytes, stats.fallbacks) == (12, 0, 0, 0)


@pytest.mark.parametrize("name", ["YUYV", "NV12", "RGB24"])
@pytest.mark.parametrize("way", ["client", "pbo", "orphan"])
def test_what_is_copied_is_the_memory_too(vivid, way: str, name: str) -> None:
    moving(vivid)
    with camkit.open(vivid.path, format=name, size=SIZE, fps=120) as camera, Looked(way) as screen:
        for number in range(6):
            with camera.read() as frame:
                screen.show(frame)
                for texture, plane in zip(screen.seen, memory_of(frame), strict=True):
                    assert np.array_equal(texture, plane), number
        stats = screen.stats()
        assert screen.transfer["path"] == way and (stats.displayed, stats.copies, stats.fallbacks) == (6, 6, 0)


def test_the_texture_is_the_memory_of_a_usb_webcam(webcam) -> None:
    with camkit.open(webcam.path, format="YUYV", size=(640, 480), fps=30, io="expbuf") as camera, Looked() as screen:
        for number in range(6):
            with camera.read() as frame:
                screen.show(frame)
                (texture,), (plane,) = screen.seen, memory_of(frame)
                assert np.array_equal(texture, plane), number
        assert "tier 0b" in screen.explain()
        stats = screen.stats()
        assert (stats.displayed, stats.copies, stats.copied_bytes, stats.fallbacks) == (6, 0, 0, 0)


@pytest.mark.parametrize("way", ["expbuf", "udmabuf"])
def test_planes_in_memories_of_their_own(way: str) -> None:
    path = vivid_of(1).path
    with (
        camkit.open(path, format="NM12", size=SIZE, fps=120, io=way) as camera,
        Offscreen(transfer="import") as imported,
        Offscreen(transfer="client") as copied,
    ):
        for _ in range(6):
            with camera.read() as frame:
                assert len({plane.fd for plane in frame.dmabufs}) == 2
                imported.show(frame)
                copied.show(frame)
                assert np.array_equal(imported.readback(), copied.readback())
        assert imported.stats().copied_bytes == 0


@pytest.mark.parametrize("way", TIERS)
def test_a_pipeline_copies_nothing(vivid, way: str) -> None:
    with camkit.open(vivid.path, format="NV12", size=SIZE, fps=120, io=way, buffers=8, timeout=600) as camera:
        screen = Offscreen(transfer="import")  # which way is the fastest depends on what else runs
        stats = camkit.Pipeline(camera, screen, policy="block").run(frames=40)
    assert screen.transfer["path"] == "import", screen.explain()
    assert stats.frames.delivered == stats.frames.displayed == 40
    assert stats.copies.per_frame == 0 and stats.copies.bytes_per_frame == 0


def test_a_camera_that_starts_again_has_other_buffers(vivid) -> None:
    camera = camkit.open(vivid.path, format="GREY", size=SIZE, fps=120, io="udmabuf")
    with camera, Offscreen(transfer="import") as screen:
        for _ in range(2):
            for _ in range(40):
                with camera.read() as frame:
                    screen.show(frame)
                    assert np.array_equal(screen.readback()[..., 0], frame.array)
            camera.stop()
            camera.start()
        assert "8 import(s) for 80 frame(s)" in screen.explain()
        assert screen.stats().fallbacks == 0


def test_frames_without_dmabufs_are_refused_with_why(vivid) -> None:
    with camkit.open(vivid.path, format="GREY", size=SIZE, fps=120, io="userptr") as camera, Offscreen() as screen:
        with camera.read() as frame:
            screen.show(frame)
        assert screen.transfer["path"] != "import"
        assert "the frames have no dma-bufs (userptr memory)" in screen.transfer["refused"]["import"]


@pytest.mark.timeout(1200)
def test_no_frame_of_ten_thousand_is_torn_in_real_dmabufs(gl_nodes) -> None:
    """As tests/test_gl_torn.py, which shows that it would be seen: here one processor writes and draws by turns."""
    with FramePool(3, format="GREY", size=(160, 120), backing="udmabuf") as pool:
        sink = gl_nodes.Torn(False, transfer="import")
        stats = camkit.Pipeline(camkit.PoolSource(pool, frames=20_000), gl_nodes.Stamp(), sink, policy="block").run()
        assert 2 * sink.seen == stats.frames.displayed == 20_000
        assert (sink.torn, sink.wrong, sink.stats().fallbacks, stats.copies.per_frame) == (0, 0, 0, 0)
