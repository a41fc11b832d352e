"""Helpers of the tests of cameras: one as fast as it is read, and its account."""

from camkit.camera_capture import (
    Camera,
    SyntheticCamera,
)


def fast(**options: object) -> SyntheticCamera:
    return SyntheticCamera((64, 32), realtime=False, **options)


def balanced(camera: Camera) -> bool:
    """Tell whether every frame that the camera made is accounted for."""
    stats = camera.stats()
    return stats.captured == stats.taken + stats.dropped.total
