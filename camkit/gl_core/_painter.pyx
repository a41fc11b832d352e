"""Painter: something that draws over every picture, such as a display of numbers or a user's own renderer."""

from camkit.errors import GLError


cdef class Painter:
    """Draw over the picture of each frame, before it is seen; a subclass by cimport overrides `paint`.

    Belongs to one sink. All its methods are called on the sink's thread.
    """

    cdef int open(self, Functions functions) except -1:
        return 0

    cdef int paint(self, painting *p) except -1 nogil:
        return 0

    cdef int close(self) except -1:
        return 0


# A cast from a pointer is no object of ours to count, but an argument is somebody else's.
cdef int paint_by(Painter painter, painting *p) except -1 nogil:
    return painter.paint(p)


cdef class Painters:
    """The painters of one sink, in the order in which they draw."""

    def __cinit__(self):
        self.painters = []

    cdef int add(self, Painter painter) except -1:
        if self.opened:
            raise GLError("cannot add a painter: the sink is in use; add it before the pipeline starts")
        if self.count == PAINTERS:
            raise GLError(f"cannot add a painter: the sink has {PAINTERS} already")
        self.painters.append(painter)
        self.pointers[self.count] = <void *>painter
        self.count += 1
        return 0

    cdef int open(self, Functions functions) except -1:
        cdef Painter painter
        self.opened = True
        for painter in self.painters:
            painter.open(functions)
        return 0

    cdef int paint(self, painting *p) except -1 nogil:
        cdef int i
        self.busy = True
        try:
            for i in range(self.count):
                paint_by(<Painter>self.pointers[i], p)
        finally:
            self.busy = False
        return 0

    cdef int close(self) except -1:
        cdef Painter painter
        first = None
        if not self.opened:
            return 0
        self.opened = False
        self.busy = True
        for painter in self.painters:
            try:
                painter.close()
            except Exception as error:
                first = first or error
        self.busy = False
        if first is not None:
            raise first
        return 0
