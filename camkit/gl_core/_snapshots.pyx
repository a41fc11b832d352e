"""Snapshots: pictures for other threads than the one that draws."""

import threading
from os import getpid
from threading import get_ident
from typing import NamedTuple

from camkit.errors import GLError


class Shot(NamedTuple):
    """A picture, and the number of its frame.

    Attributes
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, R'G'B', top row first.
    sequence : int
    """

    pixels: object
    sequence: int


cdef class Snapshots:
    """Who draws, who waits for a picture, and the picture that is left when drawing has ended.

    A picture is a Shot, or the exception that stands in its place: it is raised where the picture was asked for, and
    drawing goes on. `ask` may be called from any thread but the owner's, `open` from any; the rest belongs to the
    owner.

    Attributes
    ----------
    owner : int
        The thread that draws and answers; None if there is none.
    """

    def __cinit__(self):
        self.lock = threading.Lock()
        self.waiting = []

    def open(self):
        """Make the calling thread the owner. Returns False if there is one already."""
        with self.lock:
            if self.owner is not None:
                return False
            self.owner, self.process = get_ident(), getpid()
            return True

    def close(self):
        """End the ownership: whoever waits gets what was kept."""
        with self.lock:
            self.owner = None
            self._hand_out(self.last)

    def foreign(self):
        """Tell whether this process was forked from the owner's: what that draws with is none of ours."""
        return self.owner is not None and self.process != getpid()

    def keep(self, picture):
        """Keep a picture for the time without an owner."""
        self.last = picture

    def answer(self, picture):
        """Give a picture to all who wait for one."""
        with self.lock:
            self._hand_out(picture)

    def ask(self, str what, timeout):
        """Wait for the owner's picture; without an owner, take what was kept.

        Returns
        -------
        Shot
            With a copy of the pixels.

        Raises
        ------
        GLError
            There is no picture, or no answer; the message begins with `what`.
        """
        request = None
        with self.lock:
            picture = self.last
            if self.owner is not None:
                request = [threading.Event(), None]
                self.waiting.append(request)
                self.wanted.store(1)
        if request is not None:
            if not request[0].wait(timeout):
                raise GLError(f"{what}: its thread did not answer for {timeout} s")
            picture = request[1]
        if isinstance(picture, Exception):
            raise GLError(f"{what}: {picture or type(picture).__name__}") from picture
        if picture is None:
            raise GLError(f"{what}: nothing was drawn yet")
        # Copied by whoever asks, so that the thread that draws is not kept from it.
        return Shot(picture.pixels.copy(), picture.sequence)

    def _hand_out(self, picture):
        self.wanted.store(0)
        for request in self.waiting:
            request[1] = picture
            request[0].set()
        self.waiting.clear()
