"""linuxpy: its VideoCapture, iterated."""

from importlib.metadata import version

from linuxpy.video.device import BufferType, Device, VideoCapture
from meter import Meter, parse

options = parse("linuxpy")
meter = Meter(options)
with Device(options.device) as device:
    capture = VideoCapture(device)
    capture.set_format(options.width, options.height, "YUYV")
    device.set_fps(BufferType.VIDEO_CAPTURE, options.fps)
    with capture:
        for frame in capture:
            if not meter.add(frame.array, round(frame.timestamp * 1e9)):
                break
meter.print(version("linuxpy"))
