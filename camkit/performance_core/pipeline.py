"""Pipeline: sources -> stages -> sinks, in threads of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from camkit.errors import CamkitError, OutputError
from camkit.memory_manager._checks import check_timeout
from camkit.performance_core import ending, reconfigure, starting, waiting
from camkit.performance_core._queue import POLICIES, FrameQueue
from camkit.performance_core._run import Run
from camkit.performance_core._sink import Sink
from camkit.performance_core.account import Closed, Error, take_account
from camkit.performance_core.drawing import draw
from camkit.performance_core.graph import Graph
from camkit.performance_core.latch import Latch
from camkit.performance_core.observation import Observation, write_report
from camkit.performance_core.strand import Loom, Strand

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from camkit.memory_manager import Frame
    from camkit.performance_core._source import Source
    from camkit.performance_core._stage import Stage
    from camkit.performance_core.node_stats import SourceStats
    from camkit.performance_core.stats import PipelineStats
    from camkit.performance_core.step import Step
    from camkit.performance_core.tee import Branch, Tee
    from camkit.performance_core.timeline import Timeline
    from camkit.performance_core.trace import Trace

JOIN_S = 5.0  # how long stop() waits for threads before it names the one that hangs


class Pipeline:
    """Bring frames from a source, or from several, through stages to one sink or many.

    A source and the native stages behind it run in one thread without the GIL, every Python callable begins a thread of
    its own, and so does a sink; `Step` says otherwise. Between threads stands a queue with `policy`. A `Tee` as the
    last node goes on in several branches, a `Match` as the first one brings several cameras together.

    All methods may be called from any thread, several at once and in any order; `stop`, `drain` and `abort` also by one
    of the pipeline's stages and by a signal handler. A pipeline may be run again when it has ended.

    Parameters
    ----------
    source : Camera, Source, Step or Match
        Where frames come from. It is started and stopped by the pipeline.
    *nodes : Stage, callable, Sink, Step or Tee
        Stages in order; a Sink or a Tee may come last. Without one, frames end after the last stage.
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
        *nodes: Stage | Sink | Step | Tee | Callable[[Frame], Any],
        policy: str = "block",
        depth: int = 2,
        watchdog: float | None = 30.0,
    ) -> None:
        if policy not in POLICIES:
            raise ValueError(f"policy is {policy!r}, not one of {', '.join(POLICIES)}")
        if watchdog is not None and check_timeout(watchdog, "watchdog") == 0:
            raise ValueError(f"watchdog is {watchdog!r}, not a number of seconds above 0, or None")
        FrameQueue(depth, policy)  # says what is wrong with a depth now, not at the start
        self._graph = Graph(source, nodes, policy, depth)
        self.watchdog = watchdog
        self._run: Run | None = None
        self._loom: Loom | None = None
        self._strands: list[Strand] = []  # replaced, never changed: threads read it without a lock
        self._closed = Closed()  # of branches that were removed during the run
        self._changing = threading.RLock()  # of the graph, and of who starts the threads
        self._unclosed: list[Run] = []  # the run whose account is not closed yet; pop() hands it to one thread
        self._listeners: list[Callable[[], None]] = []  # called at the end of every thread, in it
        self._deadline: float | None = None
        self._before: dict[str, SourceStats] = {}
        self._absent: dict[str, SourceStats] = {}  # as _before, from before the sources were started
        self._began = self._ended = 0.0
        self._go = Latch()
        self._observed: Observation | None = None
        self._timeline: Timeline | None = None  # of the run under way, or of the last
        self._unwritten: OutputError | None = None
        self._starter: int | None = None  # the thread that is inside start()
        self._beginning: list[Strand] = []  # whose nodes get ready: who holds `_changing` waits for them

    def __repr__(self) -> str:
        return f"<Pipeline {self._graph}{' running' if self.running else ''}>"

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

    async def __aenter__(self) -> Pipeline:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.drain()
            await self.wait_async()
        else:
            self.abort()
            with contextlib.suppress(CamkitError):
                await self.wait_async()

    # ---- running -----------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        frames: int | None = None,
        seconds: float | None = None,
        trace: Trace | str | os.PathLike[str] | None = None,
        report: str | os.PathLike[str] | None = None,
    ) -> PipelineStats:
        """Start, wait for the end, and return `stats()`.

        Parameters
        ----------
        frames : int, optional
            Stop when this many were delivered to the sink, or to the first Tee; of a Match this many sets.
        seconds : float, optional
            Stop after this time. Without either it goes on until the source ends or `stop` is called.
        trace : Trace or path, optional
            Write each frame's way through each thread into this file when the run has ended, however it ends, for
            https://ui.perfetto.dev. Each thread keeps its latest events in memory of a fixed size; see `Trace`.
        report : path, optional
            Write an HTML page of what was measured into this file when the run has ended, however it ends; with the
            course of time, kept in memory of a fixed size.

        Raises
        ------
        OutputError
            The trace or the report cannot be written. Told before the run begins, as far as that can be known.
        PipelineError
            A stage or a sink raised, hung or broke its contract; `__cause__` is its own error.
        CamkitError
            A camera, or OpenGL, failed: the error as the source or the sink raised it.
        """
        self.start(frames=frames, seconds=seconds, trace=trace, report=report)
        self.wait()
        return self.stats()

    def start(
        self,
        *,
        frames: int | None = None,
        seconds: float | None = None,
        trace: Trace | str | os.PathLike[str] | None = None,
        report: str | os.PathLike[str] | None = None,
    ) -> None:
        """Start the threads and return when every node is ready. Parameters and errors as for `run`."""
        starting.start(self, frames, seconds, trace, report)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over, serving the sinks' windows meanwhile. Ctrl-C aborts the run at once.

        In a coroutine use `wait_async`, which does not hold up the event loop.

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
        return waiting.wait(self, timeout)

    async def wait_async(self, timeout: float | None = None) -> bool:
        """Wait until the run is over without holding up the event loop; otherwise as `wait`.

        A task that is cancelled here, or meets `asyncio.timeout`, aborts the run and ends when its threads have.

        Parameters, returns and errors as for `wait`.
        """
        return await waiting.wait_async(self, timeout)

    def stop(self, timeout: float = JOIN_S) -> None:
        """Take no more frames, deliver those under way, and wait for the threads: `drain`, then `wait`.

        Called by one of the pipeline's own stages it does not wait: the run ends when the stage has returned.

        Raises
        ------
        PipelineError
            A stage did not come back within `timeout` seconds; the message names it. The run is aborted, and a thread
            that does not end even so is left behind.
        """
        ending.stop(self, timeout)

    def drain(self) -> None:
        """Take no more frames and deliver those under way. Returns at once; `wait` waits for the end."""
        if self._run is not None:
            self._run.stop()
            self._wake()

    def abort(self) -> None:
        """End the run without delivering what is under way. Returns at once; `wait` waits for the threads."""
        if self._run is not None:
            self._run.abort()
            self._wake()
        for strand in self._strands:
            strand.worker.abort_links()

    # ---- while frames flow -------------------------------------------------------------------------------------

    def add(self, branch: Any, to: Tee | None = None) -> Branch:
        """Let a branch off a Tee, also while frames flow: it gets every frame from the next one on.

        Returns when the branch's nodes are ready. No frame of another branch is lost or comes twice.

        Parameters
        ----------
        branch : Branch, list of nodes, or a single node
            As for `Tee`.
        to : Tee, optional
            Where it begins. Default: the only Tee.

        Returns
        -------
        Branch
            For `remove`. Its account is in `stats().branches`.

        Raises
        ------
        ValueError
            There is no Tee, or several; or the branch stands in this pipeline already.
        FormatMismatch
            A node of it does not take what comes.
        PipelineError, CamkitError
            A node of it could not be started; the pipeline goes on without it.
        RuntimeError
            A node works in another pipeline.
        """
        return reconfigure.add_branch(self, branch, to)

    def remove(self, branch: Branch, *, drain: bool = True, timeout: float = JOIN_S) -> None:
        """Take a branch away, also while frames flow; the others go on and lose nothing.

        Called by one of the threads that this would wait for it does not wait: the branch ends soon after.

        Parameters
        ----------
        branch : Branch
            As `add` returned it, or as it was given to the Tee.
        drain : bool, optional
            Deliver what is in the branch; else it is dropped, and counted as aborted.
        timeout : float, optional
            Seconds to wait for its threads.

        Raises
        ------
        ValueError
            It is no branch of this pipeline.
        PipelineError
            A stage did not come back in time; the message names it. Its thread is left behind.
        """
        reconfigure.remove_branch(self, branch, drain, timeout)

    # ---- what it is and what it did ----------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Tell whether a run has begun and not ended."""
        return any(not strand.worker.done.is_set() for strand in self._strands)

    @property
    def policy(self) -> str:
        """str: what a full queue does that nothing else is said of."""
        return self._graph.policy

    @property
    def depth(self) -> int:
        """int: frames that such a queue holds."""
        return self._graph.depth

    @property
    def source(self) -> Source:
        """Source: where frames come from; of a Match the reference."""
        return self._graph.sources[0]

    def source_of(self, node: Source | Stage | Sink) -> Source:
        """Return the source whose frames a node of this pipeline gets; behind a Match that of the reference."""
        return self._graph.source_of(node)

    @property
    def errors(self) -> list[Error]:
        """list of (error, node, sequence): what went wrong in this run so far, also before `wait` raises it."""
        found = [strand.worker.error for strand in self._strands]
        return [error for error in (*found, *self._closed.errors) if error is not None]

    def stats(self) -> PipelineStats:
        """Counts and latencies of this run, or of the last; `stats().check()` makes sure that they add up.

        Returns
        -------
        PipelineStats
        """
        return take_account(self)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write an HTML page of this run, or of the last: one file that needs no other and no network.

        It has the latencies' distributions, what became of every frame, queues, threads and copies; and the course of
        time if the run was started with `report`. Every number is one of `stats()`.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        write_report(self, path, self._timeline)

    def explain(self) -> str:
        """Draw in text which nodes run in which thread behind which queue, and tell what each says of itself."""
        return draw(self)

    def frames_on_gpu(self) -> frozenset[int]:
        """Addresses of the frames whose own memory the nodes have a GPU read now. Any thread; for `Source.slots`."""
        return frozenset().union(*(node.frames_on_gpu() for node in self._graph.nodes))

    # ---- inside ------------------------------------------------------------------------------------------------

    def _thread_ended(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _wake(self) -> None:
        if self._run is not None:
            self._run.wake()
        for source in self._graph.sources:
            source.wake()
        for strand in self._strands:
            if strand.matcher is not None:
                strand.matcher.wake()

    def _own_thread(self) -> bool:
        """Tell whether this thread is one of the run, or is starting it: a signal handler may come in between."""
        return self._starter == threading.get_ident() or any(
            strand.thread is threading.current_thread() for strand in (*self._strands, *self._beginning)
        )

    def _join(self, timeout: float | None, strands: list[Strand] | None = None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        strands = self._strands if strands is None else strands
        for strand in strands:
            if strand.thread is not threading.current_thread():
                left = None if until is None else max(0.0, until - time.monotonic())
                # One that has not begun yet is being started by another thread, or given up.
                if strand.worker.done.wait(left) and strand.started:
                    strand.thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return all(strand.worker.done.is_set() and not strand.thread.is_alive() for strand in strands)

    @property
    def _all_strands(self) -> list[Strand]:
        return [*self._strands, *self._closed.traced]
