"""Built-in stages, and the adapter that makes a Python callable one."""

from camkit.performance_core.stages._batch import PyBatch
from camkit.performance_core.stages._python import DROP, PyStage

__all__ = ["DROP", "PyBatch", "PyStage"]
