"""The hand-written .pyi files say what the compiled modules really hold."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent

# Regular expressions over full names, each for a difference that is meant.
ALLOWED = r"""
# what Cython adds to a module or a class
.*\.(__test__|__pyx_capi__|__reduce_cython__|__setstate_cython__)
# __cinit__ takes the arguments, so object.__init__ is what the runtime shows
.*\.__init__
# the buffer protocol has a Python name from 3.12 on
.*\.__buffer__
.*\.__release_buffer__
# names for types that only the stub has
camkit\.memory_manager\.(_frame\.Array|_format\.Model)
# tables and helpers of private modules are no API
camkit\.\w+\._\w+(\.\w+)?\.[A-Z][A-Z_0-9]*
camkit\.memory_manager\._frame\.Lease
camkit\.camera_capture\._synthetic\.checked_delays
"""


@pytest.mark.timeout(300)
def test_stubs_agree_with_the_compiled_modules(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text(ALLOWED)
    modules = [".".join(path.relative_to(TOP).with_suffix("").parts) for path in (TOP / "camkit").rglob("*.pyi")]
    options = ["--mypy-config-file=pyproject.toml", "--ignore-disjoint-bases", "--ignore-unused-allowlist", "--concise"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", *modules, *options, "--allowlist", str(allowed)],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
