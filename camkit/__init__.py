"""camkit: a camera's frames in Python and on the GPU, without a needless copy.

>>> import camkit
>>> with camkit.open("synthetic") as camera:
...     for frame in camera:
...         print(frame.sequence, frame.timestamp_ns, frame.array.shape)
...         break
0 ... (480, 640, 2)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from camkit._data import get_include
from camkit.camera_capture import (
    Camera,
    CameraInfo,
    Recorder,
    SyntheticCamera,
    list_cameras,
    open,
    read_stamp,
    watch,
)
from camkit.errors import (
    AccountError,
    BackingUnavailable,
    BadFrame,
    CameraBusy,
    CameraDisconnected,
    CameraError,
    CameraNotFound,
    CameraPermission,
    CameraTimeout,
    CamkitError,
    CamkitWarning,
    ClockUnknown,
    ControlNotFound,
    ControlReadOnly,
    FormatMismatch,
    FormatNotSupported,
    GLError,
    LeakWarning,
    LibraryMissing,
    NoSignal,
    OutputError,
    PipelineError,
    PoolExhausted,
    RecordError,
    RecordingDamaged,
    RecordingExists,
    SettingNotSupported,
    ShaderError,
    SourceChanged,
    StageError,
)
from camkit.memory_manager import (
    FORMATS,
    ClockMap,
    DmabufPlane,
    DriverBuffer,
    Frame,
    FramePool,
    PixelFormat,
    PoolStats,
    RawMemory,
    SlotHolder,
    clock_map,
)
from camkit.performance_core import (
    DROP,
    Branch,
    BranchStats,
    CFrame,
    Copies,
    Copy,
    CStage,
    Drops,
    Every,
    FrameCounts,
    FrameQueue,
    FrameSpec,
    Histogram,
    LinkStats,
    Match,
    NullSink,
    Parallel,
    Pipeline,
    PipelineStats,
    PoolSource,
    PyStage,
    Sink,
    SinkStats,
    Source,
    SourceStats,
    Stage,
    StageStats,
    Step,
    Summary,
    Tee,
    ThreadPool,
    ThreadPoolStats,
    ThreadStats,
    Trace,
)

if TYPE_CHECKING:
    from camkit.gl_core import Offscreen, Viewer
    from camkit.performance_core.stages import jit as jit

__version__ = "0.1.0"

__all__ = [
    "DROP",
    "FORMATS",
    "AccountError",
    "BackingUnavailable",
    "BadFrame",
    "Branch",
    "BranchStats",
    "CFrame",
    "CStage",
    "Camera",
    "CameraBusy",
    "CameraDisconnected",
    "CameraError",
    "CameraInfo",
    "CameraNotFound",
    "CameraPermission",
    "CameraTimeout",
    "CamkitError",
    "CamkitWarning",
    "ClockMap",
    "ClockUnknown",
    "ControlNotFound",
    "ControlReadOnly",
    "Copies",
    "Copy",
    "DmabufPlane",
    "DriverBuffer",
    "Drops",
    "Every",
    "FormatMismatch",
    "FormatNotSupported",
    "Frame",
    "FrameCounts",
    "FramePool",
    "FrameQueue",
    "FrameSpec",
    "GLError",
    "Histogram",
    "LeakWarning",
    "LibraryMissing",
    "LinkStats",
    "Match",
    "NoSignal",
    "NullSink",
    "Offscreen",
    "OutputError",
    "Parallel",
    "Pipeline",
    "PipelineError",
    "PipelineStats",
    "PixelFormat",
    "PoolExhausted",
    "PoolSource",
    "PoolStats",
    "PyStage",
    "RawMemory",
    "RecordError",
    "Recorder",
    "RecordingDamaged",
    "RecordingExists",
    "SettingNotSupported",
    "ShaderError",
    "Sink",
    "SinkStats",
    "SlotHolder",
    "Source",
    "SourceChanged",
    "SourceStats",
    "Stage",
    "StageError",
    "StageStats",
    "Step",
    "Summary",
    "SyntheticCamera",
    "Tee",
    "ThreadPool",
    "ThreadPoolStats",
    "ThreadStats",
    "Trace",
    "Viewer",
    "clock_map",
    "get_include",
    "list_cameras",
    "open",
    "read_stamp",
    "watch",
]


def __getattr__(name: str) -> Any:
    # OpenGL is loaded when it is first wanted: a robot without a GPU imports camkit too.
    if name == "jit":  # and Numba only by who compiles stages with it
        return import_module("camkit.performance_core.stages.jit")
    if name in ("Offscreen", "Viewer"):
        return getattr(import_module("camkit.gl_core"), name)
    raise AttributeError(f"module 'camkit' has no attribute {name!r}")
