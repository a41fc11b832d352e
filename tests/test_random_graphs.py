"""Random graphs, policies, failures and orders of ending, and what must be true of every run all the same.

It ends; every account adds up; no path delivers a frame out of order; no slot stays behind; errors name the node that
raised, and there is none without such a node. `CAMKIT_EXAMPLES=1000 pytest tests/test_random_graphs.py` looks further.
"""

import os
import threading
import time
from dataclasses import dataclass, field

import hypothesis
import pytest
from hypothesis import strategies as st

import camkit
from camkit import Branch, Match, Parallel, Pipeline, PipelineError, Step, Tee

EXAMPLES = int(os.environ.get("CAMKIT_EXAMPLES", "60"))
HANGS_S = 60

POLICIES = st.sampled_from(["block", "drop_newest", "drop_oldest", "latest"])
KINDS = st.sampled_from(
    ["pass", "pass", "drop", "bad", "full", "fail", "python", "python drop", "python fail", "slow", "parallel"]
)
STEPS = st.fixed_dictionaries(
    {},
    optional={
        "thread": st.just(True), "policy": POLICIES, "depth": st.integers(1, 4), "batch": st.integers(1, 4),
    },
)  # fmt: skip
NODES = st.lists(st.tuples(KINDS, st.integers(1, 60), STEPS), max_size=3)
ENDS = st.one_of(st.none(), st.just(0), st.integers(1, 60))  # no sink, one, one that fails


def branches(deeper):
    """Branches of a Tee, which may end in Tees."""
    return st.lists(
        st.fixed_dictionaries(
            {"nodes": NODES, "end": st.one_of(ENDS, deeper)}, optional={"policy": POLICIES, "depth": st.integers(1, 4)}
        ),
        max_size=3,
    )


SOURCES = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from([None, None, None, 0, 7, 40]), NODES), min_size=1, max_size=3
)
GRAPHS = st.fixed_dictionaries(
    {
        "sources": SOURCES, "nodes": NODES, "end": st.one_of(ENDS, branches(branches(st.nothing()))),
        "policy": POLICIES, "depth": st.integers(1, 4),
    }
)  # fmt: skip
ACTIONS = st.lists(
    st.tuples(
        st.floats(0, 0.01), st.sampled_from(["stop", "drain", "abort", "stats", "explain", "add", "remove", "wait"])
    ),
    max_size=4,
)
RUNS = st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 80)), ACTIONS), min_size=1, max_size=3)


@dataclass
class Scene:
    """A graph as it was built: what to look at afterwards."""

    nodes: object  # the compiled module
    names: int = 0
    sources: list = field(default_factory=list)
    sinks: list = field(default_factory=list)
    faulty: set = field(default_factory=set)  # names of nodes that raise
    planted: list = field(default_factory=list)
    branches: list = field(default_factory=list)

    def name(self, what):
        self.names += 1
        return f"{what} {self.names}"

    def node(self, kind, every, options):
        name = self.name(kind)
        if "fail" in kind:
            self.faulty.add(name)
        if kind in ("pass", "drop", "bad", "full", "fail"):
            return Step(self.nodes.Faulty(kind, every, name), **options)
        if kind == "parallel":
            kinds = ("pass", "drop", "bad", "full", "pass", "fail")  # by `every`; the last is one that raises
            threads, how = 1 + every % 3, kinds[every % len(kinds)]
            if how == "fail":
                self.faulty.add(name)
            stages = [self.nodes.Faulty(how, every, name) for _ in range(threads)]
            placed = {key: value for key, value in options.items() if key in ("policy", "depth")}
            return Step(Parallel(stages, in_flight=1 + every % 5, name=name), **placed)
        calls = [0]

        def work(frames):
            calls[0] += 1
            if kind == "slow":
                time.sleep(0.0003)
            elif calls[0] % every == 0 and kind == "python fail":
                del frames  # the error's traceback would keep it
                raise self.nodes.Planted(name)
            elif calls[0] % every == 0 and kind == "python drop":
                return camkit.DROP if options.get("batch", 1) == 1 else [camkit.DROP] * len(frames)
            return None

        work.__name__ = name
        return Step(work, **options)

    def chain(self, nodes, before=()):
        made, kinds = [], [kind for kind, *_ in (*before, *nodes)]
        for (kind, every, options), last in zip(nodes, [None, *kinds][-len(nodes) - 1 :], strict=False):
            if last == "parallel":  # there is no queue behind one
                options = {key: options[key] for key in ("thread", "batch") if key in options}
            made.append(self.node(kind, every, options))
        return made

    def end(self, end):
        if end is None:
            return []
        if isinstance(end, int):
            name = self.name("sink")
            if end:
                self.faulty.add(name)
            self.sinks.append(self.nodes.Ends(end or None, name))
            return [self.sinks[-1]]
        return [Tee(*filter(None, map(self.branch, end)), name=self.name("tee"))]

    def branch(self, plan):
        inside = [*self.chain(plan["nodes"]), *self.end(plan["end"])]
        if not inside:
            return None
        options = {key: plan[key] for key in ("policy", "depth") if key in plan}
        self.branches.append(Branch(*inside, name=self.name("branch"), **options))
        return self.branches[-1]

    def source(self, total, fail_at, nodes):
        name = self.name("source")
        if fail_at is not None:
            self.faulty.add(name)
        self.sources.append(self.nodes.Numbers(total, 64, fail_at, name))
        return [self.sources[-1], *self.chain(nodes)]

    def pipeline(self, graph):
        inputs = [self.source(*source) for source in graph["sources"]]
        first, nodes = inputs[0], graph["nodes"]
        if len(inputs) > 1:
            first = [Match(*inputs, tolerance=0.0004, patience=0.005)]
            nodes = [(*node[:2], {}) for node in nodes[:1]] + nodes[1:]  # a Match has no link behind it
        return Pipeline(
            *first,
            *self.chain(nodes, graph["sources"][0][2]),
            *self.end(graph["end"]),
            policy=graph["policy"],
            depth=graph["depth"],
        )


def act(pipeline, scene, delay, action):
    """Do something to a pipeline that may be ending at this moment."""
    time.sleep(delay)
    try:
        if action == "add":
            scene.sinks.append(scene.nodes.Ends(None, scene.name("sink")))
            scene.branches.append(pipeline.add(Branch(scene.sinks[-1], name=scene.name("branch"))))
        elif action == "remove":
            if scene.branches:
                pipeline.remove(scene.branches[0], timeout=HANGS_S)
        elif action == "wait":
            pipeline.wait(timeout=0.001)
        elif action == "stop":
            pipeline.stop(timeout=HANGS_S)
        else:
            getattr(pipeline, action)()
    except ValueError as error:
        assert action in ("add", "remove"), error  # no Tee, several of them, or no branch any more
    except PipelineError as error:
        scene.planted.append(error)


def run(pipeline, scene, limit, actions):
    """Run once to the end; return the errors that came."""
    scene.planted = []
    threads = [threading.Thread(target=act, args=(pipeline, scene, *action), daemon=True) for action in actions]
    try:
        pipeline.start(frames=limit)
        for thread in threads:
            thread.start()
        assert pipeline.wait(timeout=HANGS_S), f"it did not end: {pipeline.explain()}"
    except PipelineError as error:
        scene.planted.append(error)
    for thread in threads:
        if thread.ident is not None:
            thread.join(2 * HANGS_S)
            assert not thread.is_alive(), "stop() or another call did not come back"
    try:
        pipeline.stop(timeout=HANGS_S)
    except PipelineError as error:
        scene.planted.append(error)
    return scene.planted


def inspect(pipeline, scene, errors, limit, actions):
    """Hold a run that is over against what is true of all of them."""
    stats = pipeline.stats()
    stats.check()
    assert stats.frames.under_way == 0
    assert [sink.disordered for sink in scene.sinks] == [0] * len(scene.sinks)
    assert [len(source.pool) - source.pool.free for source in scene.sources] == [0] * len(scene.sources), "leaked"
    for error in errors:
        assert isinstance(error.__cause__, scene.nodes.Planted), error
        assert error.stage in scene.faulty and str(error.__cause__) == error.stage
    if limit is not None and stats.frames.shared == 0 and len(scene.sources) == 1:
        assert stats.frames.delivered <= limit


@pytest.fixture(scope="module")
def nodes(proof_nodes):
    return proof_nodes


@hypothesis.settings(
    max_examples=EXAMPLES, derandomize="CAMKIT_EXAMPLES" not in os.environ, deadline=None, database=None,
    print_blob=True, suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
@hypothesis.given(graph=GRAPHS, runs=RUNS)
def test_whatever_is_built_and_done_to_it(nodes, graph, runs):
    scene = Scene(nodes)
    pipeline = scene.pipeline(graph)
    for limit, actions in runs:
        errors = run(pipeline, scene, limit, actions)
        inspect(pipeline, scene, errors, limit, actions)
