"""The `camkit` command in a process of its own, and in a terminal, for the tests of it."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
DOCUMENT = (TOP / "docs" / "json.md").read_text()
CAMKIT = [sys.executable, "-W", "error", "-m", "camkit"]
SYNTHETIC = ["run", "--source", "synthetic"]
SHORT = [*SYNTHETIC, "--display", "none", "--fps", "200", "--frames", "6"]
FOR_EVER = [*SYNTHETIC, "--display", "none", "--fps", "200"]


def camkit_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    env = os.environ | options.pop("env", {})
    return subprocess.run([*CAMKIT, *arguments], capture_output=True, text=True, timeout=200, env=env, **options)


def last_object(printed: str) -> dict[str, Any]:
    """Return the JSON object that the output ends with."""
    found = re.search(r"^\{.*\}\n\Z", printed, re.MULTILINE | re.DOTALL)
    assert found, printed

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    value: dict[str, Any] = json.loads(found[0], parse_constant=refuse)
    return value


def balanced(frames: dict[str, Any]) -> bool:
    return bool(frames["captured"] == frames["delivered"] + sum(frames["dropped"].values()))


class Terminal:
    """A process whose output is a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        self.process = subprocess.Popen(
            [*CAMKIT, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *args: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def read(self) -> bool:
        """Take what is on the screen by now; False when the process has closed it."""
        if not select.select([self._ours], [], [], 150)[0]:
            raise AssertionError(f"nothing came for minutes after {self.shown!r}")
        try:
            text = os.read(self._ours, 65536)
        except OSError:  # Linux says EIO at the end of a terminal
            return False
        self.shown += text.decode(errors="replace")
        return bool(text)

    def wait_for(self, pattern: str) -> None:
        while not re.search(pattern, self.shown):
            assert self.read(), f"no {pattern!r} in {self.shown!r}"

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(200)
