"""The frame path at steady state: no allocation, no page fault, no GIL. Counted, thread by thread, not believed.

A child process runs a real pipeline under alloc_probe.so (LD_PRELOAD). The GIL is taken hostage: the main thread sleeps
holding it, once and for long, while a camera without a clock gives frames as fast as they are taken. A thread that asks
for the GIL now and then, such as every hundredth frame, stands still at the first such frame.
"""

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import ctypes, json, os, threading, time
import camkit

probe = ctypes.CDLL(None)
holding = ctypes.PyDLL(None)  # PyDLL keeps the GIL during a call

def faults(tid):
    fields = open(f"/proc/self/task/{tid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[7]) + int(fields[9])  # minflt, majflt

def now():
    delivered = pipeline.stats().frames.delivered
    tids = {thread.name: thread.native_id for thread in threading.enumerate() if thread.name.startswith("camkit-")}
    return delivered, {name: faults(tid) for name, tid in tids.items()}, tids

camera = camkit.SyntheticCamera(size=(160, 120), format=FORMAT, realtime=False)
pipeline = camkit.Pipeline(camera, SINK, policy="block")
pipeline.start()
time.sleep(1.5)  # past the driver's own warming up
_, _, tids = now()
time.sleep(0.2)
begin, before, _ = now()
probe.alloc_probe_count(1)
holding.poll(None, 0, 2000)
probe.alloc_probe_count(0)
end, after, _ = now()
pipeline.stop()
print(json.dumps({
    "frames": end - begin,
    "faults": {name: after[name] - before[name] for name in tids},
    "ours": {name: probe.alloc_probe_ours(tid) for name, tid in tids.items()},
    "others": {name: probe.alloc_probe_others(tid) for name, tid in tids.items()},
    "stats": pipeline.stats().as_dict(),
}))
camera.close()
"""


def run(alloc_probe, sink, format):
    body = CHILD.replace("SINK", sink).replace("FORMAT", repr(format))
    child = subprocess.run(
        [sys.executable, "-c", body], env=dict(os.environ, LD_PRELOAD=str(alloc_probe)), capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def test_the_probe_sees_allocations(alloc_probe):
    body = (
        "import ctypes, threading, camkit\n"
        "probe, tid = ctypes.CDLL(None), threading.get_native_id()\n"
        "probe.alloc_probe_count(1)\n"
        "pools = [camkit.FramePool(1, 4096) for _ in range(5)]\n"
        "probe.alloc_probe_count(0)\n"
        "print(probe.alloc_probe_ours(tid))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", body], env=dict(os.environ, LD_PRELOAD=str(alloc_probe)), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert int(child.stdout) >= 5, "camkit's own allocations are told from others"


@pytest.mark.parametrize("format", ["YUYV", "NV12", "RGB24"])
def test_capture_to_a_null_sink_allocates_nothing_faults_nothing_and_needs_no_gil(alloc_probe, format):
    got = run(alloc_probe, "camkit.NullSink()", format)
    assert got["frames"] > 500, "frames flowed while the main thread held the GIL"
    assert set(got["ours"].values()) == set(got["others"].values()) == {0}
    assert set(got["faults"].values()) == {0}
    assert got["stats"]["copies"]["per_frame"] == 0


@pytest.mark.parametrize("transfer", ["client", "pbo", "orphan"])
def test_capture_to_a_texture_allocates_nothing_of_ours_and_needs_no_gil(alloc_probe, transfer):
    # Of ours: asked for by code of camkit's own modules. What a driver does within its calls is its own affair.
    got = run(alloc_probe, f"camkit.Offscreen(transfer={transfer!r})", "YUYV")
    assert got["frames"] > 200, "frames flowed while the main thread held the GIL"
    assert set(got["ours"].values()) == {0}
    source = next(name for name in got["others"] if "synthetic" in name)
    assert got["others"][source] == got["faults"][source] == 0, "the GL driver works in the sink's thread only"
