# The classes and C names that compiled stages, sources and sinks of users are made of.
from camkit.memory_manager cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    Frame,
    FramePool,
    FramePool_over,
    camkit_format,
    camkit_format_row,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
    camkit_plane,
)
from camkit.performance_core cimport POOL_STOPPED, Sink, Source, Stage, ThreadPool, band_fn
