"""Helpers of the tests of pipelines: sources as fast as they are taken, and the account of a run."""

import threading

import camkit


def pool(slots=32):
    return camkit.FramePool(slots, format="GREY", size=(16, 16))


def source(frames=200, *, slots=32, **options):
    """A source of `frames` frames, numbered from 0 on, that loses none."""
    return camkit.PoolSource(pool(slots), frames, **options)


def workers():
    """List the threads of pipelines that have not ended. The one that lets go of memory is nobody's in particular."""
    return [t for t in threading.enumerate() if t.name.startswith("camkit-") and t.name != "camkit-let-go"]


def fast(frames=50, **options):
    """A camera that makes `frames` pictures as fast as they are taken."""
    return camkit.SyntheticCamera(size=(320, 240), format="GREY", frames=frames, realtime=False, **options)


def balanced(stats):
    return not stats.faults() and stats.frames.captured == stats.frames.delivered + stats.frames.dropped.total
