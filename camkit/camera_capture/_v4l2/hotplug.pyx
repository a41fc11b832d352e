"""Monitor: wait until the kernel tells that a video device came or went. No polling, no udev, no GIL while waiting."""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memset, strncmp
from posix.unistd cimport close as c_close, read as c_read

from camkit.camera_capture._v4l2.buffers_abi cimport POLLIN, c_poll, pollfd
from camkit.memory_manager._abi cimport CAMKIT_INTERRUPTED, CAMKIT_OK, CAMKIT_TIMEOUT, now_ns

import os

from camkit.camera_capture._v4l2.reasons import reason

cdef extern from "<sys/socket.h>" nogil:
    struct sockaddr:
        pass
    int c_socket "socket"(int family, int kind, int protocol)
    int c_bind "bind"(int fd, const sockaddr *address, uint32_t size)
    ssize_t c_recvfrom "recvfrom"(int fd, void *to, size_t size, int flags, sockaddr *sender, uint32_t *sender_size)
    int AF_NETLINK, SOCK_DGRAM, SOCK_CLOEXEC, SOCK_NONBLOCK

cdef extern from "<linux/netlink.h>" nogil:
    struct sockaddr_nl:
        uint16_t nl_family
        uint32_t nl_pid, nl_groups
    int NETLINK_KOBJECT_UEVENT

cdef extern from "<sys/inotify.h>" nogil:
    struct inotify_event:
        int wd
        uint32_t mask, len
        char name[0]
    int inotify_init1(int flags)
    int inotify_add_watch(int fd, const char *path, uint32_t mask)
    int IN_CLOEXEC, IN_NONBLOCK
    uint32_t IN_CREATE, IN_DELETE, IN_ATTRIB, IN_MOVED_TO, IN_MOVED_FROM, IN_Q_OVERFLOW

cdef extern from "<string.h>" nogil:
    void *memmem(const void *where, size_t size, const void *what, size_t length)

cdef enum:
    FROM_KERNEL = 1  # the multicast group of the kernel itself; 2 is udev's
    ROOM = 8192  # above the 2048 bytes of a uevent, and above one inotify_event


cdef class Monitor:
    """Hear of video devices from two sides: the kernel's own messages (uevents), and the folder /dev.

    Both are needed. The kernel's message comes when a driver has finished with a new device, but where udev runs the
    node may not be opened until udev has set its rights, which is seen in /dev alone. In a container only /dev may be
    seen. Owns two file descriptors. One thread may wait; `close` when nobody does.

    Raises
    ------
    CameraError
        Neither can be had.
    """

    def __cinit__(self):
        self.netlink = self.inotify = -1
        self.problem = ""
        cdef sockaddr_nl us
        memset(&us, 0, sizeof(us))
        us.nl_family, us.nl_groups = <uint16_t>AF_NETLINK, FROM_KERNEL
        cdef int failed = 0
        problems = []
        self.netlink = c_socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)
        if self.netlink < 0 or c_bind(self.netlink, <sockaddr *>&us, sizeof(us)) < 0:
            failed = errno
            problems.append(f"the kernel's messages cannot be heard: {os.strerror(failed)}")
            if self.netlink >= 0:
                c_close(self.netlink)
                self.netlink = -1
        self.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)
        if self.inotify < 0 or inotify_add_watch(
                self.inotify, b"/dev", IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM) < 0:
            failed = errno
            problems.append(f"changes of /dev cannot be seen: {os.strerror(failed)}")
            if self.inotify >= 0:
                c_close(self.inotify)
                self.inotify = -1
        self.problem = ", ".join(problems)
        if len(problems) == 2:
            raise reason("/dev", "wait for cameras", failed)

    def __dealloc__(self):
        self.close()

    def close(self):
        """Listen no more. Closing twice is harmless."""
        if self.netlink >= 0:
            c_close(self.netlink)
        if self.inotify >= 0:
            c_close(self.inotify)
        self.netlink = self.inotify = -1

    def wait(self, timeout=None, *, int bell=-1):
        """Wait until a video device may have come, gone or changed its rights.

        Python's signal handlers run while it waits, so Ctrl-C works.

        Parameters
        ----------
        timeout : float, optional
            Seconds. Default: for ever.
        bell : int, optional
            Descriptor that ends the wait when it can be read.

        Returns
        -------
        bool
            Whether something happened; it may have been another device.
        """
        cdef int64_t end = -1 if timeout is None else now_ns() + <int64_t>(timeout * 1e9)
        cdef int64_t left = -1
        cdef int answer
        while True:
            if end >= 0:
                left = max(end - now_ns(), <int64_t>0)
            with nogil:
                answer = self.await_change(bell, left)
            PyErr_CheckSignals()
            if answer != CAMKIT_INTERRUPTED:
                return answer == CAMKIT_OK
            if bell >= 0 and rung(bell):
                return False

    cdef int await_change(self, int bell, int64_t timeout_ns) except -1 nogil:
        cdef pollfd p[3]
        cdef int64_t end = now_ns() + timeout_ns, left = -1
        cdef int n
        cdef bint changed
        p[0].fd, p[1].fd, p[2].fd = bell, self.netlink, self.inotify  # poll() passes over negative ones
        while True:
            p[0].events = p[1].events = p[2].events = POLLIN
            if timeout_ns >= 0:
                left = min((max(end - now_ns(), <int64_t>0) + 999999) // 1000000, <int64_t>0x7FFFFFFF)
            n = c_poll(p, 3, <int>left)
            if n < 0 and errno != EINTR:
                with gil:
                    raise reason("/dev", "wait for cameras", errno)
            if n < 0 or p[0].revents:
                return CAMKIT_INTERRUPTED
            if n == 0:
                return CAMKIT_TIMEOUT
            changed = self.heard_kernel() if p[1].revents else False
            if p[2].revents and self.heard_folder():
                changed = True
            if changed:
                return CAMKIT_OK

    # Read all messages; whether one of them may mean a camera.
    cdef bint heard_kernel(self) noexcept nogil:
        cdef char text[ROOM]
        cdef sockaddr_nl sender
        cdef uint32_t size
        cdef ssize_t n
        cdef bint found = False
        while True:
            size = sizeof(sender)
            n = c_recvfrom(self.netlink, text, ROOM, 0, <sockaddr *>&sender, &size)
            if n < 0:
                if errno == EINTR:
                    continue
                # Anything else but an empty queue means that messages were lost.
                return found or errno != EAGAIN
            # Any program may write to us; the kernel's port is 0.
            if sender.nl_pid == 0 and (memmem(text, n, b"SUBSYSTEM=video4linux", 21) != NULL
                                       # The last word of a driver that has found its device, after all its nodes.
                                       or (n > 5 and strncmp(text, b"bind@", 5) == 0)):
                found = True

    cdef bint heard_folder(self) noexcept nogil:
        cdef char memory[ROOM]
        cdef inotify_event *e
        cdef ssize_t n, at
        cdef bint found = False
        while True:
            n = c_read(self.inotify, memory, ROOM)
            if n <= 0:
                if n < 0 and errno == EINTR:
                    continue
                return found
            at = 0
            while at < n:
                e = <inotify_event *>(memory + at)
                if e.mask & IN_Q_OVERFLOW or (e.len and strncmp(e.name, b"video", 5) == 0):
                    found = True
                at += sizeof(inotify_event) + e.len


cdef bint rung(int bell) noexcept nogil:
    cdef pollfd p
    p.fd, p.events = bell, POLLIN
    return c_poll(&p, 1, 0) > 0
