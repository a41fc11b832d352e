"""A pool on both sides of a fork. In a process of its own: a fork of this one would copy its threads' locks."""

import subprocess
import sys

import pytest

SETUP = """
import os, sys
from camkit.memory_manager import FramePool

def in_child(body):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            body()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
"""

OWN = """
pool = FramePool(2, 64, backing=BACKING)
frame = pool.acquire()
frame.array[:] = 1
def body():
    assert not pool.closed and pool.free == 1
    other = pool.acquire()
    other.array[:] = 2
    frame.array[:] = 3
    frame.close()
    assert pool.free == 1 and pool.stats().acquired == 2
    pool.close()
in_child(body)
assert pool.free == 1 and set(frame.array) == {1} and pool.acquire().slot != frame.slot
"""

SHARED = """
pool = FramePool(2, 64, backing="memfd")
frame = pool.acquire()
frame.array[:] = 1
def body():
    assert pool.closed and pool.free == 0
    try:
        pool.acquire()
    except ValueError as error:
        assert "the pool is closed" in str(error)
    else:
        raise AssertionError("two processes lend the same memory")
    assert set(frame.array) == {1}
    frame.array[0] = 5
    frame.close()
    FramePool(1, 64, backing="memfd").acquire()
in_child(body)
assert not pool.closed and pool.free == 1 and frame.array[0] == 5
assert pool.acquire().slot != frame.slot
"""

WRAPPED = """
import threading, weakref
from camkit.memory_manager import RawMemory
memory = bytearray(64)
pool = FramePool.wrap([memory])
def body():
    pool.close()
    memory.append(1)
    again = bytearray(64)
    with FramePool.wrap([again]) as other:
        other.acquire().close()
    again.append(1)
    assert any(thread.name == "camkit-let-go" for thread in threading.enumerate())
in_child(body)
pool.acquire().array[:] = 4
pool.close()
memory.append(1)
assert memory[0] == 4
"""

WATCHED = """
import warnings
warnings.simplefilter("ignore")  # the child's and the parent's own words
pool = FramePool(1, 64, backing="memfd", debug=True)
frame = pool.acquire()
in_child(lambda: None)
assert not pool.closed and pool.free == 0
frame.close()
"""


@pytest.mark.parametrize(
    "body",
    [OWN.replace("BACKING", "'heap'"), OWN.replace("BACKING", "'huge'"), SHARED, WRAPPED, WATCHED],
    ids=["heap", "huge", "memfd", "wrapped", "watched"],
)
def test_a_forked_child(body):
    # CPython 3.12 and later warn of any fork beside a thread, and "camkit-let-go" is one.
    quiet = ["-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run([sys.executable, *quiet, "-c", SETUP + body], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
