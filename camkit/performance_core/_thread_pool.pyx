"""ThreadPool: threads that share loops, and Crew, what its threads hold of it."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint32_t, uintptr_t

from camkit.memory_manager._checks import check_int, check_seconds
from camkit.performance_core import placement
from camkit.performance_core.native_function import address_of, pointer_of
from camkit.performance_core.thread_pool_stats import ThreadPoolStats

import atexit
import os
import threading
import time
import weakref

SIGNATURE = "int (size_t begin, size_t end, void *user)"
cdef double JOIN_S = 2.0  # how long the end of the interpreter waits for a band

_live = weakref.WeakSet()


cdef class Crew:
    """The workers of one pool: their threads hold this and not the pool, which may so be forgotten by its user."""

    def __cinit__(self, unsigned workers, spins):
        self.pool = new thread_pool(workers) if spins is None else new thread_pool(workers, <uint32_t>spins)
        if self.pool == NULL or not self.pool.ok():
            raise MemoryError(f"no memory for a pool of {workers} threads")
        self.threads = []
        self.words = [""] * workers

    def __dealloc__(self):
        del self.pool

    def work(self, unsigned index, affinity, priority, ready):
        """Be worker `index` until the pool is stopped: the body of its thread."""
        try:
            placement.name_thread(threading.current_thread().name)
            self.words[index] = placement.apply(affinity, priority)
        except BaseException as error:
            self.words[index] = f"{type(error).__name__}: {error}"
        ready.release()
        with nogil:
            self.pool.work(index)

    def stop(self, abandon):
        """Let the workers go. Returns at once."""
        self.pool.stop(abandon)

    def join(self, double timeout):
        """Wait for the workers; return whether all have gone."""
        cdef double until = time.monotonic() + timeout
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def settle(self, double timeout):
        """Wait for callers in other threads, which are not ours to join, to be out of the stopped pool."""
        cdef double until = time.monotonic() + timeout
        while self.pool.busy() and time.monotonic() < until:
            time.sleep(0.001)

    def forked(self):
        """Know that the threads exist in the parent only."""
        self.pool.be_alone()
        self.threads.clear()


cdef class PythonBands:
    # A Python function under work by several threads, and the first error that it raised.
    cdef object function, error


cdef int call_python(size_t begin, size_t end, void *user) noexcept nogil:
    with gil:
        bands = <PythonBands>user
        try:
            bands.function(begin, end)
        except BaseException as error:
            with cython.critical_section(bands):
                if bands.error is None:
                    bands.error = error
            return 1
    return 0


cdef class ThreadPool:
    """Share the work of a loop among threads that are there already.

    `parallel_for` cuts a loop into bands; the caller and the workers take them from each other until all are done. A
    call costs about a microsecond and allocates nothing, workers without work sleep. A band may itself call
    `parallel_for`. For functions that run without the GIL: compiled ones, and Python functions that spend their time
    in NumPy or another library that lets go of it.

    Thread-safety: everything may be called from any thread. A pool that is forgotten ends by itself, as do all when the
    interpreter ends. In a forked child, which has none of the threads, each call does its loop alone.

    Parameters
    ----------
    workers : int, optional
        Threads, 1 to 64. Default: one less than the CPUs this thread may use (the caller is the last), at least one.
    affinity : int, iterable of int or sequence of those, optional
        CPUs of the workers; as a sequence of sets, those of each worker.
    priority : int or str, optional
        1 to 99 for SCHED_FIFO, or "normal". Refused by the system: the pool works without, and `explain` says so.
    name : str, optional
        Of the threads, which are numbered behind it.
    spins : int, optional
        How often an idle worker looks for work before it sleeps. Default: for about ten microseconds.

    Raises
    ------
    TypeError, ValueError
        Not a number of workers, CPUs that may not be used, or not a priority.

    Examples
    --------
    >>> with camkit.ThreadPool(2) as pool:
    ...     pool.parallel_for(1080, lambda begin, end: np.add(a[begin:end], b[begin:end], out=c[begin:end]))
    0
    """

    def __cinit__(self, workers=None, *, affinity=None, priority=None, name="camkit-pool", spins=None):
        if workers is None:
            workers = min(max(len(placement.allowed_cpus()) - 1, 1), 64)
        cdef int count = check_int("workers", workers, 1, 64)
        if spins is not None:
            spins = check_int("spins", spins, 0, 2**31)
        places = per_worker(affinity, count)
        for place in places:
            placement.check(place, priority)
        if not isinstance(name, str):
            raise TypeError(f"name is a {type(name).__name__}, not a str")
        self.name = name
        crew = Crew(count, spins)
        ready = threading.Semaphore(0)
        # Daemons: a band that never returns must not keep the interpreter from ending; _stop_all ends the others.
        threads = [
            threading.Thread(target=crew.work, args=(i, places[i], priority, ready), name=f"{name}-{i}", daemon=True)
            for i in range(count)
        ]
        crew.threads.extend(threads)
        try:
            for thread in threads:
                thread.start()
        except BaseException:
            crew.stop(True)
            raise
        for _ in threads:
            ready.acquire()
        self.crew = crew
        self.end = weakref.finalize(self, crew.stop, False)
        self.end.atexit = False
        _live.add(crew)

    def __repr__(self):
        return f"<ThreadPool {self.name!r} of {self.workers}{'' if self.crew.pool.accepts() else ' closed'}>"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def workers(self):
        """int: threads of the pool; a caller of `parallel_for` works besides them."""
        return self.crew.pool.workers()

    @property
    def threads(self):
        """tuple of threading.Thread: the workers; none in a forked child."""
        return tuple(self.crew.threads)

    @property
    def closed(self):
        """bool: `close` was called."""
        return not self.crew.pool.accepts()

    def parallel_for(self, n, function, *, grain=None, user=None):
        """Do `function(begin, end)` for bands that make up 0 to `n`, in several threads, and return when all are done.

        Parameters
        ----------
        n : int
            Such as the rows of an image.
        function : callable or native function
            A Python callable gets `(begin, end)`, with the GIL; its result is ignored, and what it raises is raised
            here. A native one, `int (size_t begin, size_t end, void *user)`, is called without the GIL: a ctypes or
            cffi function, a Numba `@cfunc`. It answers 0; any other number stops the bands that have not begun.
        grain : int, optional
            Length of a band; each begins at a multiple of it. Default: so that every thread gets four.
        user : object, optional
            For a native function: a pointer of ctypes or cffi, an address as an int, or an object with the buffer
            protocol (a NumPy array, a ctypes structure), whose memory it gets.

        Returns
        -------
        int
            0, or what a native function answered instead.

        Raises
        ------
        RuntimeError
            The pool is closed, or was while the call went on; not every band ran.
        TypeError, ValueError
            Not such a function, number or memory.
        """
        cdef Crew crew = self.crew
        cdef size_t size = check_int("n", n, 0, 2**62)
        cdef size_t band = 0 if grain is None else check_int("grain", grain, 1, 2**62)
        cdef band_fn fn
        cdef int status
        cdef Py_buffer memory
        if not crew.pool.accepts():
            raise RuntimeError(f"{self!r} takes no more work")
        address = address_of(function, SIGNATURE)
        if address is not None:
            fn = <band_fn><void *><uintptr_t>address
            pointer = pointer_of(user)
            if pointer is not None:
                status = call(crew, fn, <void *><uintptr_t>pointer, size, band)
            else:
                take_memory(user, &memory)
                try:
                    status = call(crew, fn, memory.buf, size, band)
                finally:
                    PyBuffer_Release(&memory)
        else:
            if not callable(function):
                raise TypeError(f"{function!r} is neither a callable nor a native function {SIGNATURE}")
            if user is not None:
                raise TypeError("user is for native functions: a Python callable carries its own")
            bands = PythonBands()
            bands.function, bands.error = function, None
            status = call(crew, call_python, <void *>bands, size, band)
            if bands.error is not None:
                raise bands.error
        if status == POOL_STOPPED:
            raise RuntimeError(f"{self!r} was closed before every band was done")
        return status

    def close(self, *, abandon=False, timeout=None):
        """End the pool: take no more loops, and wait for the workers.

        Parameters
        ----------
        abandon : bool, optional
            Leave out the bands that have not begun; their callers get a RuntimeError. Default: what is under way is
            finished.
        timeout : float, optional
            Seconds to wait for bands that run. Default: for ever. Called from within a band it does not wait.

        Raises
        ------
        TimeoutError
            A band did not come back in time. Its thread is left behind.
        """
        cdef Crew crew = self.crew
        seconds = 1e9 if timeout is None else check_seconds("timeout", timeout)
        crew.stop(abandon)
        if threading.current_thread() in crew.threads:
            return
        if not crew.join(seconds):
            busy = [thread.name for thread in crew.threads if thread.is_alive()]
            raise TimeoutError(f"{self!r} did not end within {timeout:g} s: {', '.join(busy)} still work")

    def stats(self):
        """Return what the pool has done so far, as ThreadPoolStats."""
        cdef pool_totals t = self.crew.pool.count()
        return ThreadPoolStats(self.workers, t.jobs, t.alone, t.bands, t.stolen, t.sleeps, t.abandoned)

    def explain(self):
        """Tell in words which threads there are, and how the system placed them."""
        crew = self.crew
        lines = [repr(self)]
        if not crew.threads:
            lines.append("in a forked child: each call does its work alone")
        for thread, words in zip(crew.threads, crew.words):
            lines.append(f"{thread.name}: {words or 'placed by the system'}")
        return "\n".join(lines)

    cdef int run(self, band_fn fn, void *user, size_t n, size_t grain) noexcept nogil:
        return self.crew.pool.parallel_for(fn, user, n, grain)


cdef int call(Crew crew, band_fn fn, void *user, size_t n, size_t grain) except? -1:
    cdef int status
    with nogil:
        status = crew.pool.parallel_for(fn, user, n, grain)
    return status


cdef int take_memory(user, Py_buffer *memory) except -1:
    try:
        return PyObject_GetBuffer(user, memory, PyBUF_SIMPLE | PyBUF_WRITABLE)
    except TypeError:
        raise TypeError(f"user is a {type(user).__name__}, neither an object with memory nor an address") from None
    except (BufferError, ValueError):  # read-only, perhaps: then the function must not write
        return PyObject_GetBuffer(user, memory, PyBUF_SIMPLE)


def per_worker(affinity, count):
    """Return the affinity of each of `count` workers."""
    if not isinstance(affinity, (list, tuple)) or all(hasattr(part, "__index__") for part in affinity):
        return [affinity] * count
    if len(affinity) != count:
        raise ValueError(f"affinity has {len(affinity)} sets of CPUs for {count} worker(s)")
    return list(affinity)


@atexit.register
def _stop_all():
    """End every pool before the interpreter goes, so that no thread asks for a GIL that is no more."""
    crews = list(_live)
    for crew in crews:
        crew.stop(True)
    for crew in crews:
        crew.join(JOIN_S)
        crew.settle(JOIN_S)


def _forget_threads():
    for crew in list(_live):
        crew.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
