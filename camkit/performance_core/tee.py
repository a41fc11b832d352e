"""Tee: one stream of frames into several branches. Branch: the nodes of one of them."""

from __future__ import annotations

from typing import Any

from camkit.performance_core._source import Source
from camkit.performance_core.step import link_queue, name_of, step_of


class Branch:
    """Nodes behind a Tee, with a thread and a link of their own.

    Parameters
    ----------
    *nodes : Stage, callable, Sink, Step or Tee
        As in a pipeline: stages in order, perhaps a sink or another Tee last.
    name : str, optional
        In statistics. Default: that of the last node.
    policy : str, optional
        What the branch's link does when it is full. Default: the pipeline's. Under `block` a slow branch holds up the
        others; under any other it does not.
    depth : int, optional
        Frames that its link holds. Default: the pipeline's.
    """

    def __init__(self, *nodes: Any, name: str | None = None, policy: str | None = None, depth: int | None = None):
        if not nodes:
            raise ValueError("a branch has one node at least; camkit.NullSink() takes frames and lets them go")
        for node in nodes:
            if isinstance(step_of(node).node, Source):
                raise TypeError(f"{node!r} cannot stand in a branch: its frames come from the Tee")
        link_queue(policy or "block", 2 if depth is None else depth, None)  # says now what is wrong with them
        self.nodes, self.policy, self.depth = nodes, policy, depth
        self.name = str(name) if name is not None else name_of(step_of(nodes[-1]).node)

    def __repr__(self) -> str:
        return f"<Branch {self.name!r}>"


class Tee:
    """The last node of a pipeline or of a branch: every frame goes into each branch, without a copy.

    The branches share the slot by its count of references. Each has its own link, with its own policy: one that drops
    never holds up the others. A stage in a branch that writes into a shared frame gets a copy of it. Branches can be
    added and removed while frames flow: `Pipeline.add` and `Pipeline.remove`, which change
    that pipeline and not the Tee: `branches` are those it was made of.

    Parameters
    ----------
    *branches : Branch, list of nodes, or a single node
        None at all is allowed too: frames are let go until a branch is added.
    name : str, optional
        In messages and in the drawing of `explain`.

    Examples
    --------
    >>> tee = camkit.Tee([detect], camkit.Branch(camkit.Recorder("desk.mcap"), policy="drop_newest", depth=16))
    >>> camkit.Pipeline(camera, tee).run(seconds=5).branches["Recorder"].dropped.link
    0
    """

    def __init__(self, *branches: Any, name: str = "tee") -> None:
        self.name = str(name)
        self.branches = tuple(branch_of(branch) for branch in branches)

    def __repr__(self) -> str:
        return f"<Tee {', '.join(branch.name for branch in self.branches)}>"


def branch_of(what: Any) -> Branch:
    """Make a Branch of a list of nodes, or of one node."""
    if isinstance(what, Branch):
        return what
    return Branch(*what) if isinstance(what, (list, tuple)) else Branch(what)
