"""Placement: what the kernel says of the thread afterwards, and words for what it refused."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from camkit.performance_core import placement

ALLOWED = sorted(os.sched_getaffinity(0))
RESET = os.SCHED_RESET_ON_FORK


def in_thread(work):
    """Call `work` in a thread of its own, whose placement ends with it."""
    got = []
    thread = threading.Thread(target=lambda: got.append(work()))
    thread.start()
    thread.join(200)
    return got[0]


def child(code):
    """Run code in a process of its own: what it gives up it does not get back."""
    lines = ["import os, resource", "from camkit.performance_core import placement", code]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("asked", [ALLOWED[-1], [ALLOWED[-1]], {ALLOWED[0]}, set(ALLOWED)])
def test_the_calling_thread_runs_where_it_was_put_and_no_other_one_does(asked):
    def work():
        words = placement.apply(affinity=asked)
        return words, os.sched_getaffinity(0)

    words, cpus = in_thread(work)
    assert cpus == ({asked} if isinstance(asked, int) else set(asked))
    assert words == f"CPU {placement.cpu_list(cpus)}"
    assert sorted(os.sched_getaffinity(0)) == ALLOWED


@pytest.mark.parametrize(
    ("affinity", "error", "words"),
    [
        (100_000, ValueError, "asks for CPU 100000, which this thread may not use; it may use "),
        ([ALLOWED[0], 4097, 4098], ValueError, "asks for CPU 4097-4098, which"),
        (-1, ValueError, "asks for CPU -1, which"),
        ([], ValueError, "names no CPU"),
        ("0", TypeError, "affinity is '0', not the number of a CPU or a set of them"),
        (True, TypeError, "affinity is True"),
        ([0.5], TypeError, r"affinity is \[0.5\]"),
    ],
)
def test_cpus_that_cannot_be_had_are_refused_before_anything_happens(affinity, error, words):
    with pytest.raises(error, match=words):
        placement.apply(affinity=affinity, priority=1)
    assert sorted(os.sched_getaffinity(0)) == ALLOWED
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize(
    ("priority", "error", "words"),
    [
        (100, ValueError, "priority is 100, not from 0 to 99"),
        (-1, ValueError, "priority is -1, not from 0 to 99"),
        ("high", ValueError, "priority is 'high', not 'normal' or a number from 1 to 99"),
        (1.5, TypeError, "priority is a float"),
        (True, TypeError, "priority is a bool"),
    ],
)
def test_what_is_no_priority_is_refused(priority, error, words):
    with pytest.raises(error, match=words):
        placement.check(None, priority)


def test_nothing_asked_is_nothing_said():
    assert placement.apply() == ""
    assert placement.check(None, None) == (None, None)
    assert placement.check([ALLOWED[0]], "normal") == (frozenset({ALLOWED[0]}), 0)


def test_real_time_is_got_where_the_system_allows_it_and_told_where_not():
    def work():
        words = placement.apply(affinity=ALLOWED[0], priority=7)
        return words, os.sched_getscheduler(0), os.sched_getparam(0).sched_priority

    def allowed():
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(7))
        except PermissionError:
            return False
        return True

    words, policy, level = in_thread(work)
    if in_thread(allowed):
        assert (policy, level) == (os.SCHED_FIFO | RESET, 7)
        assert words == f"CPU {ALLOWED[0]}, SCHED_FIFO 7"
    else:
        assert (policy, level) == (os.SCHED_OTHER, 0)
        assert "SCHED_FIFO 7 refused (Operation not permitted)" in words


# Root gives up its rights for good; somebody else has none to give up, but may lower the limit.
GIVE_UP = """
resource.setrlimit(resource.RLIMIT_RTPRIO, (ALLOWANCE, ALLOWANCE))
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
"""


def test_a_refused_priority_is_told_with_its_reason_and_the_thread_goes_on():
    said = child(
        GIVE_UP.replace("ALLOWANCE", "0") + "print(placement.apply(priority=50)); print(os.sched_getscheduler(0))"
    )
    words, policy = said.splitlines()
    assert words == (
        "SCHED_FIFO 50 refused (Operation not permitted): RLIMIT_RTPRIO is 0 and the process has no CAP_SYS_NICE; a "
        "line 'USER - rtprio 50' in /etc/security/limits.conf, or LimitRTPRIO= of its service, allows it; it goes on "
        "as normal priority"
    )
    assert int(policy) == os.SCHED_OTHER


def test_an_allowance_is_used_up_to_its_height_and_given_back():
    """Where nobody may raise the limit, the one that stands is tried: its height may be 0."""
    limit, *said = child(
        "try:\n    resource.setrlimit(resource.RLIMIT_RTPRIO, (10, 10))\nexcept ValueError:\n    pass\n"
        "limit = min(resource.getrlimit(resource.RLIMIT_RTPRIO))"
        + GIVE_UP.replace("ALLOWANCE", "limit")
        + "print(limit)\n"
        "for level in [limit, limit + 1, 'normal']:\n"
        "    print(placement.apply(priority=level), '|', os.sched_getparam(0).sched_priority)"
    ).splitlines()
    if int(limit):
        assert said[0] == f"SCHED_FIFO {limit} | {limit}"
    assert said[1].startswith(
        f"SCHED_FIFO {int(limit) + 1} refused (Operation not permitted): RLIMIT_RTPRIO is {limit}"
    )
    assert said[1].endswith(f"it goes on as SCHED_FIFO {limit} | {limit}" if int(limit) else "normal priority | 0")
    assert said[2] == "normal priority | 0"


def test_what_a_real_time_thread_starts_is_an_ordinary_one():
    def work():
        placement.apply(priority=5)
        return in_thread(lambda: os.sched_getscheduler(0))

    assert in_thread(work) & ~RESET == os.SCHED_OTHER


def test_a_system_without_such_calls_says_so(monkeypatch):
    for name in ("sched_setaffinity", "sched_getaffinity", "sched_setscheduler"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert placement.apply(affinity=0, priority=50) == (
        "CPU 0 not set: darwin lets no program choose its CPUs this way, SCHED_FIFO 50 not set: darwin has no such "
        "call, the thread keeps the priority it has"
    )


def test_the_name_of_a_thread_is_shown_by_the_system():
    def work():
        placement.name_thread("camkit-a-long-name-of-a-thread")
        return Path("/proc/thread-self/comm").read_text()

    assert in_thread(work) == "camkit-a-long-n\n"


def test_lists_of_cpus_are_short():
    assert placement.cpu_list({5, 0, 1, 2, 9, 8}) == "0-2,5,8-9"
