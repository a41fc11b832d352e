"""Panel: what a window knows of one camera's picture, besides the picture."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from camkit.memory_manager._abi cimport camkit_frame_release, camkit_frame_retain


cdef class Panel:
    """View, freeze, lease and caption of one picture. Belongs to the thread that draws; others may read what is public.

    Attributes
    ----------
    view : View
    frozen : bool
        The picture stays as it is; frames go on coming and are counted.
    passed : int
        Frames that came since it was frozen.
    seen : int
        Frames that came at all.
    """

    def __cinit__(self):
        self.view = View()
        self.captions = new latest_slot[caption_pointer]()
        if self.captions == NULL:
            raise MemoryError("no memory for a caption")

    def __dealloc__(self):
        self.let_go()
        if self.captions != NULL:
            free(self.captions.take())
        del self.captions
        free(self.caption)

    def say(self, text):
        """Set the lines that are drawn over the picture. For one thread at a time, any.

        Parameters
        ----------
        text : str
            ASCII; anything else becomes a question mark. What is too long is cut off.
        """
        cdef bytes line = text.encode("ascii", "replace")[:CAPTION_BYTES]
        cdef caption *made = <caption *>malloc(sizeof(caption))
        if made == NULL:
            raise MemoryError("no memory for a caption")
        made.length = len(line)
        memcpy(made.text, <const char *>line, made.length)
        free(self.captions.put(made))

    cdef const caption *told(self) noexcept nogil:
        cdef caption *newer = self.captions.take()
        if newer != NULL:
            free(self.caption)
            self.caption = newer
        return self.caption

    cdef void show(self, camkit_frame *f) noexcept nogil:
        self.lent = f
        self.format, self.width, self.height, self.sequence = f.format, f.width, f.height, f.sequence
        self.seen += 1
        if f.pool == NULL:
            self.let_go()  # lent for the time of a call: nobody could be asked to keep it
            return
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

    cdef const camkit_frame *frame(self) noexcept nogil:
        if self.held != NULL:
            return self.held
        return self.lent
