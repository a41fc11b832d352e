"""ThreadPool: every band once, errors, ends, forks, and nothing allocated on the way."""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import cffi
import numba
import numpy as np
import pytest

from camkit import ThreadPool
from camkit.performance_core import placement

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build" / "tests"


class Plan(ctypes.Structure):
    _fields_ = [("ran", ctypes.c_int), ("fail_at", ctypes.c_int), ("answer", ctypes.c_int)]


@pytest.fixture(scope="module")
def bands():
    BUILT.mkdir(parents=True, exist_ok=True)
    library = BUILT / "bands.so"
    source = HERE / "data" / "bands.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Werror", source, "-o", library], check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def pool():
    with ThreadPool(2) as pool:
        yield pool


def child(code, **options):
    """Run a program of its own that must end by itself."""
    lines = ["import os, sys, threading, time", "from camkit import ThreadPool", code]
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("grain", [None, 1, 3, 5000])
def test_a_python_function_sees_every_index_once(pool, n, grain):
    seen = []
    assert pool.parallel_for(n, lambda begin, end: seen.append((begin, end)), grain=grain) == 0
    assert sorted(i for band in seen for i in range(*band)) == list(range(n))
    if grain is not None:
        assert all(begin % grain == 0 and (end - begin == grain or end == n) for begin, end in seen)


def test_a_native_function_works_on_the_memory_of_an_array(pool, bands):
    array = np.zeros(10_000, np.uint8)
    for _ in range(3):
        assert pool.parallel_for(array.size, bands.add_one, user=array, grain=64) == 0
    assert (array == 3).all()
    for user in (
        array.ctypes.data,
        ctypes.c_void_p(array.ctypes.data),
        array.ctypes.data_as(ctypes.POINTER(ctypes.c_ubyte)),
    ):
        pool.parallel_for(array.size, bands.add_one, user=user)
    assert (array == 6).all()


def test_read_only_memory_is_lent_too(pool, bands):
    before = bytes(Plan(0, -1, 42))
    array = np.frombuffer(before, np.uint8).copy()
    array.flags.writeable = False
    assert pool.parallel_for(10, bands.count, user=array) == 0
    assert array.view(np.int32)[0] == 10, "the function wrote all the same: it is trusted with addresses"


def test_what_a_native_function_answers_stops_the_rest(pool, bands):
    plan = Plan(0, 500, 42)
    assert pool.parallel_for(1000, bands.count, user=plan, grain=1) == 42
    assert 1 <= plan.ran <= 1000
    plan = Plan(0, -1, 42)
    assert pool.parallel_for(1000, bands.count, user=plan) == 0
    assert plan.ran == 1000


def test_the_first_error_of_a_band_is_raised_and_the_rest_left_out(pool):
    seen = []

    def brittle(begin, end):
        seen.append(begin)
        if begin == 0:
            raise KeyError("no such row")
        time.sleep(0.001)

    with pytest.raises(KeyError, match="no such row") as caught:
        pool.parallel_for(10_000, brittle, grain=1)
    assert caught.traceback[-1].name == "brittle"
    assert len(seen) < 10_000
    assert pool.parallel_for(4, lambda begin, end: None) == 0, "the pool goes on"


def test_a_ctypes_callback_is_called_by_its_address(pool):
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)
    seen = []
    assert pool.parallel_for(9, callback(lambda begin, end, user: seen.append((begin, end)) or 0), grain=2) == 0
    assert sorted(seen) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]


def test_functions_of_numba_run_without_the_gil(pool):
    @numba.cfunc("int32(uintp, uintp, voidptr)")
    def index(begin, end, user):
        out = numba.carray(user, (1000,), dtype=np.int64)
        for i in range(begin, end):
            out[i] += i
        return 0

    out = np.zeros(1000, np.int64)
    assert pool.parallel_for(1000, index, user=out, grain=10) == 0
    assert (out == np.arange(1000)).all()

    @numba.cfunc("int32(int32, int32, voidptr)")
    def narrow(begin, end, user):
        return 0

    with pytest.raises(TypeError, match=r'must be declared as cfunc\("int32\(uintp, uintp, voidptr\)"\)'):
        pool.parallel_for(1000, narrow, user=out)


def test_functions_of_cffi_are_called_by_address(pool, bands):
    ffi = cffi.FFI()
    ffi.cdef("int add_one(size_t begin, size_t end, void *user); extern int two_arguments(size_t, size_t);")
    lib = ffi.dlopen(str(BUILT / "bands.so"))
    array = np.zeros(100, np.uint8)
    assert pool.parallel_for(100, lib.add_one, user=array) == 0
    assert pool.parallel_for(100, lib.add_one, user=ffi.from_buffer(array)) == 0
    assert (array == 2).all()
    with pytest.raises(TypeError, match=r"takes 2 argument\(s\), where int"):
        pool.parallel_for(100, lib.two_arguments)
    with pytest.raises(TypeError, match="is no function"):
        pool.parallel_for(100, ffi.new("int *"))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda pool, lib: pool.parallel_for(-1, print), ValueError, "n is -1, not from 0"),
        (lambda pool, lib: pool.parallel_for(1.5, print), TypeError, "n is a float"),
        (lambda pool, lib: pool.parallel_for(5, print, grain=0), ValueError, "grain is 0, not from 1"),
        (lambda pool, lib: pool.parallel_for(5, 12345), TypeError, "12345 is neither a callable nor a native function"),
        (lambda pool, lib: pool.parallel_for(5, print, user=1), TypeError, "user is for native functions"),
        (lambda pool, lib: pool.parallel_for(5, lib.count, user="text"), TypeError, "user is a str, neither an object"),
        (lambda pool, lib: pool.parallel_for(5, lib.count, user=-1), ValueError, "user is -1, not an address"),
        (lambda pool, lib: pool.parallel_for(5, lib.count, user=np.zeros((4, 4))[:, ::2]), ValueError, "contiguous"),
        (lambda pool, lib: pool.parallel_for(5, lib.two_arguments), TypeError, r"takes 2 argument\(s\), where int"),
        (lambda pool, lib: pool.parallel_for(5, ctypes.pythonapi.Py_IsInitialized), TypeError, "needs the GIL"),
        (lambda pool, lib: pool.parallel_for(5, ctypes.CFUNCTYPE(None)(0)), ValueError, "is a null pointer"),
        (lambda pool, lib: ThreadPool(0), ValueError, "workers is 0, not from 1 to 64"),
        (lambda pool, lib: ThreadPool("2"), TypeError, "workers is a str"),
        (lambda pool, lib: ThreadPool(1, affinity=70_000), ValueError, "asks for CPU 70000, which"),
        (lambda pool, lib: ThreadPool(2, affinity=[[0]]), ValueError, r"affinity has 1 sets of CPUs for 2 worker\(s\)"),
        (lambda pool, lib: ThreadPool(1, priority=100), ValueError, "priority is 100"),
        (lambda pool, lib: ThreadPool(1, name=7), TypeError, "name is a int"),
        (lambda pool, lib: pool.close(timeout=-1), ValueError, "timeout is -1"),
    ],
)
def test_bad_arguments_are_named_and_change_nothing(pool, bands, call, error, words):
    bands.two_arguments.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    before = threading.active_count()
    with pytest.raises(error, match=words):
        call(pool, bands)
    assert threading.active_count() == before
    assert pool.parallel_for(4, lambda begin, end: None) == 0


def test_bands_may_share_out_loops_of_their_own_also_from_many_threads(pool):
    total, lock = [0], threading.Lock()

    def inner(begin, end):
        with lock:
            total[0] += end - begin

    def outer(begin, end):
        for _ in range(begin, end):
            pool.parallel_for(8, inner, grain=1)

    callers = [threading.Thread(target=pool.parallel_for, args=(5, outer), kwargs={"grain": 1}) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert total == [4 * 5 * 8]


def test_workers_are_python_threads_named_placed_and_told_of():
    cpu = min(os.sched_getaffinity(0))
    with ThreadPool(2, affinity=[[cpu], cpu], priority="normal", name="bands") as pool:
        assert [thread.name for thread in pool.threads] == ["bands-0", "bands-1"]
        tasks = {Path(f"/proc/self/task/{thread.native_id}/comm").read_text().strip() for thread in pool.threads}
        assert tasks == {"bands-0", "bands-1"}
        for thread in pool.threads:
            assert os.sched_getaffinity(thread.native_id) == {cpu}
        assert f"bands-1: CPU {cpu}, normal priority" in pool.explain()
        assert repr(pool) == "<ThreadPool 'bands' of 2>"
    assert repr(pool) == "<ThreadPool 'bands' of 2 closed>"
    with ThreadPool() as pool:
        assert pool.workers == max(len(placement.allowed_cpus()) - 1, 1)
        assert "camkit-pool-0: placed by the system" in pool.explain()


def test_a_refused_priority_is_told_and_the_pool_works():
    said = child(
        "import resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        "pool = ThreadPool(1, priority=30); print(pool.explain()); print(pool.parallel_for(9, lambda b, e: None))"
    )
    assert " ".join(said[4:11]) == "camkit-pool-0: SCHED_FIFO 30 refused (Operation not permitted):"
    assert said[-1] == "0"


def test_idle_workers_sleep_in_the_kernel(pool):
    def switches():
        text = [Path(f"/proc/self/task/{t.native_id}/status").read_text() for t in pool.threads]
        return [[line for line in status.splitlines() if "ctxt" in line] for status in text]

    pool.parallel_for(100, lambda begin, end: None, grain=1)
    while pool.stats().sleeps < 2 or any(
        Path(f"/proc/self/task/{t.native_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S"
        for t in pool.threads
    ):
        time.sleep(0.01)
    sleeps, before = pool.stats().sleeps, switches()
    time.sleep(0.3)
    assert switches() == before, "not woken even once"
    assert pool.stats().sleeps == sleeps


def test_close_finishes_what_is_under_way_and_refuses_more(bands):
    pool, flags, got = ThreadPool(1), (ctypes.c_int * 2)(), []
    caller = threading.Thread(target=lambda: got.append(pool.parallel_for(2, bands.wait_for_it, user=flags, grain=1)))
    caller.start()
    while flags[1] < 2:
        time.sleep(0.001)
    with pytest.raises(TimeoutError, match="did not end within 0.05 s: camkit-pool-0 still work"):
        pool.close(timeout=0.05)
    assert pool.closed
    with pytest.raises(RuntimeError, match="takes no more work"):
        pool.parallel_for(1, bands.wait_for_it, user=flags)
    flags[0] = 1
    caller.join()
    pool.close()
    assert got == [0]
    assert not any(thread.is_alive() for thread in pool.threads)
    pool.close()


def test_close_may_abandon_what_has_not_begun_and_counts_it(bands):
    pool, flags, errors = ThreadPool(1), (ctypes.c_int * 2)(), []

    def call():
        try:
            pool.parallel_for(1000, bands.wait_for_it, user=flags, grain=1)
        except RuntimeError as error:
            errors.append(str(error))

    caller = threading.Thread(target=call)
    caller.start()
    while flags[1] < 2:
        time.sleep(0.001)
    closer = threading.Thread(target=pool.close, kwargs={"abandon": True})
    closer.start()
    while not pool.closed:
        time.sleep(0.001)
    flags[0] = 1
    caller.join()
    closer.join()
    assert errors == ["<ThreadPool 'camkit-pool' of 1 closed> was closed before every band was done"]
    assert pool.stats().abandoned == 1000 - flags[1] == 998


def test_a_band_may_close_its_own_pool():
    pool = ThreadPool(1)
    pool.parallel_for(50, lambda begin, end: pool.close(), grain=1)
    pool.close()
    assert not any(thread.is_alive() for thread in pool.threads)


def test_a_forgotten_pool_lets_its_threads_go():
    pool = ThreadPool(2)
    threads, gone = pool.threads, weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    for thread in threads:
        thread.join(200)
        assert not thread.is_alive()


def test_the_interpreter_ends_though_pools_are_open_and_bands_run():
    assert child(
        "idle = ThreadPool(2)\n"
        "busy = ThreadPool(1)\n"
        "caller = threading.Thread(target=busy.parallel_for, args=(10**9, lambda b, e: time.sleep(0.001)), "
        "kwargs={'grain': 1}, daemon=True)\n"
        "caller.start()\n"
        "time.sleep(0.05); print('end')"
    ) == ["end"]


def test_a_forked_child_does_the_work_alone():
    said = child(
        "pool = ThreadPool(2); seen = []\n"
        "pool.parallel_for(9, lambda b, e: None, grain=1)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    pool.parallel_for(9, lambda b, e: seen.append((b, threading.current_thread().name)), grain=4)\n"
        "    print(len(seen), {name for _, name in seen}, pool.threads, 'in a forked child' in pool.explain())\n"
        "    pool.close(); sys.stdout.flush(); os._exit(0)\n"
        "os.waitpid(pid, 0); print(pool.parallel_for(9, lambda b, e: None), len(pool.threads))"
    )
    assert said == ["3", "{'MainThread'}", "()", "True", "0", "2"]


def test_a_child_forked_by_a_band_never_waits_for_the_thieves_of_its_parent():
    said = child(
        "pool = ThreadPool(2); main = threading.get_ident(); gate = threading.Event(); stolen = threading.Event()\n"
        "def band(begin, end):\n"
        "    global pid\n"
        "    if begin == 0 and threading.get_ident() == main:\n"
        "        stolen.wait(); pid = os.fork(); gate.set()\n"
        "    elif begin: stolen.set(); gate.wait()\n"
        "answer = None\n"
        "try: answer = pool.parallel_for(2, band, grain=1)\n"
        "except RuntimeError as error: broken = 'before every band was done' in str(error)\n"
        "if pid == 0: os._exit(77 if broken else 1)\n"
        "print(answer, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert said == ["0", "77"]


ALLOCATIONS = """
import ctypes, threading, time
import numpy as np
probe = ctypes.CDLL(None)
lib = ctypes.CDLL(LIBRARY)
pool = ThreadPool(2)
array = np.zeros(1 << 16, np.uint8)
for _ in range(50): pool.parallel_for(array.size, lib.add_one, user=array, grain=1024)
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)
tids = [thread.native_id for thread in pool.threads] + [threading.get_native_id()]
before = pool.stats()
probe.alloc_probe_count(1)
for _ in range(2000): pool.parallel_for(array.size, lib.add_one, user=array, grain=1024)
probe.alloc_probe_count(0)
after = pool.stats()
print(after.jobs - before.jobs, after.stolen > before.stolen, [probe.alloc_probe_ours(tid) for tid in tids])
"""


def test_a_running_pool_allocates_nothing(bands, alloc_probe):
    library = repr(str(BUILT / "bands.so"))
    said = child(ALLOCATIONS.replace("LIBRARY", library), env=dict(os.environ, LD_PRELOAD=str(alloc_probe)))
    assert " ".join(said) == "2000 True [0, 0, 0]"
