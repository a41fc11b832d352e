"""Outlet: a link as its producer sees it. Outlets: those of one thread, exchanged while frames flow."""

cimport cython
from libc.stdint cimport int32_t

import threading


cdef class Outlet:
    """One link and what the thread that pushes into it has counted.

    Counting is the producer's; everything else may be called from any thread.

    Parameters
    ----------
    link : Link
        Where the frames go.
    name : str
        In the tables of latencies and links.
    policy : str
        What the link does when it is full.
    number : int, optional
        Tells links apart in a trace.
    like : Outlet, optional
        Of another end of the same link: both note in one table when frames were put in.
    """

    def __cinit__(self, Link link not None, str name not None, str policy not None, int32_t number=0,
                  Outlet like=None):
        self.link, self.name, self.policy, self.like = link, name, policy, like
        self.o = new outlet()
        if self.o == NULL:
            raise MemoryError("no memory for the link of a pipeline")
        self.o.link, self.o.number = link.link, number
        if like is not None:
            self.o.stamp_as(like.o[0])

    def __dealloc__(self):
        del self.o

    def __repr__(self):
        return f"<Outlet {self.name!r} {self.link!r}>"

    @property
    def number(self):
        """int: tells links apart in a trace."""
        return self.o.number

    def counts(self):
        """Return {offered, full, late, aborted, high_water}: what the producer brought and what became of it."""
        return {
            "offered": self.o.offered.get(), "full": self.o.full.get(), "late": self.o.late.get(),
            "aborted": self.o.aborted.get(), "high_water": self.o.high_water.get(),
        }

    def abort(self):
        """Make both ends answer that the link is over."""
        self.o.link.abort()

    def close(self):
        """Say that nothing comes any more. Only when no producer uses the link."""
        self.o.link.close()

    def discard(self):
        """Count and release what is left inside. Only when both threads have ended."""
        self.o.aborted.add(self.o.link.discard())


cdef class Retired:
    """A list of outlets that was replaced: kept until the producer looks at a newer one, or is gone."""

    cdef outlet_list *old  # owned
    cdef tuple outlets

    def __dealloc__(self):
        del self.old


cdef class Outlets:
    """The links that one thread pushes every frame into.

    The thread reads one pointer for each frame; `add` and `remove`, from any thread, put another list behind it, which
    the thread takes up with its next frame; if it waits for that at a link it is woken to take it up now. There is no
    lock on the way of a frame, and none is given twice.
    """

    def __cinit__(self, outlets=()):
        self.lock = threading.Lock()
        self.old = []
        self.choice = new outlet_switch()
        if self.choice == NULL:
            raise MemoryError("no memory for the links of a pipeline")
        self._want(tuple(outlets))

    def __dealloc__(self):
        del self.choice
        del self.wanted

    def __iter__(self):
        return iter(self._now())

    def __len__(self):
        return len(self._now())

    def add(self, Outlet outlet not None):
        """Push into one more link from the next frame on; it is closed at once when the producer has gone."""
        with self.lock:
            if self.ended:
                outlet.close()
            self._want((*self.outlets, outlet))

    def remove(self, Outlet outlet not None):
        """Push into a link no more. Its consumer learns of it by `close`, to be called when `settled` says True."""
        with self.lock:
            self._want(tuple([other for other in self.outlets if other is not outlet]))

    def settled(self):
        """Tell whether the producer works with the latest list, or has gone."""
        with self.lock:
            done = self.ended or self.choice.adopted() == self.wanted
            if done:
                self.old.clear()
            return done

    def end(self):
        """Close every link: called by the producer when it has pushed its last frame."""
        with self.lock:
            self.ended = True
            for outlet in self.outlets:
                outlet.close()

    def abort(self):
        """Make both ends of every link answer that they are over."""
        for outlet in self._now():
            outlet.abort()

    # Not under `lock`, which a signal handler that aborts may find held by the code that it interrupted.
    @cython.critical_section
    cdef tuple _now(self):
        return self.outlets

    cdef int _want(self, tuple outlets) except -1:
        cdef outlet_list *fresh = new outlet_list(len(outlets))
        if fresh == NULL or not fresh.ok():
            del fresh
            raise MemoryError("no memory for the links of a pipeline")
        cdef Py_ssize_t i
        for i in range(len(outlets)):
            fresh.at[i] = (<Outlet>outlets[i]).o
        cdef Retired retired = Retired.__new__(Retired)
        retired.old, retired.outlets = self.wanted, self.outlets
        self.old.append(retired)
        with cython.critical_section(self):
            self.wanted, self.outlets = fresh, outlets
        self.choice.want(fresh)
        if self.inlet is not None:
            self.inlet.o.link.wake()
        return 0
