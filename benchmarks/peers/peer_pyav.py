"""PyAV: FFmpeg's v4l2 input, frames decoded or its packets taken as they are."""

import av
import numpy as np
from meter import Meter, parse

options = parse("PyAV", packets="the packets' bytes, not decoded into frames")
meter = Meter(options)
settings = {"video_size": options.size, "framerate": str(options.fps), "input_format": "yuyv422"}
with av.open(options.device, format="v4l2", options=settings) as container:
    for item in container.demux(video=0) if options.packets else container.decode(video=0):
        # The driver's timestamp as it is, in units of the time base (microseconds).
        timestamp_ns = round(item.pts * item.time_base * 1_000_000_000)
        pixels = np.frombuffer(item if options.packets else item.planes[0], np.uint8)
        if not meter.add(pixels, timestamp_ns):
            break
        del pixels, item
meter.print(av.__version__)
