from libc.stdint cimport int64_t

from camkit.gl_core._display_clock cimport shown_picture
from camkit.gl_core._pacer cimport Pacer, waiting_frame


cdef class GridPacer(Pacer):
    cdef list panes  # of PanePacer, and None where a pane is not at work
    cdef void *pointers[16]  # the same; NULL


cdef class PanePacer(Pacer):
    cdef GridPacer window
    cdef int seat
    cdef int64_t seen_ns  # when a window was last seen, with something new of this pane or not
