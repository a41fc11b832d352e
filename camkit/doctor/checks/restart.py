"""A second stream while frames of the first are still held."""

from __future__ import annotations

import zlib

import numpy as np

from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.errors import CameraBusy
from camkit.memory_manager import Frame

FRAMES = 8  # of the second stream that may spoil what is held of the first


def restart(exam: Examination) -> Outcome:
    """Keep a frame, start anew, and look whether it is still the same."""
    mode = exam.watched_mode()
    if mode.name is None:
        raise NotPossible(f"camkit knows no format {mode.fourcc}")
    out = Outcome("a new stream starts while frames of the old one are held, and leaves them as they are")
    with exam.camera.camera(mode, corrupt="deliver") as camera:
        camera.start()
        held = camera.read(timeout=exam.patience)
        was = _checksum(held)
        camera.stop()
        refused = ""
        try:
            camera.start()
        except CameraBusy as error:
            refused = error.strerror or str(error)
        else:
            for _ in range(FRAMES):
                camera.read(timeout=exam.patience).close()
        same = _checksum(held) == was
        out.evidence = {"refused": refused or None, "held_frame_unchanged": same}
        held.close()
        if refused:
            camera.start()
            camera.read(timeout=exam.patience).close()
            out.summary = ""
            out.note(
                "a new stream can start only when all frames of the old one are dropped",
                "copy what is to outlive a stream",
            )
        if not same:
            out.summary = ""
            out.problem(
                "a frame that was held changed when the stream was started anew", "copy frames before a restart"
            )
    return out


def _checksum(frame: Frame) -> int:
    value = 0
    for plane in frame.planes:
        value = zlib.crc32(np.ascontiguousarray(plane).data, value)
    return value
