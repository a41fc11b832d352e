/* Watches how the CPU announces that it reads a dma-buf (DMA_BUF_IOCTL_SYNC). With PROBE_SPOIL the
 * first bytes become 0 just then, as caches may only then show what is in memory; with PROBE_FAIL
 * the N-th announcement fails. Loaded with LD_PRELOAD, read through ctypes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

atomic_long probe_began, probe_ended;

int ioctl(int fd, unsigned long request, ...) {
  static int (*next)(int, unsigned long, void*);
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (next == NULL) next = (int (*)(int, unsigned long, void*))dlsym(RTLD_NEXT, "ioctl");
  if (request != DMA_BUF_IOCTL_SYNC) return next(fd, request, argument);
  if (((struct dma_buf_sync*)argument)->flags & DMA_BUF_SYNC_END) {
    probe_ended++;
    return next(fd, request, argument);
  }
  const char* fail = getenv("PROBE_FAIL");
  if (++probe_began == (fail != NULL ? atol(fail) : 0)) {
    errno = EIO;
    return -1;
  }
  if (getenv("PROBE_SPOIL") != NULL) {
    unsigned char* bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) abort();
    bytes[0] = bytes[1] = 0;
    munmap(bytes, 4096);
  }
  return next(fd, request, argument);
}
