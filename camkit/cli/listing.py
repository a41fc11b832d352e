"""`camkit list` and `camkit info`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

import numpy as np

import camkit
from camkit.camera_capture._recording.find import describe
from camkit.camera_capture.info import CameraInfo, FormatInfo, FrameSize
from camkit.camera_capture.registry import find, list_controls, list_formats, list_settings
from camkit.cli.exit_codes import ExitCode, UsageError
from camkit.cli.report import write_json
from camkit.cli.settings import settings_tables
from camkit.cli.table import console, grid
from camkit.cli.voice import say
from camkit.errors import CamkitError

COLUMNS = ("device", "name", "driver", "bus", "id")


def list_command(args: argparse.Namespace) -> ExitCode:
    """Show the cameras of this machine, the synthetic one last."""
    cameras = camkit.list_cameras() + [find(path)[1] for path in args.recordings]
    if args.json:
        write_json({"cameras": [asdict(info) for info in cameras]}, sys.stdout)
        return ExitCode.OK
    table = grid(*COLUMNS)
    for info in cameras:
        table.add_row(str(info), info.name, info.driver, info.bus, info.id)
    console(sys.stdout).print(table)
    for info in cameras:
        if info.problem:
            what = "is damaged" if info.kind == "recording" else "is no use as it is"
            say(f"{str(info)!r} {what}: {info.problem}")
    return ExitCode.OK


def info_command(args: argparse.Namespace) -> ExitCode:
    """Show what a camera offers, without starting it."""
    try:
        _, info = find(args.device)
    except CamkitError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
    formats, controls, recording = list_formats(args.device), list_controls(args.device), recording_facts(info)
    settings = list_settings(args.device)
    if args.json:
        told = {**asdict(info), "formats": [asdict(row) for row in formats], "controls": controls, **settings}
        told |= {"recording": recording} if recording is not None else {}
        write_json(told, sys.stdout)
        return ExitCode.OK
    out = console(sys.stdout)
    for name, value in _facts(info).items():
        out.print(f"{name:8}{value}")
    if recording is not None:
        out.print(f"{'file':8}{recording['description']}")
    out.print()
    table = grid("format", "size", "fps", "")
    for row in formats:
        for number, size in enumerate(row.sizes):
            table.add_row(
                _title(row) if not number else "", _size(size), _rates(size), row.description if not number else ""
            )
    out.print(table)
    for table in settings_tables(settings) if settings else ():
        out.print()
        out.print(table)
    if controls:
        out.print()
        table = grid("control", "kind", "value", "default", "range", "flags")
        for control in controls:
            flags = ", ".join(flag for flag in control["flags"] if flag != "has_payload")
            table.add_row(
                control["name"],
                control["kind"],
                control["problem"] or _value(control, "value"),
                _value(control, "default"),
                _range(control),
                flags,
            )
        out.print(table)
    return ExitCode.OK


def _value(control: dict[str, Any], which: str) -> str:
    value = control[which]
    if value is None:
        return "-"
    if isinstance(value, list):
        return "x".join(map(str, np.shape(value))) + " values"
    if isinstance(value, dict):
        return str(value["hex"])
    text = control["menu"].get(value) if control["menu"] else None
    return f"{value} ({text})" if text is not None else str(value)


def _range(control: dict[str, Any]) -> str:
    if control["kind"] in ("boolean", "button", "compound"):
        return ""
    step = f", step {control['step']}" if control["step"] > 1 else ""
    return f"{control['minimum']} to {control['maximum']}{step}"


def recording_facts(info: CameraInfo) -> dict[str, Any] | None:
    """Tell what a recording says of itself, None of a camera."""
    return describe(info.path) if info.kind == "recording" and info.path is not None else None


def _facts(info: CameraInfo) -> dict[str, Any]:
    return {"device": info, "name": info.name, "driver": info.driver, "bus": info.bus, "id": info.id}


def _title(row: FormatInfo) -> str:
    if row.name is None:
        return f"({row.fourcc})"
    return row.name


def _size(size: FrameSize) -> str:
    text = f"{size.width}x{size.height}"
    if size.minimum is None:
        return text
    return f"{size.minimum[0]}x{size.minimum[1]} to {text}, step {size.step[0]}x{size.step[1]}"


def _rates(size: FrameSize) -> str:
    return " ".join(f"{round(fps, 3):g}" for fps in size.fps) or "any"
