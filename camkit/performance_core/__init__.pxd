from camkit.performance_core._stage cimport Sink, Source, Stage
from camkit.performance_core._thread_pool cimport POOL_STOPPED, ThreadPool, band_fn
