from libc.stdint cimport uint32_t

from camkit.camera_capture._v4l2.abi cimport v4l2_format


cdef class Device:
    cdef readonly str path, driver, card, bus
    cdef int fd  # owned; -1 when closed
    cdef public bint lost  # closed because the device went away
    cdef public dict kept  # controls set through it, {id: (RawControl, value)}, the latest last; None: nobody asks
    cdef uint32_t kind  # the buffer type: V4L2_BUF_TYPE_VIDEO_CAPTURE or its _MPLANE
    cdef public uint32_t wanted_stride  # that set_format and try_format ask for; 0: the driver's choice
    cdef v4l2_format format  # what the driver made of the last set_format

    cdef int control(self, unsigned long request, void *argument, what) except -1
    # Of the last answer: memory planes of an image, and of each the bytes between rows and in all.
    cdef bint ends(self, int error, what) except -1
    cdef uint32_t planes(self) noexcept
    cdef uint32_t stride(self, uint32_t plane) noexcept
    cdef uint32_t plane_bytes(self, uint32_t plane) noexcept
    cdef size_t image_bytes(self) noexcept


# Do an ioctl again until no signal interrupts it; 0 or errno.
cdef int ioctl_errno(int fd, unsigned long request, void *argument) noexcept nogil
# The exception for errno `error` when `what` was to be done.
cdef object failure(str path, str what, int error)
