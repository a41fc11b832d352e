"""The exceptions of camkit. Each is also the builtin that a user would catch for the same trouble."""

from typing import Any


class CamkitError(Exception):
    """Base of every error that camkit raises on its own account."""


class CameraError(CamkitError, OSError):
    """A camera could not do what was asked; `errno`, `strerror` and `filename` are those of the system."""


class CameraNotFound(CameraError, FileNotFoundError):
    """No such camera, or the thing of that name is not a camera."""


class CameraPermission(CameraError, PermissionError):
    """The system does not let this user open the camera; the message says whom it does."""


class CameraBusy(CameraError):
    """The camera is in use; the message names the process where the system tells."""


class CameraDisconnected(CameraError, ConnectionError):
    """The camera went away while it was in use."""


class CameraTimeout(CameraError, TimeoutError):
    """The camera delivered nothing within the time allowed."""


class RecordingDamaged(CameraError):
    """A recording ends early or holds bytes that were not written so; the message says where, and what is lost."""


class RecordError(CamkitError, OSError):
    """A recording could not be written; `errno`, `strerror` and `filename` are those of the system."""


class RecordingExists(RecordError, FileExistsError):
    """There is a file of the recording's name already."""


class LibraryMissing(CamkitError, ImportError):
    """A library that only this part of camkit needs is not installed; the message says how to."""


class NoSignal(CameraError):
    """The input of the camera has no usable signal, so there is no picture to deliver."""


class SourceChanged(CameraError):
    """What comes in at the camera is another than the stream was made for, and the stream may not follow."""


class ControlNotFound(CamkitError, AttributeError, KeyError):
    """The camera has no control of this name."""

    __str__ = Exception.__str__  # KeyError would show the message in quotes


class ControlReadOnly(CamkitError, AttributeError):
    """The control can be read but not set."""


class FormatNotSupported(CamkitError, ValueError):
    """The camera, or the operation, does not offer the pixel format, size or rate that was asked for."""


class FormatMismatch(FormatNotSupported):
    """A stage or a sink does not take the frames that come to it; the message names both ends.

    Attributes
    ----------
    takes : tuple of FrameSpec
        What it would take.
    """

    takes: tuple[Any, ...] = ()


class ClockUnknown(CamkitError, ValueError):
    """A time cannot be told on another clock, for nobody knows which clock it is on."""


class SettingNotSupported(CamkitError, ValueError):
    """The camera has no such setting (an input, a standard, timings, a crop, a flip), or does not take this value."""


class PoolExhausted(CamkitError, BufferError):
    """Every slot of a pool is in use; the message says by whom.

    Attributes
    ----------
    holders : tuple of SlotHolder
        Who holds what, slot by slot; empty where a camera's own buffers ran out.
    """

    def __init__(self, message: str, *, holders: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.holders = holders


class BackingUnavailable(CamkitError, OSError):
    """A pool cannot have memory of the kind that was asked for; `errno` and `filename` are those of the system."""


class CamkitWarning(RuntimeWarning):
    """Base of every warning that camkit gives on its own account."""


class LeakWarning(CamkitWarning):
    """What can be given back no more: slots in use when their pool was closed, a sink dropped in another thread."""


class AccountError(CamkitError, ArithmeticError):
    """Frames are missing from an account, or are counted twice; the message has the numbers."""


class OutputError(CamkitError, OSError):
    """A trace or a report cannot be written; `errno`, `strerror` and `filename` are those of the system."""


class PipelineError(CamkitError, RuntimeError):
    """A pipeline stopped because of a stage, which the message names; `__cause__` is the stage's own error.

    Attributes
    ----------
    stage : str or None
        Name of the stage.
    sequence : int or None
        Sequence number of the frame it was working on.
    """

    def __init__(self, message: str, *, stage: str | None = None, sequence: int | None = None) -> None:
        super().__init__(message)
        self.stage = stage
        self.sequence = sequence


class StageError(CamkitError, RuntimeError):
    """A stage's function answered that it failed, or what no answer is; or it cannot be used as a stage at all."""


class BadFrame(CamkitError, ValueError):
    """Raised by a stage that can do nothing with its frame: it is counted, and the pipeline goes on with the next."""


class GLError(CamkitError, RuntimeError):
    """OpenGL or EGL refused; the message names the call and the code.

    Attributes
    ----------
    codes : tuple of str
        What glGetError() said, such as ``"GL_INVALID_VALUE"``; empty where it was not asked.
    words : tuple of str
        What the driver said of it in its own words (KHR_debug); they name the call. Empty where it said nothing.
    """

    def __init__(self, message: str, *, codes: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.codes = codes
        self.words = words


class GLInvalidCall(GLError, ValueError):
    """OpenGL took a call for wrong and did nothing: GL_INVALID_ENUM, _VALUE, _OPERATION, _FRAMEBUFFER_OPERATION."""


class GLOutOfMemory(GLError, MemoryError):
    """The GPU, or its driver, has no memory left for what was asked."""


class GLTimeout(GLError, TimeoutError):
    """The GPU did not finish its work within the time allowed: it hangs, or has far too much to do."""


class ContextLost(GLError, ConnectionError):
    """The OpenGL context is gone with all that was in it: the GPU was reset, or EGL was shut down by somebody."""


class DmabufUnavailable(GLError, OSError):
    """The GPU's pictures cannot be had as dma-bufs here; the message says what is missing for each way."""


class CudaError(CamkitError, RuntimeError):
    """CUDA cannot be had, refused, or does not share the OpenGL context; the message says what to do."""


class ShaderError(CamkitError, RuntimeError):
    """A shader did not compile or link; the message holds the driver's log with the source lines."""
