from libc.stdint cimport int64_t, uint32_t, uint64_t

from camkit.gl_core._display_clock cimport DisplayClock


cdef extern from "_drm_vblank.hpp" namespace "camkit" nogil:
    cdef struct drm_sequence:
        uint32_t crtc, active
        uint64_t sequence
        int64_t ns
    const unsigned long drm_get_cap
    const unsigned long drm_get_resources
    const unsigned long drm_get_sequence
    int drm_call(int fd, unsigned long request, void *argument) noexcept
    int drm_lit(int fd, uint32_t *crtcs, int room, int *lit) noexcept


cdef class DrmClock(DisplayClock):
    cdef readonly str node
    cdef int fd  # owned; -1: closed
    cdef uint32_t crtc
    cdef int error  # errno of the last question; 0: none
