"""What native pipelines cost beside their work at steady state: no allocation, page fault, system call or GIL.

Counted thread by thread in a child process: allocations by alloc_probe.so (LD_PRELOAD), system calls by the kernel's
user dispatch (native/syscall_probe.c), page faults by /proc. The main thread keeps the GIL from the first frame counted
to the last: a thread that asked for it would stand still, and the frames would not come.
"""

import json
import os
import platform
import subprocess
import sys

import pytest

CHILD = """
import ctypes, importlib.util, json, sys, threading, time
import camkit
from camkit import Branch, NullSink, Parallel, Pipeline, Step, Tee

spec = importlib.util.spec_from_file_location("proof_nodes", sys.argv[1])
nodes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nodes)
allocations, calls = ctypes.CDLL(None), ctypes.CDLL(sys.argv[2])
threads = {}

def watched(cls):
    class Watched(cls):
        def start(self):
            super().start()
            if threading.get_native_id() not in threads.values():
                assert calls.syscall_probe_watch() == 0
                threads[f"{threading.current_thread().name} {len(threads)}"] = threading.get_native_id()
    return Watched

Numbers, Check, Mark, Verdict, Sinner = map(
    watched, (nodes.Numbers, nodes.Check, nodes.Mark, nodes.Verdict, nodes.Sinner)
)
# Of threads that work together in turns some always wait.
QUIET = ("malloc", "fault") if "SCENE" == "parallel" else ("malloc", "fault", "syscall")
FOREVER, PATIENCE = 1 << 60, 2 if "gil" in sys.argv else 20

def sin():
    return [nodes.Sinner(sys.argv[3], int(sys.argv[4]))] if len(sys.argv) > 3 else []

def faults():
    found = {}
    for name, tid in threads.items():
        fields = open(f"/proc/self/task/{tid}/stat").read().rsplit(")", 1)[1].split()
        found[name] = int(fields[7]) + int(fields[9])
    return found

def fused():
    sink = Verdict(3)
    return Pipeline(Numbers(FOREVER), *[Step(Check(i), thread=False) for i in range(3)], *sin(),
                    Step(sink, thread=False)), sink, 200_000

# A consumer that is slower than the source, and so never has to wait: its queue is a tenth of a second long, and the
# scheduler seldom keeps the source away from its CPU for longer.
def across():
    sink = Verdict(2, 100_000)
    return Pipeline(Numbers(FOREVER, 4096), Check(0), *sin(), Step(Check(1), thread=True, policy=POLICY, depth=1024),
                    Step(sink, thread=False)), sink, 2_000

def tee():
    sink, other = Verdict(1, 100_000), Verdict(1, 100_000)
    return Pipeline(Numbers(FOREVER, 4096), Check(0), *sin(), Tee(Branch(sink, policy=POLICY, depth=1024),
                    Branch(other, policy=POLICY, depth=1024))), sink, 2_000

# The queue is full all the time, and who waits for room in it looks for that.
def spinning():
    sink = Verdict(2, 5_000)
    return Pipeline(Numbers(FOREVER), Check(0), *sin(), Step(Check(1), thread=True, policy="block", depth=4,
                    wait="spin"), Step(sink, thread=False)), sink, 5_000

# Each frame goes to one of two threads, and waits for its turn in the order of arrival.
def parallel():
    sink = Verdict(2, 20_000)
    return Pipeline(Numbers(FOREVER, 4096), Step(Check(0), thread=False), *sin(),
                    Step(Parallel([Mark(), Mark()], in_flight=64), policy=POLICY, depth=1024), sink), sink, 2_000

# The pool's threads look for the next job rather than sleep, for longer than the scheduler takes the other CPU away.
def bands():
    pool = camkit.ThreadPool(1, spins=2**31)
    def enter(begin, end):
        tid = threading.get_native_id()
        if tid in {t.native_id for t in pool.threads} and tid not in threads.values():
            assert calls.syscall_probe_watch() == 0
            threads[f"pool {tid}"] = tid
        time.sleep(0.001)
    while len(threads) < len(pool.threads):
        pool.parallel_for(8, enter, grain=1)
    sink = Verdict(2)
    return Pipeline(Numbers(FOREVER), Step(Check(0), thread=False), *sin(), nodes.Bands(pool),
                    Step(sink, thread=False)), sink, 2_000

pipeline, sink, frames = SCENE()
pipeline.start()
while not sink.received:
    time.sleep(0.01)  # threads begin with the GIL
nodes.hold_the_gil(sink, 2 * frames, PATIENCE)
windows = []
for _ in range(1 if sin() else 400):
    before = faults()
    allocations.alloc_probe_count(1)
    calls.syscall_probe_count(1)
    came = nodes.hold_the_gil(sink, frames, PATIENCE)
    calls.syscall_probe_count(0)
    allocations.alloc_probe_count(0)
    after = faults()
    windows.append({
        "gil": came < frames,
        "malloc": {n: allocations.alloc_probe_ours(t) + allocations.alloc_probe_others(t) for n, t in threads.items()},
        "fault": {n: after[n] - before[n] for n in threads},
        "futex": {n: calls.syscall_probe_calls(t, 202) for n, t in threads.items()},
        "syscall": {n: calls.syscall_probe_calls(t, -1) for n, t in threads.items()},
    })
    if windows[-1]["gil"] or not any(any(windows[-1][what].values()) for what in QUIET):
        break
pipeline.abort()
try:
    pipeline.wait()
except camkit.CamkitError:
    pass
print(json.dumps(windows))
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the probe of system calls is for Linux on x86-64"
)


@pytest.fixture
def count(alloc_probe, syscall_probe, proof_nodes):
    """Run a scene until a window costs nothing, 400 at most; return the last window's counts."""

    def run(scene, *sin, policy="drop_oldest"):
        body = CHILD.replace("SCENE", scene).replace("POLICY", repr(policy))
        child = subprocess.run(
            [sys.executable, "-c", body, proof_nodes.__file__, str(syscall_probe), *map(str, sin)],
            env=dict(os.environ, LD_PRELOAD=str(alloc_probe)), capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert child.returncode == 0, child.stderr
        window = json.loads(child.stdout)[-1]
        threads = {"fused": 1, "across": 2, "tee": 3, "bands": 2, "spinning": 2, "parallel": 4}
        assert len(window["malloc"]) == threads[scene], "every thread is watched"
        return {what: got if isinstance(got, bool) else sum(got.values()) for what, got in window.items()}

    return run


NOTHING = {"gil": False, "malloc": 0, "fault": 0, "futex": 0, "syscall": 0}


def test_a_fused_pipeline_costs_nothing_else(count):
    assert count("fused") == NOTHING


@pytest.mark.parametrize("policy", ["drop_newest", "drop_oldest"])
def test_threads_that_are_busy_cost_nothing_else(count, policy):
    assert count("across", policy=policy) == NOTHING


def test_a_tee_whose_branches_are_busy_costs_nothing_else(count):
    assert count("tee") == NOTHING


def test_a_queue_that_blocks_and_spins_costs_nothing_else(count):
    assert count("spinning") == NOTHING


@pytest.mark.parametrize("policy", ["block", "drop_oldest"])
def test_threads_of_a_parallel_sleep_and_cost_nothing_else(count, policy):
    got = count("parallel", policy=policy)
    assert got.pop("syscall") == got.pop("futex")  # for some always wait: no other call
    assert got == {"gil": False, "malloc": 0, "fault": 0}


def test_bands_of_a_thread_pool_cost_nothing_else(count):
    assert count("bands") == NOTHING


@pytest.mark.parametrize("how", ["malloc", "fault", "gil", "futex", "syscall"])
@pytest.mark.parametrize("scene", ["fused", "across"])
def test_one_sin_in_a_thousand_frames_is_counted(count, scene, how):
    got = count(scene, how, 1000)
    assert got.pop(how) > 0
    if how == "gil":
        return
    assert got["gil"] is False
