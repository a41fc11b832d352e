"""Numba functions as stages: the types of their arguments, and the pixels of a frame inside them.

Needs Numba, which ``pip install camkit[numba]`` brings. A function compiled with ``@numba.cfunc(jit.LOOK)`` or
``@numba.cfunc(jit.MAKE)`` is given to a pipeline as it is, or to `CStage` with its wishes. An exception inside of it is
lost: Numba prints it and goes on, so return `BAD_FRAME` or a negative number instead.

Examples
--------
>>> @numba.cfunc(jit.LOOK)
... def invert(frame, user):
...     rows = jit.plane(frame, 0)
...     for y in range(rows.shape[0]):
...         for x in range(rows.shape[1]):
...             rows[y, x] = 255 - rows[y, x]
...     return jit.OK
"""

from __future__ import annotations

from typing import Any

import numpy as np

from camkit.errors import LibraryMissing
from camkit.performance_core.stages.c_frame import CFrame

try:
    import numba
    from numba import carray, types
    from numba.core import cgutils
    from numba.extending import intrinsic
except ImportError as error:
    raise LibraryMissing(f"cannot compile stages with Numba: {error}; pip install 'camkit[numba]'") from error

OK, DROP, BAD_FRAME = 0, 4, 6

Frame = numba.from_dtype(np.dtype(CFrame))
FramePointer = types.CPointer(Frame)
# Signatures for numba.cfunc: (frame, user), and (frame, out, user) for a stage with an output.
LOOK = types.int32(FramePointer, types.voidptr)
MAKE = types.int32(FramePointer, FramePointer, types.voidptr)


@intrinsic  # type: ignore[untyped-decorator]
def _bytes_at(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.CPointer(types.uint8)(types.uintp), generate


@numba.njit  # type: ignore[untyped-decorator]
def fields(frame: Any) -> Any:
    """Return the record of a frame: ``fields(frame).width``, ``.sequence``, ``.timestamp_ns``, as in ``frame.h``."""
    return carray(frame, 1)[0]


@numba.njit  # type: ignore[untyped-decorator]
def plane(frame: Any, index: int) -> Any:
    """Return a plane of a frame as an array of its bytes, of shape (rows, stride), dtype uint8, without a copy."""
    it = carray(frame, 1)[0].planes[index]
    return carray(_bytes_at(it.data), (np.intp(it.rows), np.intp(it.stride)))
