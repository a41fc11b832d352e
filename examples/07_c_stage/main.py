"""Use a C function as a stage, by ctypes.

cd examples/07_c_stage
python main.py
"""

import ctypes
import subprocess
from pathlib import Path

import camkit

here = Path(__file__).parent
subprocess.run(
    ["cc", "-shared", "-fPIC", "-O3", f"-I{camkit.get_include()}", here / "edges.c", "-o", here / "edges.so"],
    check=True,
)


class Told(ctypes.Structure):
    """What the function counts: the stage keeps it alive."""

    _fields_ = [("frames", ctypes.c_uint64), ("edges", ctypes.c_uint64)]


told = Told()
stage = camkit.CStage(ctypes.CDLL(str(here / "edges.so")).edges, told, inputs="GREY", output="GREY")
with camkit.open("synthetic", format="GREY", size=(1280, 720), fps=60) as camera:
    stats = camkit.Pipeline(camera, stage, lambda frame: None).run(frames=30)

print(f"{told.edges / told.frames:.0f} edges a frame, in {told.frames} frames")
print(stage.explain())
print(f"{stats.stages['edges'].p50:.0f} us a frame without the GIL")
