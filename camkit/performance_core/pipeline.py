"""Pipeline: source -> stages -> sink, in threads of its own."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from numbers import Integral
from typing import TYPE_CHECKING, Any

from camkit.errors import CamkitError, PipelineError
from camkit.performance_core._queue import POLICIES, FrameQueue
from camkit.performance_core._stage import NullSink, Sink, Source, Stage
from camkit.performance_core._worker import Run, Worker
from camkit.performance_core.account import take_account
from camkit.performance_core.stages import PyStage
from camkit.performance_core.thread_clock import ThreadClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from camkit.memory_manager import Frame
    from camkit.performance_core.stats import PipelineStats, SourceStats

PUMP_S = 0.01  # how often the waiting thread serves windows
LOOK_S = 0.25  # how often it looks for a stage that hangs, where there is no window to serve
JOIN_S = 5.0  # how long stop() waits for threads before it names the one that hangs

_live: weakref.WeakSet[Pipeline] = weakref.WeakSet()
_starting = threading.Lock()  # of `_live`, and so that of two pipelines with one node only one begins


class Pipeline:
    """Bring frames from a source through stages to a sink.

    The source and the native stages behind it run in one thread without the GIL, every Python callable begins a thread
    of its own, and so does the sink. Between threads stands a queue with `policy`. All methods may be called from any
    thread; a pipeline may be run again when it has ended.

    Parameters
    ----------
    source : Camera or Source
        Where frames come from. It is started and stopped by the pipeline.
    *nodes : Stage, callable or Sink
        Stages in order; a Sink may come last. Without one, frames end after the last stage.
    policy : str, optional
        What a full queue does: `block` (wait; the camera loses frames, which is counted), `drop_newest` (the frame that
        comes), `drop_oldest` (the one that has waited longest) or `latest` (likewise, with room for one only).
    depth : int, optional
        Frames that a queue holds; `latest` always holds one.
    watchdog : float, optional
        Seconds that one stage may take for one frame before `wait` raises; None: for ever.

    Examples
    --------
    >>> with camkit.open("synthetic") as camera:
    ...     pipeline = camkit.Pipeline(camera, lambda frame: print(frame.sequence))
    ...     pipeline.run(frames=3)
    0
    1
    2
    """

    def __init__(
        self,
        source: Any,
        *nodes: Stage | Sink | Callable[[Frame], Any],
        policy: str = "block",
        depth: int = 2,
        watchdog: float | None = 30.0,
    ) -> None:
        self._source = getattr(source, "source", source)
        if not isinstance(self._source, Source):
            raise TypeError(f"a pipeline begins with a camera or a Source, not {type(source).__name__}")
        if policy not in POLICIES:
            raise ValueError(f"policy is {policy!r}, not one of {', '.join(POLICIES)}")
        if watchdog is not None and not watchdog > 0:
            raise ValueError(f"watchdog is {watchdog!r}, not a number of seconds above 0, or None")
        FrameQueue(depth, policy)  # says what is wrong with a depth now, not at the start
        last = nodes[-1] if nodes and isinstance(nodes[-1], Sink) else None
        stages = nodes if last is None else nodes[:-1]
        self._stages = [_stage(node) for node in stages]
        self._sink = last if last is not None else NullSink()
        names = [node.name for node in self._stages]
        for i, node in enumerate(self._stages):
            if node.name in names[:i]:
                node.name = f"{node.name}#{i + 1}"
        if len({id(node) for node in self._stages}) < len(self._stages):
            raise ValueError("a stage object can stand in a pipeline only once: make another one")
        self.policy, self.depth, self.watchdog = policy, depth, watchdog
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._workers: list[Worker] = []
        self._threads: list[threading.Thread] = []
        self._collected = True
        self._deadline: float | None = None
        self._queues: list[FrameQueue] = []
        self._clocks: list[ThreadClock] = []
        self._before: SourceStats | None = None
        self._absent: SourceStats | None = None  # as _before, from before the source was started
        self._began = self._ended = 0.0

    def __repr__(self) -> str:
        chain = " -> ".join(node.name for node in self._nodes)
        return f"<Pipeline {chain}{' running' if self.running else ''}>"

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.abort()
            self._join(JOIN_S)

    # ---- running -----------------------------------------------------------------------------------------------

    def run(self, *, frames: int | None = None, seconds: float | None = None) -> PipelineStats:
        """Start, wait for the end, and return `stats()`.

        Parameters
        ----------
        frames : int, optional
            Stop when this many were delivered to the sink.
        seconds : float, optional
            Stop after this time. Without either it goes on until the source ends or `stop` is called.

        Raises
        ------
        PipelineError
            A stage or the sink raised, hung or broke its contract; `__cause__` is its own error.
        CamkitError
            The camera, or OpenGL, failed: the error as the source or the sink raised it.
        """
        self.start(frames=frames, seconds=seconds)
        self.wait()
        return self.stats()

    def start(self, *, frames: int | None = None, seconds: float | None = None) -> None:
        """Start the threads and return when every node is ready. Parameters and errors as for `run`."""
        if frames is not None and (
            isinstance(frames, bool) or not isinstance(frames, Integral) or not 0 < frames < 1 << 63
        ):
            raise ValueError(f"frames is {frames!r}, not a whole number from 1 on")
        if seconds is not None and not 0 < seconds < 1e9:
            raise ValueError(f"seconds is {seconds!r}, not a number above 0")
        with _starting:
            if self.running:
                raise RuntimeError("the pipeline is running already: stop it first")
            self._need_own_nodes()
            self._announce()
            self._build(frames)
            self._absent = self._source.stats()
        # The sink is ready before its producer begins, so that no frame waits for a GL context.
        try:
            for thread, worker in zip(reversed(self._threads), reversed(self._workers), strict=True):
                if any(other.error for other in self._workers):
                    worker.done.set()
                    continue
                thread.start()
                while not worker.ready.wait(PUMP_S):
                    self._sink.pump()
        except BaseException:
            self.abort()
            self._go.set()
            for thread, worker in zip(self._threads, self._workers, strict=True):
                if thread.ident is None:  # it will not come any more
                    worker.done.set()
            if self._join(JOIN_S):
                self._account()
            raise
        self._before = self._source.stats()
        self._began = time.monotonic()
        self._deadline = None if seconds is None else self._began + seconds
        self._go.set()
        if any(worker.error for worker in self._workers):
            self.wait()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over, serving the sink's window meanwhile. Ctrl-C aborts the run at once.

        Parameters
        ----------
        timeout : float, optional
            Give up after this many seconds.

        Returns
        -------
        bool
            False when `timeout` came first; the run goes on.

        Raises
        ------
        PipelineError, CamkitError
            As for `run`. Raised once.
        RuntimeError
            Called by one of the pipeline's own stages, which it would wait for.
        """
        if threading.current_thread() in self._threads:
            raise RuntimeError(f"a stage cannot wait for its own pipeline, {self!r}: it would wait for itself")
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout is {timeout!r}, not a number of seconds from 0 on")
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while not all(worker.done.is_set() for worker in self._workers):
                now = time.monotonic()
                if until is not None and now >= until:
                    return False
                if self._deadline is not None and now >= self._deadline:
                    self._deadline = None
                    self._stop_source()
                if not self._sink.pump():
                    self._stop_source()
                self._look_for_hang()
                for worker in self._workers:
                    if not worker.done.is_set():
                        worker.done.wait(self._patience(now, until))
                        break
        except BaseException:
            self.abort()
            if self._join(JOIN_S if self._hanging(0.5) is None else 0.1):
                self._account()
            raise
        self._join(None)
        self._collect()
        return True

    def stop(self, timeout: float = JOIN_S) -> None:
        """Take no more frames, deliver those under way, and wait for the threads.

        Called by one of the pipeline's own stages it does not wait: the run ends when the stage has returned.

        Raises
        ------
        PipelineError
            A stage did not come back within `timeout` seconds; the message names it. Its thread is left behind.
        """
        self._stop_source()
        if threading.current_thread() not in self._threads:
            self._finish(timeout)

    def abort(self) -> None:
        """End the run without delivering what is under way. Returns at once; `wait` waits for the threads."""
        if self._run is not None:
            self._run.abort()
            self._source.wake()
        for worker in self._workers:
            worker.abort_queues()

    @property
    def running(self) -> bool:
        """Tell whether a run has begun and not ended."""
        return any(not worker.done.is_set() for worker in self._workers)

    @property
    def source(self) -> Source:
        """Source: where frames come from."""
        source: Source = self._source
        return source

    @property
    def errors(self) -> list[tuple[BaseException, Source | Stage | Sink | None, int | None]]:
        """list of (error, node, sequence): what went wrong in this run so far, also before `wait` raises it."""
        return [worker.error for worker in self._workers if worker.error is not None]  # type: ignore[misc]

    # ---- accounts ----------------------------------------------------------------------------------------------

    def stats(self) -> PipelineStats:
        """Counts and latencies of this run, or of the last; `stats().check()` makes sure that they add up.

        Returns
        -------
        PipelineStats
        """
        return take_account(self)

    def explain(self) -> str:
        """Tell in words which nodes run in which thread, and what each of them says of itself."""
        lines = [repr(self)]
        for i, (inlet, nodes, _) in enumerate(self._segments()):
            names = [node.name for node in ([inlet] if inlet is not None else []) + nodes]
            lines.append(f"thread {i + 1}: {' + '.join(names)}")
        lines.append(f"queues between threads: {self.policy}, {1 if self.policy == 'latest' else self.depth} frame(s)")
        lines += [f"{node.name}: {node.explain()}" for node in self._nodes]
        return "\n".join(lines)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _segments(self) -> list[tuple[Any, list[Any], Any]]:
        """Cut the chain into threads: (source or None, stages and perhaps the sink, sink or None)."""
        groups: list[list[Any]] = [[]]
        for stage in self._stages:
            if isinstance(stage, PyStage):
                groups.append([])
            groups[-1].append(stage)
        if not isinstance(self._sink, NullSink):
            groups.append([])
        groups[-1].append(self._sink)
        return [
            (self._source if i == 0 else None, group, self._sink if i == len(groups) - 1 else None)
            for i, group in enumerate(groups)
        ]

    @property
    def _nodes(self) -> list[Any]:
        return [self._source, *self._stages, self._sink]

    def _need_own_nodes(self) -> None:
        """Refuse nodes that work in another pipeline: each serves one thread, and ends with its own pipeline's run."""
        for other in _live:
            if other is self or not other.running:
                continue
            for node in self._nodes:
                if any(node is taken for taken in other._nodes):
                    raise RuntimeError(f"{node.name!r} is in use by {other!r}: stop that pipeline first")

    def _announce(self) -> None:
        """Tell the nodes which pipeline they work in, and the sink what the source delivers before stages change it."""
        for node in self._nodes:
            node.attach(self)
        stream = getattr(self._source, "stream", None)
        if stream is not None and (stream.stride or not self._stages):
            self._sink.expect(stream.format, (stream.width, stream.height), stream.stride)

    def _build(self, frames: int | None) -> None:
        self._run, self._go, self._collected = Run(frames or 0), threading.Event(), False
        self._workers, self._threads, self._queues, self._clocks = [], [], [], []
        self._before, self._began, self._ended = None, 0.0, 0.0
        inlet: Any = self._source
        for source, group, sink in self._segments():
            outlet = FrameQueue(self.depth, self.policy) if sink is None else sink
            if sink is None:
                self._queues.append(outlet)
            stages = [node for node in group if node is not sink]
            hold = self._go if source is not None else None
            self._workers.append(Worker(self._run, inlet, stages, outlet, f"link_{len(self._workers)}", hold))
            inlet = outlet
        # Daemons: a stage that never returns must not keep the interpreter from ending; _stop_all ends the others.
        self._clocks = [ThreadClock() for _ in self._workers]
        self._threads = [
            threading.Thread(
                target=_work,
                args=(worker, clock),
                name=f"camkit-{worker.nodes[0].name if worker.nodes else i}",
                daemon=True,
            )
            for i, (worker, clock) in enumerate(zip(self._workers, self._clocks, strict=True))
        ]
        _live.add(self)

    def _stop_source(self) -> None:
        if self._run is not None:
            self._run.stop()
            self._source.wake()

    def _finish(self, timeout: float) -> None:
        if not self._join(timeout):
            self.abort()
            self._join(min(timeout, 0.5))
            raise self._hang_error(timeout)
        self._collect()

    def _join(self, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _account(self) -> bool:
        """Close the account of a run that has ended; return False if it was closed before."""
        with self._lock:
            if self._collected:
                return False
            self._collected = True
        for worker in self._workers:
            worker.discard()
        self._ended = time.monotonic()
        return True

    def _collect(self) -> None:
        """Close the account and raise what went wrong in the run, once."""
        if self._account():
            for worker in self._workers:
                if worker.error is not None:
                    raise self._wrap(*worker.error)

    def _wrap(self, error: BaseException, node: Any, sequence: int | None) -> BaseException:
        name = node.name if node is not None else "pipeline"
        where = f"on frame {sequence}" if sequence is not None else "outside of a frame"
        if isinstance(error, CamkitError) and not isinstance(node, Stage):
            error.add_note(f"in {name!r} of {self!r}, {where}")
            return error
        kind = "stage" if isinstance(node, Stage) else "sink" if isinstance(node, Sink) else "source"
        text = f"{kind} {name!r} failed {where}: {type(error).__name__}: {error}"
        wrapped = PipelineError(text, stage=name, sequence=sequence)
        wrapped.__cause__ = error
        return wrapped

    def _hanging(self, seconds: float) -> tuple[Any, float, int | None] | None:
        found = [busy for worker in self._workers if (busy := worker.busy()) is not None and busy[1] > seconds]
        return max(found, key=lambda busy: busy[1]) if found else None

    def _patience(self, now: float, until: float | None) -> float:
        """Return how long the waiting thread may sleep: every waking costs the machine as much as a frame does."""
        if type(self._sink).pump is not Sink.pump:
            return PUMP_S
        ends = [moment - now for moment in (until, self._deadline) if moment is not None]
        return max(min([LOOK_S, *ends]), 0.0)

    def _look_for_hang(self) -> None:
        if self.watchdog is not None and self._hanging(self.watchdog) is not None:
            raise self._hang_error(self.watchdog)

    def _hang_error(self, seconds: float) -> PipelineError:
        busy = self._hanging(0.0)
        if busy is None:
            return PipelineError(f"{self!r} did not end within {seconds:g} s")
        node, elapsed, sequence = busy
        on = f" on frame {sequence}" if sequence is not None else ""
        return PipelineError(
            f"stage {node.name!r} hangs{on}: it has not returned for {elapsed:.1f} s; its thread is left behind",
            stage=node.name,
            sequence=sequence,
        )


def _work(worker: Worker, clock: ThreadClock) -> None:
    clock.begin()
    try:
        worker.run()
    finally:
        clock.end()


def _stage(node: Stage | Sink | Callable[[Frame], Any]) -> Stage:
    if isinstance(node, Stage):
        return node
    if isinstance(node, (Source, Sink)):
        raise TypeError(f"{node!r} cannot stand in the middle of a pipeline: a source begins it and a sink ends it")
    return PyStage(node)


@atexit.register
def _stop_all() -> None:
    """End every pipeline before the interpreter goes, so that no thread asks for a GIL that is no more."""
    with _starting:
        pipelines = list(_live)
    for pipeline in pipelines:
        pipeline.abort()
    for pipeline in pipelines:
        pipeline._join(2.0)


def _forget_threads() -> None:
    """Let every pipeline of a forked child know that its threads exist in the parent only."""
    global _starting
    _starting = threading.Lock()
    for pipeline in list(_live):
        pipeline._lock = threading.Lock()
        pipeline._workers, pipeline._threads, pipeline._queues, pipeline._clocks = [], [], [], []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
