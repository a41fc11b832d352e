"""Step: a node of a pipeline with a say in the thread that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camkit.memory_manager._checks import check_int
from camkit.performance_core import placement
from camkit.performance_core._queue import FrameQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BATCH = 1024


class Step:
    """Wrap a node where it stands in a pipeline, and say in which thread it runs and how.

    Without one, a native stage shares the thread of the node before it, and a Python callable and a sink begin a thread
    of their own. What belongs to a thread, or to the link in front of it, is said where the thread begins: a node with
    any of these options begins one, unless `thread` says otherwise. Immutable.

    Parameters
    ----------
    node : Source, Stage, callable or Sink
        What to wrap.
    thread : bool or str, optional
        True: begin a thread. False: stay in that of the node before. A name: stay there if the node before has the same
        name, else begin a thread.
    affinity : int or iterable of int, optional
        CPUs that the thread may run on.
    priority : int or "normal", optional
        1 to 99: SCHED_FIFO where the system allows it; `explain()` tells what was refused and why.
    batch : int, optional
        Take up to so many frames at once if they wait already, 1 to 1024; nothing waits for more. A native stage gets
        them in `process_n`, a Python callable is called with a list of frames.
    policy : str, optional
        What the link in front of the thread does when it is full. Default: the pipeline's.
    depth : int, optional
        Frames that it holds. Default: the pipeline's.
    wait : str, optional
        How its consumer waits for a frame, as for `FrameQueue`: `park` (the default) or `spin`.

    Raises
    ------
    TypeError, ValueError
        An option that cannot be meant; the message says what may be asked.

    Examples
    --------
    >>> camkit.Pipeline(camera, camkit.Step(detect, batch=8, affinity=1), camkit.Step(record, policy="drop_newest"))
    """

    def __init__(
        self,
        node: Any,
        *,
        thread: bool | str | None = None,
        affinity: int | Iterable[int] | None = None,
        priority: int | str | None = None,
        batch: int = 1,
        policy: str | None = None,
        depth: int | None = None,
        wait: str | None = None,
    ) -> None:
        if isinstance(node, Step):
            raise TypeError(f"{node!r} is a Step already: give all its options at once")
        if thread is not None and not isinstance(thread, (bool, str)):
            raise TypeError(f"thread is {thread!r}, not True, False or a name")
        if thread == "":
            raise ValueError("thread is '': a name has a letter at least")
        self.node, self.thread = node, thread
        self.affinity, self.priority = placement.check(affinity, priority)
        self.batch = check_int("batch", batch, 1, MOST_BATCH)
        self.policy, self.depth, self.wait = policy, depth, wait
        link_queue(policy or "block", 2 if depth is None else depth, wait)  # says now what is wrong with them
        if thread is False and self.demanding:
            raise ValueError(
                f"{self!r} asks for something of its thread and, by thread=False, for none of its own: give the option "
                "to the node that begins the thread"
            )

    def __repr__(self) -> str:
        return f"<Step {name_of(self.node)!r}>"

    @property
    def placed(self) -> bool:
        """bool: it asks for certain CPUs or a priority."""
        return self.affinity is not None or self.priority is not None

    @property
    def linked(self) -> bool:
        """bool: it asks for something of the link in front of its thread."""
        return self.batch > 1 or any(option is not None for option in (self.policy, self.depth, self.wait))

    @property
    def demanding(self) -> bool:
        """bool: it asks for what only a thread of its own can give."""
        return self.placed or self.linked


def step_of(node: Any) -> Step:
    """Wrap a node that is not wrapped yet, without options."""
    return node if isinstance(node, Step) else Step(node)


def name_of(node: Any) -> str:
    """Name a node, or what was given for one, in a message."""
    for attribute in ("name", "__name__"):
        name = getattr(node, attribute, None)
        if isinstance(name, str):
            return name
    return type(node).__name__


def link_queue(policy: str, depth: int, wait: str | None) -> FrameQueue:
    """Make the link in front of a thread."""
    return FrameQueue(depth, policy, "park" if wait is None else wait)
