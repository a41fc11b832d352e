"""What every frame passes through, compiled with Address and Undefined Behaviour Sanitizer, under random pipelines.

`make prove` has all extensions and more tests.
"""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def test_random_pipelines_under_the_sanitizers():
    environment = {**os.environ, "PYTHON": sys.executable, "CAMKIT_EXAMPLES": "30"}
    done = subprocess.run(
        [TOP / "tools" / "sanitize.sh", "--short", "-q", "-p", "no:cacheprovider"],
        env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    assert " passed" in done.stdout
