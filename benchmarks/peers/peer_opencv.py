"""OpenCV: VideoCapture on V4L2, with its conversion to BGR or raw."""

import sys

import cv2
from meter import Meter, parse

options = parse("OpenCV", raw="no conversion to BGR")
meter = Meter(options)
capture = cv2.VideoCapture(options.device, cv2.CAP_V4L2)
wanted = {
    cv2.CAP_PROP_FOURCC: cv2.VideoWriter_fourcc(*"YUYV"),
    cv2.CAP_PROP_FRAME_WIDTH: options.width,
    cv2.CAP_PROP_FRAME_HEIGHT: options.height,
    cv2.CAP_PROP_FPS: options.fps,
}
for prop, value in wanted.items():
    capture.set(prop, value)  # a width takes effect only with the height that follows
for prop, value in wanted.items():
    if capture.get(prop) != value:
        sys.exit(f"OpenCV did not take property {prop} = {value}: it is {capture.get(prop)}")
if options.raw:
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
while True:
    ok, picture = capture.read()
    if not ok:
        sys.exit("OpenCV's read() failed")
    # Of the frame just read: OpenCV tells the buffer's own timestamp, in milliseconds.
    if not meter.add(picture, round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)):
        break
capture.release()
meter.print(cv2.__version__)
