/* Makes a driver end its stream after PROBE_LAST buffers: the one after them is a key frame and
 * carries V4L2_BUF_FLAG_LAST (not if PROBE_UNSAID is set), and then VIDIOC_DQBUF says EPIPE.
 * PROBE_EMPTY makes it empty, PROBE_LONG longer than its memory. No capture driver of the lab does
 * so by itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>

int ioctl(int fd, unsigned long request, ...) {
  static int (*next)(int, unsigned long, void*);
  static long taken;
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (next == NULL) next = (int (*)(int, unsigned long, void*))dlsym(RTLD_NEXT, "ioctl");
  const char* last = getenv("PROBE_LAST");
  if (request != VIDIOC_DQBUF || last == NULL) return next(fd, request, argument);
  if (taken > atol(last)) {
    errno = EPIPE;
    return -1;
  }
  int answer = next(fd, request, argument);
  if (answer == 0 && taken++ == atol(last)) {
    struct v4l2_buffer* buffer = argument;
    if (getenv("PROBE_UNSAID") == NULL) buffer->flags |= V4L2_BUF_FLAG_LAST;
    buffer->flags |= V4L2_BUF_FLAG_KEYFRAME;
    if (getenv("PROBE_EMPTY") != NULL || getenv("PROBE_LONG") != NULL) {
      unsigned used = getenv("PROBE_LONG") != NULL ? 1u << 30 : 0;
      buffer->bytesused = used;
      for (unsigned i = 0; V4L2_TYPE_IS_MULTIPLANAR(buffer->type) && i < buffer->length; ++i) {
        buffer->m.planes[i].bytesused = used;
      }
    }
  }
  return answer;
}
