"""memory_manager: pixel formats, pools of fixed buffers, and frames, the leases on them."""

from camkit.memory_manager._clock_map import ClockMap, clock_map
from camkit.memory_manager._description import Colour
from camkit.memory_manager._format import FORMATS, PixelFormat
from camkit.memory_manager._frame import Frame
from camkit.memory_manager._pool import FramePool
from camkit.memory_manager.dmabuf import DmabufPlane
from camkit.memory_manager.driver_buffer import DriverBuffer, DriverPlane, DriverTimecode
from camkit.memory_manager.pool_stats import PoolStats, SlotHolder
from camkit.memory_manager.raw_memory import RawMemory

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
    "PoolStats",
    "RawMemory",
    "SlotHolder",
    "clock_map",
]
