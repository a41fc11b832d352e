"""The command `python -m lab`."""

import argparse
import compileall
import os
import re
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from lab import CHECKOUT, LabError, engine_qemu, engine_uml, packages, say
from lab.guest import Job
from lab.kernel import Kernel, cache_folder
from lab.machine import Channels, Machine, run_machine
from lab.uvc_camera import pictures

RIG_FAILED = 125
ENGINES = {engine.NAME: engine for engine in (engine_uml, engine_qemu)}
EPILOG = """
The command starts as root in the current folder. It sees the file system of this machine, but what it writes is gone
at its end, except in folders given by --share. One COMMAND word alone may be shell text. Its output is passed through
and its exit status returned; 124: it ran too long, 125: the lab itself failed, 2: wrong arguments.
In the guest CAMKIT_LAB is the engine and CAMKIT_LAB_UVC the node of the USB webcam.
The variable CAMKIT_LAB_CACHE (~/.cache/camkit-lab) says where kernels are kept.

examples:
  python -m lab --vivid 'n_devs=2;multiplanar=1,2' -- ls /dev
  python -m lab --uvc='--bulk --fps 60,30' -- 'v4l2-ctl -d $CAMKIT_LAB_UVC --all'
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the lab and return the exit status."""
    _open_standard_streams()
    options, command = _parse(sys.argv[1:] if arguments is None else arguments)
    # Unlike the default action, an exception ends the tools of a build and cleans up.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        if options.packages:
            print("\n".join(packages.names([options.engine] if options.engine else ENGINES)))
            return 0
        engine = ENGINES[options.engine or engine_uml.NAME]
        if Path(options.kernel).is_dir():
            kernel = Kernel.inside(Path(options.kernel), engine.IMAGE)
        else:
            kernel = engine.find_kernel(options.kernel)
        picture_folder = None
        if options.prepare or options.uvc is not None:
            picture_folder = pictures.prepare(cache_folder())
            # The guest could not keep what it compiles, and would do it again in every run.
            compileall.compile_dir(CHECKOUT / "lab", quiet=2)
        if options.prepare:
            say(f"kernel {kernel.modules.name} for {engine.NAME} is ready: {kernel.image}")
            return 0
        job = _job(options, command, picture_folder)
        machine = Machine(options.mem, options.cpus, options.append.split(), options.timeout, options.verbose)
        with tempfile.TemporaryDirectory(prefix="camkit-lab-") as name, open(f"{name}/console", "wb+") as console:
            channels = Channels()
            argv = engine.command_line(job, kernel, machine, channels, Path(name))
            return run_machine(channels, argv, machine, console, engine.in_child)
    except LabError as error:
        say(str(error))
        return RIG_FAILED
    except KeyboardInterrupt as interrupt:
        return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)


def _parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        usage="python -m lab [options] -- COMMAND...",
        description="Run a command on a real Linux kernel that has cameras.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--engine", choices=ENGINES, help="uml (default): native speed, one CPU; qemu: slow, several CPUs")
    add("--vivid", metavar="OPTS", default="", help="options of the vivid driver, separated by blanks or ';'")
    add("--no-vivid", action="store_true", help="no virtual cameras")
    add("--uvc", metavar="OPTS", nargs="?", const="", help="plug in a USB webcam; options of python -m lab.uvc_camera")
    add("--modules", default="", help="further kernel modules to load, separated by commas")
    add("--kernel", default="6.12", help="version in apt, or a folder with a kernel (default 6.12)")
    add("--mem", default="4G", type=_memory, help="memory of the guest (default 4G)")
    add("--cpus", default=2, type=_positive, help="CPUs of the guest, qemu only (default 2)")
    add("--timeout", metavar="S", default=600.0, type=_seconds, help="end the command after this time (default 600)")
    add("--share", metavar="DIR", action="append", default=[], help="folder the command can really write to")
    add("--env", metavar="K=V", action="append", default=[], type=_variable, help="variable for the command")
    add("--append", default="", help="more kernel parameters")
    add("-v", "--verbose", action="store_true", help="show the console of the kernel")
    add("--prepare", action="store_true", help="build or download the kernel, and run nothing")
    add("--packages", action="store_true", help="print the apt packages the lab needs, and run nothing")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:split])
    command = arguments[split + 1 :]
    alone = options.prepare or options.packages
    if alone and command:
        parser.error("--prepare and --packages take no command")
    if not alone and not command:
        parser.error("no command: put it after '--', as in: python -m lab -- ls /dev")
    return options, command


def _job(options: argparse.Namespace, command: list[str], picture_folder: Path | None) -> Job:
    shares = [Path(share).resolve() for share in options.share]
    for share in shares:
        try:
            share.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"cannot share '{share}': {error.strerror}") from error
    return Job(
        command=command,
        vivid=None if options.no_vivid else options.vivid,
        webcam=None if options.uvc is None else shlex.join(shlex.split(options.uvc)),
        modules=[name for name in re.split("[, ]+", options.modules) if name],
        shares=shares,
        environment=options.env,
        pictures=picture_folder,
        terminal=os.get_terminal_size(1) if os.isatty(1) else None,
        merged=os.path.sameopenfile(1, 2),
    )


def _open_standard_streams() -> None:
    """Put the null device where the caller has closed a stream: else a pipe of the guest would get its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[MG]", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no memory size such as 512M or 4G")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is no time in seconds above 0")
    return seconds


def _variable(text: str) -> str:
    if not re.match(r"[A-Za-z_]\w*=", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return text


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
