/* Counts the system calls that a camera may make for a frame. Loaded with LD_PRELOAD, read through
 * ctypes. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

atomic_long probe_ioctl, probe_poll, probe_read, probe_write, probe_late;

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  probe_ioctl++;
  int answer = (int)syscall(SYS_ioctl, fd, request, argument);
  if (answer < 0 && errno == EINTR) probe_late++;
  return answer;
}

int poll(struct pollfd* fds, nfds_t n, int timeout_ms) {
  int ready = (int)syscall(SYS_poll, fds, n, timeout_ms);
  if (ready > 0)
    probe_poll++; /* a wait that ended for nothing belongs to a late camera, not to a frame */
  return ready;
}

ssize_t read(int fd, void* buffer, size_t size) {
  probe_read++;
  return syscall(SYS_read, fd, buffer, size);
}

ssize_t write(int fd, const void* buffer, size_t size) {
  probe_write++;
  return syscall(SYS_write, fd, buffer, size);
}
