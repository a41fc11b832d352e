"""Helpers of the tests of cameras: one as fast as it is read, and its account."""

from camkit.camera_capture import (
    Camera,
    SyntheticCamera,
)


def fast(**options: object) -> SyntheticCamera:
    return SyntheticCamera((64, 32), realtime=False, **options)


def silent(**options: object) -> SyntheticCamera:
    """Make a camera that gives one frame, and the next one in an hour."""
    return SyntheticCamera((64, 32), delay={1: 3600}, **options)


def balanced(camera: Camera) -> bool:
    """Tell whether every frame that the camera made is accounted for."""
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total
