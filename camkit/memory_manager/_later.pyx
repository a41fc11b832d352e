"""Python objects that are given up by threads without the GIL.

Such a thread must not wait for the GIL: who has it may be waiting for that thread, and once the interpreter ends it
would wait for ever. So it leaves the object on a list, and a thread of ours, which is all that it wakes, takes it from
there.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport free, malloc

import atexit
import os
import threading

cdef extern from *:
    """
    #include <atomic>
    #include "pythread.h"

    namespace {
    struct kept_object {
      kept_object* next;
      PyObject* object;
    };
    // Pushed one by one and only ever taken whole, so that a reused address misleads nobody.
    std::atomic<kept_object*> camkit_late{nullptr};
    PyThread_type_lock camkit_late_bell = nullptr;

    // PyGILState_Check() says yes to every thread once there was a second interpreter.
    bool camkit_has_gil() {
    #if PY_VERSION_HEX >= 0x030D0000
      PyThreadState* now = PyThreadState_GetUnchecked();
    #else
      PyThreadState* now = _PyThreadState_UncheckedGet();
    #endif
      return now != nullptr && now == PyGILState_GetThisThreadState();
    }

    void camkit_ring_late() { PyThread_release_lock(camkit_late_bell); }

    void camkit_push_late(kept_object* kept) {
      kept_object* first = camkit_late.load(std::memory_order_relaxed);
      do {
        kept->next = first;
      } while (!camkit_late.compare_exchange_weak(first, kept, std::memory_order_release,
                                                  std::memory_order_relaxed));
      // Whoever found the list empty rings; the bell is answered by taking all that is there.
      if (first == nullptr && camkit_late_bell != nullptr) camkit_ring_late();
    }
    kept_object* camkit_take_late() {
      return camkit_late.exchange(nullptr, std::memory_order_acquire);
    }
    bool camkit_new_bell() {
      camkit_late_bell = PyThread_allocate_lock();
      return camkit_late_bell != nullptr && PyThread_acquire_lock(camkit_late_bell, NOWAIT_LOCK);
    }
    void camkit_await_late() { PyThread_acquire_lock(camkit_late_bell, WAIT_LOCK); }
    }  // namespace
    """
    ctypedef struct kept_object:
        kept_object *next
        PyObject *object
    bint has_gil "camkit_has_gil"() noexcept nogil
    void push_late "camkit_push_late"(kept_object *kept) noexcept nogil
    kept_object *take_late "camkit_take_late"() noexcept nogil
    bint new_bell "camkit_new_bell"() noexcept
    void ring_late "camkit_ring_late"() noexcept nogil
    void await_late "camkit_await_late"() noexcept nogil

cdef object server = None  # the thread; None until it is wanted
cdef object starting = threading.Lock()  # of it: two threads may want it at once
cdef bint ending = False


cdef void *keep_object(thing) except NULL:
    _serve_if_needed()
    cdef kept_object *kept = <kept_object *>malloc(sizeof(kept_object))
    if kept == NULL:
        raise MemoryError("no memory for the pool's own records")
    Py_INCREF(thing)
    kept.object = <PyObject *>thing
    return kept


cdef void drop_object(void *what) noexcept nogil:
    if not has_gil():
        push_late(<kept_object *>what)
        return
    with gil:
        let_go(<kept_object *>what)


cdef void let_go(kept_object *kept) noexcept:
    cdef PyObject *thing = kept.object
    free(kept)
    Py_DECREF(<object>thing)


cdef void _let_all_go() noexcept:
    cdef kept_object *kept = take_late()
    cdef kept_object *following
    while kept != NULL:
        following = kept.next
        let_go(kept)
        kept = following


def _serve():
    while True:
        _let_all_go()  # at first, too: a parent may have left something on the list
        if ending:
            return
        with nogil:
            await_late()


def _serve_if_needed():
    global server
    with starting:
        if server is not None or ending:
            return
        if not new_bell():
            raise MemoryError("no memory for a lock")
        server = threading.Thread(target=_serve, name="camkit-let-go", daemon=True)
        server.start()


@atexit.register
def _end():
    global ending
    ending = True
    if server is not None:
        ring_late()
        server.join(timeout=2)  # unless it is in somebody's endless destructor


def _forked():
    # The thread is the parent's, and so is who may hold the lock.
    global server, starting
    server, starting = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
