"""The command line: what it offers, and what it says about a wrong one."""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path
from typing import NoReturn

import camkit
from camkit.cli.exit_codes import MEANINGS, UsageError
from camkit.doctor import CHECKS
from camkit.gl_core._pacer import MODES
from camkit.gl_core.transfers import NAMES as TRANSFERS
from camkit.performance_core._queue import POLICIES

DISPLAYS = ("auto", "window", "headless", "none")
EXHAUSTED = ("copy", "drop", "block", "raise")
REPORTS = (".md", ".html", ".json")
DOCTOR = tuple(check.name for check in CHECKS)
COMPRESSIONS = ("none", "lz4", "zstd")
SOURCES = "auto (the first real camera, else synthetic), synthetic, /dev/videoN, N, id of 'camkit list', FILE.mcap"

EPILOG = "exit codes:\n" + "\n".join(f"  {code.value}  {meaning}" for code, meaning in MEANINGS.items())


class Parser(argparse.ArgumentParser):
    """Raise UsageError instead of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


def parser() -> Parser:
    """Build the parser of the whole command."""
    top = Parser(
        prog="camkit",
        description="Bring a camera's frames into Python and onto the GPU.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"camkit {camkit.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_list(commands)
    _add_info(commands)
    _add_run(commands)
    _add_view(commands)
    _add_record(commands)
    _add_doctor(commands)
    return top


def source(text: str) -> str | int:
    """Read a source: a whole number is the N of /dev/videoN."""
    return int(text) if text.isascii() and text.isdigit() else text


def size(text: str) -> tuple[int, int]:
    """Read `1280x720`."""
    width, cross, height = text.lower().partition("x")
    if cross and all(part.isascii() and part.isdigit() and 0 < int(part) <= 65536 for part in (width, height)):
        return int(width), int(height)
    raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1280x720")


def rect(text: str) -> tuple[int, int, int, int]:
    """Read `640x480+100-50`: size, and place from the left and the top."""
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})([+-]\d{1,6})([+-]\d{1,6})", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part of a picture such as 640x480+0+0")
    width, height, x, y = map(int, found.groups())
    return x, y, width, height


def whole(text: str) -> int:
    """Read a whole number above 0."""
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 63:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and 0 < number < 1e9:
        return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")


def png(text: str) -> Path:
    """Read the name of a PNG file whose folder is there, so that nobody learns of a typo after an hour's run."""
    return _file(text, ".png", "PNG is what camkit writes")


def mcap(text: str) -> Path:
    """Read the name of a recording whose folder is there."""
    return _file(text, ".mcap", "so camkit knows a recording when it plays it")


def trace_file(text: str) -> Path:
    """Read the name of a trace whose folder is there."""
    return _file(text, ".json", "it is JSON")


def page_file(text: str) -> Path:
    """Read the name of a report of a run whose folder is there."""
    return _file(text, ".html", "it is HTML")


def _file(text: str, suffix: str, why: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != suffix:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {suffix}, and {why}")
    return _new_file(path, text)


def report_file(text: str) -> Path:
    """Read the name of a report's file, in a folder that is there."""
    path = Path(text)
    if path.suffix.lower() not in REPORTS:
        raise argparse.ArgumentTypeError(f"{text!r} ends in none of {', '.join(REPORTS)}")
    return _new_file(path, text)


def folder(text: str) -> Path:
    """Read the name of a folder that is there."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return Path(text)


def _new_file(path: Path, text: str) -> Path:
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r} for {path.name!r}")
    return path


def _command(commands: argparse._SubParsersAction[Parser], name: str, description: str) -> Parser:
    return commands.add_parser(
        name,
        help=description,
        description=description[0].upper() + description[1:] + ".",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_json(command: Parser) -> None:
    command.add_argument(
        "--json", action="store_true", help="end with one JSON object on stdout, described in docs/json.md"
    )


def _add_list(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "list", "list the cameras of this machine")
    command.add_argument("recordings", nargs="*", type=str, metavar="FILE.mcap", help="recordings to list too")
    _add_json(command)


def _add_info(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "info", "tell what a camera offers: formats, sizes, rates")
    command.add_argument(
        "device", type=source, metavar="DEVICE", help="/dev/videoN, N, an id of 'camkit list', synthetic, or FILE.mcap"
    )
    _add_json(command)


def _add_run(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "run", "stream, and account for every frame; Ctrl-C ends it")
    _add_camera(command, buffers=4)
    _add_length(command, "without either until Ctrl-C, or the window is closed", "end when N frames were delivered")
    output = command.add_argument_group("output")
    output.add_argument("--policy", choices=POLICIES, default="block", help="what a full queue does (%(default)s)")
    output.add_argument(
        "--display", choices=DISPLAYS, default="auto",
        help="auto (a window where there is a screen, else headless), window, headless (GPU, no screen), none (no GPU)",
    )  # fmt: skip
    output.add_argument(
        "--pacing", choices=MODES, help="when a window's frames are drawn (latch: the newest just before a refresh)"
    )
    output.add_argument("--transfer", choices=TRANSFERS, default="auto", help="how pixels get to the GPU (%(default)s)")
    output.add_argument("--snapshot", type=png, metavar="FILE.png", help="save the last picture")
    output.add_argument(
        "--report", type=page_file, metavar="FILE.html",
        help="write a page with plots: latencies, what became of every frame, queues, threads",
    )  # fmt: skip
    output.add_argument(
        "--trace", type=trace_file, metavar="FILE.json",
        help="write each frame's way through each thread, for https://ui.perfetto.dev",
    )  # fmt: skip
    _add_json(command)


def _add_view(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "view", "look at cameras in a window: zoom, inspect, freeze, save")
    plain = command.format_help

    def with_keys() -> str:
        # The other commands need nothing of OpenGL.
        from camkit.gl_core.keys import help_lines

        command.epilog = "\n".join(["keys:", *help_lines(cameras=9), "", EPILOG])
        return plain()

    command.format_help = with_keys  # type: ignore[method-assign]
    command.add_argument("sources", type=source, nargs="*", metavar="SOURCE", help=SOURCES)
    # Two more than in a run: the frame on show is held, and the one under the GPU's hands.
    _add_camera(command, buffers=6, named=False)
    _add_length(command, "without either until the window is closed, or Ctrl-C", "end when N frames were delivered")
    output = command.add_argument_group("window")
    output.add_argument("--window", type=size, metavar="WxH", help="size of the window (that of the picture)")
    output.add_argument(
        "--pacing",
        choices=MODES,
        help="when frames are drawn (latch: the newest just before a refresh)",
    )
    output.add_argument("--inspect", action="store_true", help="tell the value of the pixel under the cursor, as key i")
    output.add_argument("--display", choices=DISPLAYS, default="window", help="all but a window is refused")
    output.add_argument(
        "--snapshots", type=folder, default=Path("."), metavar="FOLDER", help="where the key s saves pictures (here)"
    )
    output.add_argument(
        "--transfer", choices=TRANSFERS, default="auto", help="way of the pixels to the GPU (%(default)s: the fastest)"
    )
    _add_json(command)


def _add_doctor(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "doctor", "examine a camera, and report what it does otherwise than it says")
    command.add_argument(
        "device", type=source, nargs="?", default="auto", metavar="DEVICE",
        help="/dev/videoN, N, an id of 'camkit list', or synthetic (the first real camera, else synthetic)",
    )  # fmt: skip
    lengths = command.add_mutually_exclusive_group()
    lengths.add_argument(
        "--quick", action="store_const", dest="length", const="quick", help="some ten seconds instead of thirty"
    )
    lengths.add_argument(
        "--full", action="store_const", dest="length", const="full", help="some minutes: every mode and rate"
    )
    command.set_defaults(length="normal")
    command.add_argument("--only", type=names, metavar="NAME,...", help=f"make only these: {', '.join(DOCTOR)}")
    command.add_argument(
        "--controls", action="store_true",
        help="also set each control to its ends and back: what they move (focus, zoom, lights) will move",
    )  # fmt: skip
    command.add_argument("--reconnect", action="store_true", help="also ask you to unplug the camera and plug it in")
    command.add_argument(
        "--output", type=report_file, metavar="FILE", help="write the report to a .md, .html or .json file"
    )
    command.add_argument("--serials", action="store_true", help="leave serial numbers in the report")
    _add_json(command)


def names(text: str) -> list[str]:
    """Read names with commas between them."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in found if name not in DOCTOR]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no check, only {', '.join(DOCTOR)}")
    if not found:
        raise argparse.ArgumentTypeError("it names no check")
    return found


def _add_record(commands: argparse._SubParsersAction[Parser]) -> None:
    command = _command(commands, "record", "write frames, and all that is known of them, into an MCAP file")
    command.add_argument("file", type=mcap, metavar="FILE.mcap", help="the file to make; 'camkit run' plays it")
    # The more buffers, the longer may the disk think.
    _add_camera(command, buffers=16)
    _add_length(command, "without either until Ctrl-C", "end when N frames were recorded")
    output = command.add_argument_group("output")
    output.add_argument("--overwrite", action="store_true", help="replace a file of that name")
    output.add_argument(
        "--compression", choices=COMPRESSIONS, default="none", help="of the file's chunks (%(default)s)"
    )
    _add_json(command)


def _add_camera(command: Parser, buffers: int, named: bool = True) -> None:
    camera = command.add_argument_group("camera")
    if named:
        camera.add_argument("--source", type=source, default="auto", metavar="SOURCE", help=SOURCES)
    camera.add_argument("--size", type=size, metavar="WxH", help="pixels, such as 1280x720")
    camera.add_argument("--fps", type=positive, metavar="N", help="frames a second")
    camera.add_argument("--format", metavar="FOURCC", help="pixel format, such as YUYV or NV12")
    camera.add_argument("--input", type=source, metavar="NAME", help="input to take, such as HDMI, or its number")
    camera.add_argument("--timings", metavar="NAME", help="of a digital input: auto, or such as 1920x1080p60")
    camera.add_argument("--standard", metavar="NAME", help="of an analogue input: auto, or such as PAL")
    camera.add_argument("--crop", type=rect, metavar="WxH+X+Y", help="part of the picture to take, such as 640x480+0+0")
    camera.add_argument(
        "--io", metavar="NAME",
        help="way into memory: auto (the default), expbuf, mmap, udmabuf, userptr, dma-heap",
    )  # fmt: skip
    camera.add_argument("--nearest", action="store_true", help="take the nearest mode instead of refusing, and say so")
    camera.add_argument(
        "--buffers", type=whole, default=buffers, metavar="N", help="driver buffers, 2 to 32 (%(default)s)"
    )
    camera.add_argument(
        "--on-exhausted", choices=EXHAUSTED, default="copy",
        help="when the driver would run out of buffers (%(default)s)",
    )  # fmt: skip
    camera.add_argument(
        "--timeout",
        type=positive,
        default=5.0,
        metavar="S",
        help="fail when no frame comes for so long (%(default)g s)",
    )
    camera.add_argument(
        "--reconnect", type=positive, nargs="?", const=True, default=False, metavar="S",
        help="wait for the camera when it is unplugged, at most S seconds, and go on with it",
    )  # fmt: skip


def _add_length(command: Parser, otherwise: str, frames: str) -> None:
    group = command.add_argument_group(f"length; {otherwise}")
    limits = group.add_mutually_exclusive_group()
    limits.add_argument("--frames", type=whole, metavar="N", help=frames)
    limits.add_argument("--seconds", type=positive, metavar="S", help="end after S seconds")


def wants_json(argv: list[str] | None) -> bool:
    """Tell whether `--json` was given, also where the rest of the line is wrong."""
    return "--json" in (sys.argv[1:] if argv is None else argv)
