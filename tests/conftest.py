"""What every test may count on."""

import signal
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

# A shell's background job ignores SIGINT, and so would the children that the tests send one to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def alloc_probe() -> Path:
    """Compile the library that counts allocations, to be given to a child in LD_PRELOAD."""
    library = HERE.parent / "build" / "tests" / "alloc_probe.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "native" / "alloc_probe.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Werror", source, "-o", library, "-ldl"], check=True)
    return library
