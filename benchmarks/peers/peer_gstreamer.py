"""GStreamer: v4l2src into an appsink, samples pulled from Python. Needs Debian's python3-gst-1.0."""

import sys

import numpy as np
from meter import Meter, parse

# Debian's bindings belong to no virtual environment; last, so that nothing else comes from there.
sys.path.append("/usr/lib/python3/dist-packages")
import gi  # noqa: E402

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402, F401

options = parse("GStreamer")
meter = Meter(options)
Gst.init(None)
pipeline = Gst.parse_launch(
    f"v4l2src device={options.device} ! video/x-raw,format=YUY2,width={options.width},height={options.height},"
    f"framerate={options.fps}/1 ! appsink name=sink sync=false max-buffers=2"
)
sink = pipeline.get_by_name("sink")
pipeline.set_state(Gst.State.PLAYING)
more = True
while more:
    sample = sink.pull_sample()
    if sample is None:
        sys.exit("GStreamer's stream ended")
    buffer = sample.get_buffer()
    ok, view = buffer.map(Gst.MapFlags.READ)
    # v4l2src has brought the driver's timestamp to its clock, which is the monotonic one, less the base time.
    more = meter.add(np.frombuffer(view.data, np.uint8), buffer.pts + pipeline.base_time)
    buffer.unmap(view)
    del sample, buffer, view
pipeline.set_state(Gst.State.NULL)
meter.print(Gst.version_string().split()[-1])
