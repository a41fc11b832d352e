from camkit.performance_core._sink cimport Sink
from camkit.performance_core._source cimport Source
from camkit.performance_core._stage cimport Stage
from camkit.performance_core._thread_pool cimport POOL_STOPPED, ThreadPool, band_fn
