"""What a V4L2 stream is like, in words."""

from __future__ import annotations

from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.io import Trials
from camkit.camera_capture.info import Request, StreamInfo

MOMENTS = {"start_of_exposure": "when the exposure began", "end_of_frame": "when the frame was complete"}
CLOCKS = {"monotonic": "the monotonic clock", "copy": "the source's own clock"}


def facts(
    device: Device, stream: StreamInfo, request: Request, trials: Trials, begun: bool, orphans: bool
) -> list[str]:
    """Return what is to be said of a stream.

    Parameters
    ----------
    begun : bool
        It was started once: only then the ring is known.
    orphans : bool
        The driver lets frames of an ended stream live on beside the next.
    """
    words = [f"{device.bus}, V4L2 {'multi' if device.multiplanar else 'single'}-planar API"]
    if begun:
        words.append(f"{request.buffers} buffers asked for, {stream.buffers} got")
        words.append(trials.explain())
        if device.overwrites:
            words.append("each frame is copied, for the driver writes into those that are held")
        elif orphans:
            words.append("frames may outlive the stream")
        else:
            words.append("frames of an ended stream must be dropped before the next one can start")
    size = sum(size for _, size in device.layout[0])
    rows = f"rows {stream.stride} bytes apart, {size} bytes for an image"
    words.append(rows if stream.stride else f"up to {size} bytes for an image")
    if stream.memories > 1:
        words.append(f"planes in {stream.memories} separate memories ({stream.fourcc})")
    words.append("interlaced: every other row is of a later moment" if stream.field == "interlaced" else stream.field)
    if stream.stamp != "unknown":  # known from the first stream on
        clock = CLOCKS.get(stream.clock, "an unknown clock")
        words.append(f"timestamps tell {MOMENTS[stream.stamp]} on {clock}")
    return words
