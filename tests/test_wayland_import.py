"""The frame's memory is the texture in a window of Wayland; an X server without cards cannot import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_wayland import TOP, Compositor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Wayland is Linux's")

CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import gl_nodes, numpy
from camkit.gl_core import Offscreen, Viewer
from tests.stand_ins import Buffers

told = []
with Viewer(size=(96, 64), transfer="import") as viewer, Offscreen(transfer="client") as copied:
    assert viewer._window.wayland, "this is no window of Wayland"
    for name in ("GREY", "YUYV", "NV12"):
        buffers = Buffers(gl_nodes, name, (66, 34))
        same = []
        for _ in range(3):
            with buffers.frame() as frame:
                viewer.show(frame)
                copied.show(frame)
                same.append(bool((viewer.readback() == copied.readback()).all()))
        told.append([name, same, viewer.transfer["path"], viewer.stats().copied_bytes])
print(json.dumps(told))
"""


def test_texture_is_memory_in_a_window(gl_nodes: Any, tmp_path: Path) -> None:
    compositor = Compositor(tmp_path)
    try:
        clean = {name: value for name, value in compositor.environment.items() if name != "DISPLAY"}
        environment = clean | {"WAYLAND_DISPLAY": compositor.socket.name, "PYGLFW_LIBRARY_VARIANT": "wayland"}
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(Path(gl_nodes.__file__).parent)], env=environment, cwd=TOP,
            capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
    finally:
        compositor.close()
    assert child.returncode == 0, child.stderr
    assert json.loads(child.stdout) == [[name, [True] * 3, "import", 0] for name in ("GREY", "YUYV", "NV12")]
