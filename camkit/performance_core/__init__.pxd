from camkit.performance_core._stage cimport Sink, Source, Stage
