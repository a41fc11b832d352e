from libc.stdint cimport int64_t, uint64_t

from camkit.gl_core._check cimport frame_fault
from camkit.gl_core._flights cimport Flights
from camkit.gl_core._gl cimport gl_functions
from camkit.gl_core._on_draw cimport OnDraw
from camkit.gl_core._packer cimport Packer
from camkit.gl_core._painter cimport Painters
from camkit.gl_core._readback cimport Readback
from camkit.gl_core._renderer cimport Renderer
from camkit.memory_manager._abi cimport camkit_frame, frame_pool
from camkit.performance_core._deferred cimport DeferredStage
from camkit.performance_core._stats cimport histogram


cdef class Render(DeferredStage):
    cdef Renderer renderer  # None while there is no context; keeps gl
    cdef gl_functions *gl
    cdef object context, hold, said
    cdef object owner  # id of the thread that has the context
    cdef str wish, readback_wish  # transfer and readback that were asked for
    cdef Packer packer
    cdef Readback readback_of  # None before the first size
    cdef Painters painters
    cdef OnDraw on_draw  # one of them; None: nobody draws
    cdef Flights flights
    cdef camkit_frame *pictures[4]  # owned; a ring: those in flight behind those that are done
    cdef unsigned int first, done, in_flight
    cdef frame_pool *lender  # that the pictures' slots belong to, borrowed from readback_of; NULL before the first
    cdef int64_t oldest_ns  # when the GPU got the oldest one in flight
    cdef uint64_t drawn, frame_width, frame_height
    cdef histogram *capture_to_gl  # owned, as the next two
    cdef histogram *capture_to_drawn
    cdef histogram *gl_thread
    cdef frame_fault fault
    cdef object last_words, last_readback, given_size

    cdef int draw(self, camkit_frame *f, camkit_frame *to) except -1 nogil
    cdef int settle(self, int64_t timeout_ns) except -1 nogil
    cdef int prepare(self, const camkit_frame *f) except -1
    cdef int _forget(self) except -1
