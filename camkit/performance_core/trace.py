"""Trace: each frame's way through each thread of a run, as a file for https://ui.perfetto.dev.

The file is in the Trace Event Format of Chrome, which its authors describe in a public document of that name: begin
and end of a slice (`B`, `E`), flow arrows (`s`, `f`), counters (`C`), instants (`i`) and names (`M`), in microseconds.
"""

from __future__ import annotations

import errno
import heapq
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from camkit.errors import OutputError
from camkit.memory_manager._checks import check_int
from camkit.performance_core._trace import TraceRing

OK, FULL, LATE = 0, 5, 4  # answers of a push that the file tells apart, as in status.h
LOST_IN_STAGE = {4: "stage", 6: "bad", 5: "pool"}  # answers of a stage
EVENTS = 1 << 16
FLOW = '"name":"frame","cat":"flow"'

Event = dict[str, Any]


@dataclass(frozen=True)
class Track:
    """One thread: its ring, and the names behind the places in it."""

    name: str
    ring: TraceRing
    source: str
    stages: tuple[str, ...]
    sink: str


class Trace:
    """Record what every thread of a run does with every frame.

    Each thread keeps its latest events in a ring of 32 bytes an event that is allocated before the run; what is
    overwritten is counted, and the file tells how many. So memory does not grow with the length of a run.

    Parameters
    ----------
    path : str or os.PathLike
        The file that is written when the run has ended, also when it was broken off; best with the suffix `.json`.
    events : int, optional
        Events that each thread keeps. A thread makes about two a frame, and one for each of its stages.

    Raises
    ------
    OutputError
        By `Pipeline.start`, before the run begins: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], events: int = EVENTS) -> None:
        self.path = os.fspath(path)
        self.events: int = check_int("events", events, 2, 1 << 24)

    def __repr__(self) -> str:
        return f"<Trace to {self.path!r}>"

    def ring(self) -> TraceRing:
        """Return a ring for one thread."""
        return TraceRing(self.events)


def open_output(path: str | os.PathLike[str], what: str) -> IO[str]:
    """Open a file that will be written at the end of a run, so that nobody learns of a typo after an hour."""
    name = os.fspath(path)
    try:
        # What is there stays until there is something better. Half a surrogate in a name must not spoil the whole file.
        return open(name, "a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(error.errno, f"cannot write the {what} {name!r}: {error.strerror}", name) from error
    except ValueError as error:  # a name that no file can have
        raise OutputError(errno.EINVAL, f"cannot write the {what} {name!r}: {error}", name) from error


def write_trace(
    file: IO[str],
    tracks: list[Track],
    links: Mapping[int, str],
    to_ns: Callable[[int], int],
    about: Mapping[str, Any],
    unseen: Collection[int] = (),
) -> None:
    """Write the events of all threads.

    Parameters
    ----------
    file : text file
        Where to.
    tracks : list of Track
        The threads, in the order in which they are shown.
    links : mapping of int to str
        Names of the queues by their numbers.
    to_ns : callable
        Turns a thread's ticks into nanoseconds of one clock.
    about : mapping
        Facts of the run, for the file's `otherData`.
    unseen : collection of int, optional
        Queues of which it is not told what came out of them.
    """
    told = [[Step(*event) for event in track.ring.events()] for track in tracks]
    times = [to_ns(steps[0].begin) for steps in told if steps]
    zero = min(times, default=0)
    clock = Clock(to_ns, zero)
    flows = Flows(told, unseen)
    threads = [
        Writer(tid, track, links, clock, flows).events(steps)
        for tid, (track, steps) in enumerate(zip(tracks, told, strict=True), 1)
    ]
    # Merged, not gathered and sorted: a long trace is some millions of events.
    body = (text for _, text in heapq.merge(*threads, key=lambda item: item[0]))
    lost = {f"{tid} {track.name}": track.ring.lost for tid, track in enumerate(tracks, 1)}
    head = {"displayTimeUnit": "ms", "otherData": {**about, "lost_events": lost, "zero_monotonic_ns": zero}}
    file.write(json.dumps(head)[:-1] + ', "traceEvents": [\n')
    file.write(",\n".join(map(json.dumps, _names(tracks))))
    for text in body:
        file.write(f",\n{text}")
    file.write("\n]}\n")


@dataclass(frozen=True, slots=True)
class Step:
    """An event as the ring has it."""

    kind: str
    place: int
    frame: int
    begin: int
    end: int
    answer: int
    extra: int


class Clock:
    """Nanoseconds since the first event, and never back."""

    def __init__(self, to_ns: Callable[[int], int], zero: int) -> None:
        self._to_ns, self._zero = to_ns, zero

    def __call__(self, ticks: int) -> int:
        """Convert."""
        return max(0, self._to_ns(ticks) - self._zero)


class Flows:
    """Which frames that were pushed into a queue also came out of it, and which were lost inside."""

    def __init__(self, told: list[list[Step]], unseen: Collection[int]) -> None:
        steps = [step for track in told for step in track]
        self._popped = {(s.place, s.frame) for s in steps if s.kind == "pop"}
        self._pushed = {(s.place, s.frame) for s in steps if s.kind == "push" and s.answer != FULL}
        inside: dict[int, list[int]] = {}
        for s in sorted((s for s in steps if s.kind == "push" and s.answer != FULL), key=lambda s: s.end):
            if (s.place, s.frame) not in self._popped and s.place not in unseen:
                inside.setdefault(s.place, []).append(s.frame)
        self._replaced = {place: iter(frames) for place, frames in inside.items()}

    def joins(self, place: int, frame: int) -> bool:
        """Tell whether both ends of the arrow are known."""
        return (place, frame) in self._popped and (place, frame) in self._pushed

    def replaced(self, place: int) -> int | None:
        """Return the number of the frame that the next `late` was; None: that is not known."""
        return next(self._replaced.get(place, iter(())), None)

    def left(self, place: int) -> Iterator[int]:
        """Yield the frames that were still inside when the run was broken off; after those that were replaced."""
        return self._replaced.get(place, iter(()))


class Writer:
    """Write the events of one thread."""

    def __init__(self, tid: int, track: Track, links: Mapping[int, str], clock: Clock, flows: Flows) -> None:
        self._tid, self._track, self._links, self._clock, self._flows = tid, track, links, clock, flows
        self._last = 0

    def events(self, steps: list[Step]) -> Iterator[tuple[int, str]]:
        """Yield (nanoseconds, event as JSON) in the order of time."""
        # Written by hand, for there are some hundred thousand of them; names are quoted once.
        slices: dict[tuple[str, int], str] = {}
        where = f'"pid":1,"tid":{self._tid}'
        for step in steps:
            kind, place, frame = step.kind, step.place, step.frame
            begin = max(self._clock(step.begin), self._last)
            end = self._last = max(self._clock(step.end), begin)
            if kind == "aborted":
                yield self._drop(end, "aborted", {"frame": frame})
                continue
            if kind == "sink" and step.answer == LATE:  # it never came there
                yield self._drop(end, "late", {"frame": frame})
                continue
            if (name := slices.get((kind, place))) is None:
                name = slices[kind, place] = f'"name":{json.dumps(self._name(step))},"cat":"{kind}"'
            answer = f',"answer":{step.answer}' if step.answer != OK else ""
            yield begin, f'{{"ph":"B",{where},"ts":{begin / 1000},{name},"args":{{"frame":{frame}{answer}}}}}'
            queued = kind in ("push", "pop")
            joined = queued and self._flows.joins(place, frame)
            if joined and kind == "push":
                yield begin, f'{{"ph":"s",{where},"ts":{begin / 1000},{FLOW},"id":"{place}.{frame}"}}'
            yield end, f'{{"ph":"E",{where},"ts":{end / 1000}}}'
            if queued:
                counter = json.dumps(f"frames in {self._link(step)}")
                yield end, f'{{"ph":"C","pid":1,"ts":{end / 1000},"name":{counter},"args":{{"frames":{step.extra}}}}}'
            if joined and kind == "pop":
                # Without a binding point an arrow ends at the next slice: the first stage's work on the frame.
                yield end, f'{{"ph":"f",{where},"ts":{end / 1000},{FLOW},"id":"{place}.{frame}"}}'
            yield from self._drops(step, end)
        for place in {step.place: None for step in steps if step.kind == "push"}:
            for frame in self._flows.left(place):
                yield self._drop(self._last, "aborted", {"frame": frame})

    def _drops(self, step: Step, at: int) -> Iterator[tuple[int, str]]:
        if step.kind == "take" and step.extra:
            yield self._drop(at, "before this frame", {"frame": step.frame, "frames": step.extra})
        elif step.kind == "stage" and step.answer in LOST_IN_STAGE:
            yield self._drop(at, LOST_IN_STAGE[step.answer], {"frame": step.frame})
        elif step.kind == "push" and step.answer == FULL:
            yield self._drop(at, "link", {"frame": step.frame})
        elif step.kind == "push" and step.answer == LATE:
            yield self._drop(at, "late", {"frame": self._flows.replaced(step.place), "by": step.frame})

    def _name(self, step: Step) -> str:
        if step.kind == "stage":
            return self._track.stages[step.place] if step.place < len(self._track.stages) else f"stage {step.place}"
        if step.kind in ("take", "sink"):
            return self._track.source if step.kind == "take" else self._track.sink
        return f"{'into' if step.kind == 'push' else 'wait for'} {self._link(step)}"

    def _link(self, step: Step) -> str:
        return self._links.get(step.place, f"link_{step.place}")

    def _drop(self, at: int, cause: str, args: Event) -> tuple[int, str]:
        told = {"name": f"dropped: {cause}", "cat": "drop", "s": "t", "args": args}
        return at, json.dumps({"ph": "i", "pid": 1, "tid": self._tid, "ts": at / 1000, **told})


def _names(tracks: list[Track]) -> Iterator[Event]:
    yield {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": "camkit pipeline"}}
    for tid, track in enumerate(tracks, 1):
        yield {"ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": {"name": track.name}}
        yield {"ph": "M", "pid": 1, "tid": tid, "name": "thread_sort_index", "args": {"sort_index": tid}}
