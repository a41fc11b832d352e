from camkit.memory_manager._abi cimport (
    CAMKIT_BAD_FRAME,
    CAMKIT_DROP,
    CAMKIT_END,
    CAMKIT_FULL,
    CAMKIT_OK,
    CAMKIT_TIMEOUT,
    camkit_format,
    camkit_format_row,
    camkit_frame,
    camkit_frame_release,
    camkit_frame_retain,
    camkit_plane,
)
from camkit.memory_manager._frame cimport Frame
from camkit.memory_manager._pool cimport FramePool, FramePool_over
