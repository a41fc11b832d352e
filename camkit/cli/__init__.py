"""The command `camkit`."""

from __future__ import annotations

import os
import sys

from camkit.cli.arguments import parser, wants_json
from camkit.cli.doctor import doctor_command
from camkit.cli.exit_codes import ExitCode, code_of
from camkit.cli.listing import info_command, list_command
from camkit.cli.record import record_command
from camkit.cli.report import failure, write_json
from camkit.cli.run import run_command
from camkit.cli.view import view_command
from camkit.cli.voice import complain

__all__ = ["main"]

COMMANDS = {
    "list": list_command,
    "info": info_command,
    "run": run_command,
    "view": view_command,
    "record": record_command,
    "doctor": doctor_command,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program's name. Default: those of the process.

    Returns
    -------
    int
        The exit code; docs/json.md lists them.
    """
    _need_streams()
    try:
        return _run(argv)
    except BrokenPipeError:
        # Whoever read our output has had enough; that is no failure to talk about.
        _forget_stdout()
        return ExitCode.FAILED
    except (Exception, KeyboardInterrupt) as error:  # the outermost boundary: people get a line, not a traceback
        complain(error)
        try:
            if wants_json(argv):
                write_json({"error": failure(error)}, sys.stdout)
            sys.stdout.flush()
        except OSError:
            _forget_stdout()
        return code_of(error)


def _run(argv: list[str] | None) -> int:
    try:
        args = parser().parse_args(argv)
        code = COMMANDS[args.command](args)
    except SystemExit as done:  # --help and --version
        code = ExitCode(int(done.code or 0))
    # Not left to the end of the interpreter, where a failure could no longer be told.
    sys.stdout.flush()
    return code


def _forget_stdout() -> None:
    """Keep the interpreter from flushing a stdout that cannot be written again, which would print a complaint."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _need_streams() -> None:
    """Give a process that was started with its output closed somewhere to write."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
