"""The camera lab's command, and its two engines ready to start."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# Whichever test comes first may have to wait until a kernel is built on a slow machine.
COLD_START_S = 1800
# The lab is part of the checkout and of no package that is installed.
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))
if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]


def run_lab(*arguments: str, timeout: float = 1200, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, timeout=timeout, **options)


def prepare(engine: str) -> None:
    done = run_lab("--prepare", "--engine", engine, timeout=COLD_START_S)
    assert done.returncode == 0, f"the lab cannot start a guest:\n{done.stderr.decode()}"


@pytest.fixture(scope="session")
def uml() -> None:
    prepare("uml")


@pytest.fixture(scope="session")
def qemu() -> None:
    prepare("qemu")
