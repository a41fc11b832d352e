"""What the command says on stderr: whole lines, one for each thing."""

from __future__ import annotations

import os
import sys
import traceback

from camkit.cli.exit_codes import one_line


def say(line: str) -> None:
    """Tell people one line."""
    print(f"camkit: {' '.join(line.split())}", file=sys.stderr, flush=True)


def complain(error: BaseException) -> None:
    """Tell people what went wrong, in one line; CAMKIT_TRACEBACK=1 adds where."""
    if os.environ.get("CAMKIT_TRACEBACK") == "1":
        traceback.print_exception(error)
    say(one_line(error))
