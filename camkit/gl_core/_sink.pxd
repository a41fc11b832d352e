from camkit.gl_core._debug cimport DebugLog
from camkit.gl_core._drawing cimport Drawing
from camkit.gl_core._on_draw cimport OnDraw
from camkit.memory_manager._abi cimport camkit_frame


# Users may subclass it by cimport: their compiled code fits no other version of camkit than the one it was built with.
cdef class GLSink(Drawing):
    cdef str wish  # transfer that was asked for
    cdef tuple size, expected
    cdef readonly bint debug, live
    cdef OnDraw on_draw  # None if there is none
    cdef object sharing  # a lock: who makes a context that shares with another needs that to stay
    cdef readonly object group  # ShareGroup of the memory that it has lent, None: it has lent none
    cdef DebugLog log  # of the last context; None before the first
    cdef object said, last_transfer, last_words
    cdef dict clock_verdicts

    cdef int _show(self, camkit_frame *f) except -1
