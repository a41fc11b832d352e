"""Panel: what a window knows of one camera's picture, besides the picture."""

from camkit.memory_manager._abi cimport camkit_frame_release, camkit_frame_retain


cdef class Panel:
    """View, freeze and lease of one picture. Belongs to the thread that draws; others may read what is public.

    Attributes
    ----------
    view : View
    frozen : bool
        The picture stays as it is; frames go on coming and are counted.
    passed : int
        Frames that came since it was frozen.
    """

    def __cinit__(self):
        self.view = View()

    def __dealloc__(self):
        self.let_go()

    cdef void hold(self, camkit_frame *f) noexcept nogil:
        if f.pool == NULL:
            return  # lent for the time of a call
        camkit_frame_retain(f)
        self.let_go()
        self.held = f

    cdef void let_go(self) noexcept nogil:
        if self.held != NULL:
            camkit_frame_release(self.held)
            self.held = NULL

    cdef void freeze(self, bint on) noexcept nogil:
        self.frozen = on
        self.passed = 0
