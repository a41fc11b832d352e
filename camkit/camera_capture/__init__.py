"""Cameras as sources of frames."""

from camkit.camera_capture._backend import Backend
from camkit.camera_capture._recording.recorder import Recorder
from camkit.camera_capture._synthetic import bar_colours, read_stamp
from camkit.camera_capture.camera import Camera, SyntheticCamera
from camkit.camera_capture.control import Control
from camkit.camera_capture.controls import Controls
from camkit.camera_capture.hotplug import CameraEvent, Watch, watch
from camkit.camera_capture.info import CameraInfo, FormatInfo, FrameSize, Request, StreamInfo
from camkit.camera_capture.registry import list_cameras, list_formats, open

__all__ = [
    "Backend",
    "Camera",
    "CameraEvent",
    "CameraInfo",
    "Control",
    "Controls",
    "FormatInfo",
    "FrameSize",
    "Recorder",
    "Request",
    "StreamInfo",
    "SyntheticCamera",
    "Watch",
    "bar_colours",
    "list_cameras",
    "list_formats",
    "open",
    "read_stamp",
    "watch",
]
