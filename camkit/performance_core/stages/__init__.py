"""Stages: of Python callables and C functions, and built-in ones."""

from __future__ import annotations

from typing import Any

from camkit.performance_core._sink import Sink
from camkit.performance_core._stage import Stage
from camkit.performance_core.stages._builtin import Copy, Every
from camkit.performance_core.stages._native import CStage
from camkit.performance_core.stages._python import DROP, PyStage
from camkit.performance_core.stages.c_frame import CFrame
from camkit.performance_core.stages.c_function import is_native

__all__ = ["DROP", "CFrame", "CStage", "Copy", "Every", "PyStage", "as_stage"]


def as_stage(node: Any, *, batch: bool = False) -> Stage:
    """Return a Stage as it is, a C function (ctypes, cffi, Numba) as a CStage, and another callable as a PyStage."""
    if isinstance(node, Stage):
        return node
    if isinstance(node, type) and issubclass(node, (Stage, Sink)):
        raise TypeError(f"{node.__name__} is a class: make an object of it, {node.__name__}(...)")
    return CStage(node) if is_native(node) else PyStage(node, batch=batch)
