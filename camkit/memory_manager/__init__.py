"""memory_manager: pixel formats, pools of fixed buffers, and frames, the leases on them."""

from camkit.memory_manager._clock_map import ClockMap, clock_map
from camkit.memory_manager._format import FORMATS, PixelFormat
from camkit.memory_manager._frame import Colour, Frame
from camkit.memory_manager._pool import FramePool
from camkit.memory_manager.dmabuf import DmabufPlane
from camkit.memory_manager.driver_buffer import DriverBuffer, DriverPlane, DriverTimecode

__all__ = [
    "FORMATS",
    "ClockMap",
    "Colour",
    "DmabufPlane",
    "DriverBuffer",
    "DriverPlane",
    "DriverTimecode",
    "Frame",
    "FramePool",
    "PixelFormat",
    "clock_map",
]
