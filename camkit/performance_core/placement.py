"""Where and how urgently the calling thread runs: its CPUs, its priority and its name in the system's own tools."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from camkit.memory_manager._checks import check_int

HIGHEST = 99  # of SCHED_FIFO on Linux


def check(affinity: Any, priority: Any) -> tuple[frozenset[int] | None, int | None]:
    """Return the two as `apply` wants them, or refuse what cannot be meant.

    Parameters
    ----------
    affinity : int or iterable of int, optional
        CPUs that a thread may run on; of those that the calling thread may use.
    priority : int or str, optional
        1 to 99: real-time, SCHED_FIFO; "normal" (also 0): the ordinary scheduler.

    Returns
    -------
    tuple of (frozenset of int or None, int or None)
        None where nothing was asked; priority 0 is "normal".

    Raises
    ------
    TypeError, ValueError
        Not a CPU that this process may use, or not a priority; the message says what may be asked.
    """
    return _check_affinity(affinity), _check_priority(priority)


def apply(affinity: Any = None, priority: Any = None) -> str:
    """Place the calling thread, and tell in words what was got and what was refused.

    A priority that the system refuses, or a system that has no such thing, is told and is no error: the work goes on
    without. Other threads stay as they are, and what the calling one starts later does not inherit its real-time
    priority (its CPUs it does).

    Parameters
    ----------
    affinity, priority
        As for `check`. None: leave as it is.

    Returns
    -------
    str
        Such as `CPU 1, SCHED_FIFO 50`; empty when nothing was asked.

    Raises
    ------
    TypeError, ValueError
        As for `check`.
    """
    cpus, level = check(affinity, priority)
    words = []
    if cpus is not None:
        words.append(_set_affinity(cpus))
    if level is not None:
        words.append(_set_priority(level))
    return ", ".join(words)


def allowed_cpus() -> frozenset[int]:
    """Return the CPUs that the calling thread may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def name_thread(name: str) -> None:
    """Show the calling thread under this name (its first 15 bytes) in `top -H`, `perf` and debuggers, on Linux."""
    with suppress(OSError), open("/proc/thread-self/comm", "wb", buffering=0) as comm:
        comm.write(name.encode(errors="replace")[:15])


def cpu_list(cpus: Iterable[int]) -> str:
    """Write CPUs as the kernel does: `0-2,5`."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in runs)


def _check_affinity(affinity: Any) -> frozenset[int] | None:
    if affinity is None:
        return None
    given = list(affinity) if isinstance(affinity, Iterable) and not isinstance(affinity, (str, bytes)) else [affinity]
    for cpu in given:
        if isinstance(cpu, bool) or not hasattr(cpu, "__index__"):
            raise TypeError(f"affinity is {affinity!r}, not the number of a CPU or a set of them")
    cpus = frozenset(operator.index(cpu) for cpu in given)
    if not cpus:
        raise ValueError("affinity names no CPU, and a thread must run on one; None leaves it as it is")
    allowed = allowed_cpus()
    if not cpus <= allowed:
        raise ValueError(
            f"affinity asks for CPU {cpu_list(cpus - allowed)}, which this thread may not use; it may use "
            f"{cpu_list(allowed)}"
        )
    return cpus


def _check_priority(priority: Any) -> int | None:
    if priority is None or priority == "normal":
        return priority and 0
    if isinstance(priority, str):
        raise ValueError(f"priority is {priority!r}, not 'normal' or a number from 1 to {HIGHEST}")
    return check_int("priority", priority, 0, HIGHEST)


def _set_affinity(cpus: frozenset[int]) -> str:
    wanted = f"CPU {cpu_list(cpus)}"
    if not hasattr(os, "sched_setaffinity"):
        return f"{wanted} not set: {sys.platform} lets no program choose its CPUs this way"
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return f"{wanted} refused ({error.strerror}): it runs on {cpu_list(allowed_cpus())}"
    # The kernel cuts the set down to what the cpuset holds by now, without a word.
    got = allowed_cpus()
    return wanted if got == cpus else f"{wanted} asked, CPU {cpu_list(got)} got: the others left this process's cpuset"


def _set_priority(level: int) -> str:
    wanted = f"SCHED_FIFO {level}" if level else "normal priority"
    if not hasattr(os, "sched_setscheduler"):
        return f"{wanted} not set: {sys.platform} has no such call, the thread keeps the priority it has"
    # A thread that a stage starts must not be a real-time one unasked; only the privileged may take the flag off again.
    kept = os.sched_getscheduler(0) & os.SCHED_RESET_ON_FORK
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK if level else os.SCHED_OTHER | kept
    try:
        os.sched_setscheduler(0, policy, os.sched_param(level))
    except OSError as error:
        return f"{wanted} refused ({error.strerror}): {_why_refused(level)}; it goes on as {_present()}"
    return wanted


def _why_refused(level: int) -> str:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    if limit != resource.RLIM_INFINITY and limit < level:
        return (
            f"RLIMIT_RTPRIO is {limit} and the process has no CAP_SYS_NICE; a line 'USER - rtprio {level}' in "
            "/etc/security/limits.conf, or LimitRTPRIO= of its service, allows it"
        )
    return "the limits allow it, so a container or a control group without real-time budget forbids it"


def _present() -> str:
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    names = {os.SCHED_OTHER: "normal priority", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}
    name = names.get(policy, f"scheduling policy {policy}")
    level = os.sched_getparam(0).sched_priority
    return f"{name} {level}" if level else name
