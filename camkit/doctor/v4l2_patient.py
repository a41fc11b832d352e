"""V4l2Patient: a camera of Linux, asked without camkit in between."""

from __future__ import annotations

import errno

from camkit.camera_capture._v4l2.device import Device, code_name, code_text
from camkit.camera_capture._v4l2.io import NAMES
from camkit.camera_capture.info import CameraInfo
from camkit.doctor import v4l2_abi as abi
from camkit.doctor.mode import Layout, Mode, Offer
from camkit.doctor.patient import Memories, Patient
from camkit.doctor.v4l2_node import V4l2Node
from camkit.doctor.v4l2_stream import V4l2Stream
from camkit.errors import CameraDisconnected, CameraError, CamkitError, FormatNotSupported

MEMORIES = {"mmap": abi.MMAP, "userptr": abi.USERPTR, "dmabuf": abi.DMABUF}


class V4l2Patient(Patient):
    """A V4L2 node; see `Patient`. Owns `node`."""

    def __init__(self, info: CameraInfo) -> None:
        super().__init__(info)
        assert info.path is not None
        self.path = info.path
        self.node = V4l2Node(info.path)
        self.capability = self.node.capability
        self._offers: tuple[Offer, ...] | None = None
        with Device(info.path, write=False) as device:
            self.overwrites = device.overwrites

    def offers(self) -> tuple[Offer, ...]:
        if self._offers is None:
            with Device(self.path, write=False) as device:
                self._offers = tuple(
                    Offer(
                        code,
                        code_text(code),
                        code_name(code),
                        compressed,
                        tuple(
                            (size, tuple(device.rates(code, size.width, size.height))) for size in device.sizes(code)
                        ),
                    )
                    for code, _, compressed in device.codes()
                )
        return self._offers

    def try_mode(self, mode: Mode) -> Layout:
        return self.node.try_format(mode.code, mode.width, mode.height)

    def stream(self, mode: Mode, buffers: int = 4) -> V4l2Stream:
        got = self.node.set_format(mode.code, mode.width, mode.height)
        if got[:3] != (mode.code, mode.width, mode.height):
            said = f"{code_text(got.code)} {got.width}x{got.height}"
            raise FormatNotSupported(f"asked for {mode}, the driver gave {said}")
        fps = self.node.rate() if mode.fps is None else self.node.set_rate(mode.fps)
        return V4l2Stream(self.node, mode, buffers, fps)

    def usual_mode(self) -> Mode:
        try:
            return super().usual_mode()
        except CameraError:
            raise
        except (CamkitError, StopIteration):  # camkit cannot take any of it; the driver can be examined all the same
            now = self.node.layout()
            return Mode(now.code, code_text(now.code), None, now.width, now.height, self.node.rate())

    def busy(self) -> CameraError | None:
        try:
            self.node.request_buffers(0)
        except CameraError as error:
            if error.errno == errno.EBUSY:
                return error
            raise
        return None

    def memories(self, mode: Mode, seconds: float) -> Memories:
        kinds, bits = [], 0
        for name, memory in MEMORIES.items():
            try:
                _, more = self.node.request_buffers(0, memory)
            except CameraDisconnected:
                raise
            except CameraError:
                continue
            bits |= more
            kinds.append(name)
        exported, refused = None, ""
        if "mmap" in kinds:
            try:
                self.node.request_buffers(2)
                exported = self.node.export(0)
            except CameraDisconnected:
                raise
            except CameraError as error:
                refused = error.strerror or str(error)
            finally:
                self.node.request_buffers(0)
        can = [name for name, bit in abi.BUF_CAPS.items() if bits & bit]
        return Memories(kinds, can, exported, refused, {} if mode.name is None else self._ways(mode, seconds))

    def _ways(self, mode: Mode, seconds: float) -> dict[str, str]:
        told = {}
        for way in NAMES:
            try:
                with self.camera(mode, io=way, corrupt="deliver") as camera:
                    camera.start()
                    camera.read(timeout=seconds).close()
                    words = next((part for part in camera.explain().split("; ") if part.startswith("io=")), "taken")
                    # Why the others were not taken is news only where nobody asked for one.
                    told[way] = words if way == "auto" else words.partition(", no ")[0]
            except CameraDisconnected:
                raise
            except CameraError as error:
                told[way] = f"refused: {error.strerror}"
        return told

    def restore(self) -> list[str]:
        return self.node.restore()

    def reopen(self) -> None:
        self.node.reopen()

    def close(self) -> None:
        self.node.close()
