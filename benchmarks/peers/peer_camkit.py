"""camkit: a for loop over the camera, or a pipeline with one Python stage."""

from meter import Meter, parse

import camkit

options = parse("camkit", pipeline="a Pipeline with a Python stage in place of the loop")
meter = Meter(options)


def stage(frame: camkit.Frame) -> None:
    """Read, and end the pipeline when the meter has enough."""
    if not meter.add(frame.planes[0], frame.timestamp_ns):
        pipeline.stop()


with camkit.open(options.device, format="YUYV", size=(options.width, options.height), fps=options.fps) as camera:
    if options.pipeline:
        pipeline = camkit.Pipeline(camera, stage)
        pipeline.run()
    else:
        for frame in camera:
            with frame:
                if not meter.add(frame.planes[0], frame.timestamp_ns):
                    break
meter.print(camkit.__version__)
