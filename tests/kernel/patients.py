"""Helpers of the tests of the doctor: who does harm while it looks, and what it told."""

from __future__ import annotations

import contextlib
import threading
import time

from camkit.doctor import Verdict, examine


class Saboteur:
    """A watcher that does harm when a check begins."""

    def __init__(self, when: str, harm) -> None:
        self.when, self.harm = when, harm
        self.asked: list[str] = []

    def began(self, check, spent, total):
        if check.name == self.when:
            self.harm()

    def ended(self, finding):
        pass

    def ask(self, text):
        self.asked.append(text)

    def stopped(self):
        return False


@contextlib.contextmanager
def again_and_again(act, seconds=0.1):
    """Do something every so often in another thread."""
    end = threading.Event()

    def loop() -> None:
        while not end.wait(seconds):
            act()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def told(report):
    return {finding.name: (finding.verdict.value, finding.summary) for finding in report.findings}


# What a host that holds the guest up for a moment does to a camera: frames come late or not at all.
HASTY = {"stream", "timestamps", "sequence", "latency", "payload", "rates", "modes", "exhaustion", "tearing"}


def alarms(report):
    """Return what was found wrong or not possible, by name; what a busy host can have done must be found again.

    That frames were lost is no false alarm where their numbers say so.
    """
    found = {f.name: f for f in report.findings}
    for _ in range(10):
        bad = {name for name, f in found.items() if f.verdict in (Verdict.PROBLEM, Verdict.NOT_POSSIBLE)}
        if not bad or not bad <= HASTY:
            break
        again = examine(report.info.path, length="quick", only=bad)
        found |= {f.name: f for f in again.findings if f.name in bad}
    told = {name: (found[name].verdict.value, found[name].summary, found[name].evidence) for name in bad}
    _, _, numbers = told.get("sequence", ("", "", {"lost": 0}))
    if numbers["lost"] and not numbers["stood_still"] and not numbers["backwards"]:
        del told["sequence"]
    return told


def when(condition, act):
    """Act in another thread as soon as a condition holds; return what ends that."""

    def wait() -> None:
        while not over.is_set():
            if condition():
                return act()
            time.sleep(0.02)
        return None

    over, thread = threading.Event(), threading.Thread(target=wait)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end
