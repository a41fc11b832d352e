"""Exit codes of the command, and the one line that each failure gets."""

from __future__ import annotations

from enum import IntEnum

from camkit.errors import (
    CameraBusy,
    CameraDisconnected,
    CameraNotFound,
    CameraPermission,
    CameraTimeout,
    CamkitError,
    FormatNotSupported,
    GLError,
    NoSignal,
    SettingNotSupported,
    ShaderError,
    SourceChanged,
)


class ExitCode(IntEnum):
    """What the command tells the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_CAMERA = 3
    BUSY = 4
    FORMAT = 5
    DISCONNECTED = 6
    TIMEOUT = 7
    GL = 8
    PERMISSION = 9
    PROBLEM = 10


MEANINGS = {
    ExitCode.OK: "frames flowed (list, info: done; doctor: no problem found)",
    ExitCode.FAILED: "no frame flowed, or a failure that has no code of its own",
    ExitCode.USAGE: "bad argument",
    ExitCode.NO_CAMERA: "no such device, or not a camera",
    ExitCode.BUSY: "another program holds the camera",
    ExitCode.FORMAT: "the format, size, rate or setting is not offered, or cannot be drawn",
    ExitCode.DISCONNECTED: "the camera went away",
    ExitCode.TIMEOUT: "the camera stopped delivering frames",
    ExitCode.GL: "OpenGL failed",
    ExitCode.PERMISSION: "this user may not open the camera",
    ExitCode.PROBLEM: "doctor found a problem",
}

_CODES: list[tuple[type[BaseException], ExitCode]] = [
    (CameraNotFound, ExitCode.NO_CAMERA),
    (CameraPermission, ExitCode.PERMISSION),
    (CameraBusy, ExitCode.BUSY),
    (CameraDisconnected, ExitCode.DISCONNECTED),
    (CameraTimeout, ExitCode.TIMEOUT),
    (NoSignal, ExitCode.TIMEOUT),
    (FormatNotSupported, ExitCode.FORMAT),
    (SettingNotSupported, ExitCode.FORMAT),
    (SourceChanged, ExitCode.FORMAT),
    (GLError, ExitCode.GL),
    (ShaderError, ExitCode.GL),
]

# Advice for Python, as it is followed on the command line.
_OPTIONS = {'match="nearest"': "--nearest", 'display="headless" (camkit.Offscreen)': "--display headless"}


class UsageError(CamkitError, ValueError):
    """An argument that the command cannot use."""


class NoFrames(CamkitError):
    """A run ended without a single frame."""


class NotSaved(CamkitError):
    """The snapshot or the report could not be written."""


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code of a failure; what caused it counts where the failure itself has no code."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UsageError):
            return ExitCode.USAGE
        for kind, code in _CODES:
            if isinstance(seen, kind):
                return code
        seen = seen.__cause__
    return ExitCode.FAILED


def one_line(error: BaseException) -> str:
    """Say what went wrong in one line."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        # str() of an OSError leads with its number and names its file last.
        text = error.strerror
        # Quoted it is the subject; a command in an advice may name it too.
        if error.filename and repr(str(error.filename)) not in text:
            text = f"{str(error.filename)!r}: {text}"
    text = " ".join(text.split())
    for python, option in _OPTIONS.items():
        text = text.replace(python, option)
    if isinstance(error, CamkitError | OSError):
        return text
    return f"internal error: {type(error).__name__}: {text}; CAMKIT_TRACEBACK=1 shows where"
