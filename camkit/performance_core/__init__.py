"""performance_core: sources, stages and sinks in threads without the GIL."""

from camkit.performance_core._pool_source import PoolSource
from camkit.performance_core._queue import FrameQueue
from camkit.performance_core._sink import NullSink, Sink
from camkit.performance_core._source import Source
from camkit.performance_core._stage import Stage
from camkit.performance_core._stats import Histogram
from camkit.performance_core._thread_pool import ThreadPool
from camkit.performance_core.match import Match
from camkit.performance_core.negotiate import FrameSpec
from camkit.performance_core.node_stats import Drops, SinkStats, SlotCounts, SourceStats, StageStats
from camkit.performance_core.parallel import Parallel
from camkit.performance_core.pipeline import Pipeline
from camkit.performance_core.stages import DROP, CFrame, Copy, CStage, Every, PyStage
from camkit.performance_core.stats import (
    BranchStats,
    Copies,
    FrameCounts,
    LinkStats,
    PipelineStats,
    Summary,
    ThreadStats,
)
from camkit.performance_core.step import Step
from camkit.performance_core.tee import Branch, Tee
from camkit.performance_core.thread_pool_stats import ThreadPoolStats
from camkit.performance_core.trace import Trace

__all__ = [
    "DROP",
    "Branch",
    "BranchStats",
    "CFrame",
    "CStage",
    "Copies",
    "Copy",
    "Drops",
    "Every",
    "FrameCounts",
    "FrameQueue",
    "FrameSpec",
    "Histogram",
    "LinkStats",
    "Match",
    "NullSink",
    "Parallel",
    "Pipeline",
    "PipelineStats",
    "PoolSource",
    "PyStage",
    "Sink",
    "SinkStats",
    "SlotCounts",
    "Source",
    "SourceStats",
    "Stage",
    "StageStats",
    "Step",
    "Summary",
    "Tee",
    "ThreadPool",
    "ThreadPoolStats",
    "ThreadStats",
    "Trace",
]
