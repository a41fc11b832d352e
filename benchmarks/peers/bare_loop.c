/* The limit: poll, VIDIOC_DQBUF, read every 16th row, VIDIOC_QBUF, and nothing else. Prints one
 * JSON line. */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 4, BATCH_BUFFERS = 16, EVERY = 16, SETTLE_US = 300000 };

static void need(int ok, const char* what) {
  if (!ok) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
  }
}

static void mark(const char* line) {
  puts(line);
  fflush(stdout);
}

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int ascending(const void* a, const void* b) {
  int64_t x = *(const int64_t*)a, y = *(const int64_t*)b;
  return (x > y) - (x < y);
}

static int64_t percentile(const int64_t* sorted, int count, int percent) {
  return sorted[(count * percent + 99) / 100 - 1];
}

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    fprintf(stderr, "usage: %s DEVICE WIDTH HEIGHT FPS WARMUP FRAMES [BATCH_MS]\n", argv[0]);
    return 2;
  }
  uint32_t width = (uint32_t)atoi(argv[2]), height = (uint32_t)atoi(argv[3]),
           fps = (uint32_t)atoi(argv[4]);
  int warmup = atoi(argv[5]), frames = atoi(argv[6]);
  int batch_ms = argc == 8 ? atoi(argv[7]) : 0;
  int fd = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
  need(fd >= 0, argv[1]);

  struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  format.fmt.pix.width = width;
  format.fmt.pix.height = height;
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
  need(ioctl(fd, VIDIOC_S_FMT, &format) == 0, "VIDIOC_S_FMT");
  if (format.fmt.pix.width != width || format.fmt.pix.height != height) {
    fprintf(stderr, "%s does not offer %ux%u\n", argv[1], width, height);
    return 1;
  }
  struct v4l2_streamparm rate = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  rate.parm.capture.timeperframe = (struct v4l2_fract){1, fps};
  need(ioctl(fd, VIDIOC_S_PARM, &rate) == 0, "VIDIOC_S_PARM");

  struct v4l2_requestbuffers request = {.count = batch_ms ? BATCH_BUFFERS : BUFFERS,
                                        .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                        .memory = V4L2_MEMORY_MMAP};
  need(ioctl(fd, VIDIOC_REQBUFS, &request) == 0 && request.count <= VIDEO_MAX_FRAME,
       "VIDIOC_REQBUFS");
  const uint8_t* memory[VIDEO_MAX_FRAME];
  for (uint32_t i = 0; i < request.count; i++) {
    struct v4l2_buffer buffer = {.index = i, .type = request.type, .memory = request.memory};
    need(ioctl(fd, VIDIOC_QUERYBUF, &buffer) == 0, "VIDIOC_QUERYBUF");
    void* mapped =
        mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, buffer.m.offset);
    need(mapped != MAP_FAILED, "mmap");
    memory[i] = mapped;
    need(ioctl(fd, VIDIOC_QBUF, &buffer) == 0, "VIDIOC_QBUF");
  }
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  need(ioctl(fd, VIDIOC_STREAMON, &type) == 0, "VIDIOC_STREAMON");

  if (batch_ms) {
    int64_t busy = 0;
    int taken = 0;
    for (int measured = 0;; measured = 1) {
      struct timespec pause = {batch_ms / 1000, batch_ms % 1000 * 1000000L};
      nanosleep(&pause, NULL);
      int64_t start = monotonic_ns();
      struct v4l2_buffer buffer = {.type = request.type, .memory = request.memory};
      while (ioctl(fd, VIDIOC_DQBUF, &buffer) == 0) {
        need(ioctl(fd, VIDIOC_QBUF, &buffer) == 0, "VIDIOC_QBUF");
        taken += measured;
      }
      need(errno == EAGAIN, "VIDIOC_DQBUF");
      if (!measured) {
        mark("@begin");
      } else {
        busy += monotonic_ns() - start;
        if (taken >= frames) break;
      }
    }
    mark("@end");
    usleep(SETTLE_US);
    printf("{\"version\": \"%s\", \"frames\": %d, \"busy_us_per_frame\": %.1f}\n", __VERSION__,
           taken, (double)busy / taken / 1e3);
    return 0;
  }

  int64_t* latency = calloc((size_t)frames, sizeof *latency);
  need(latency != NULL, "calloc");
  int64_t began = 0, ended = 0;
  double cpu = 0;
  uint64_t sum = 0;
  for (int n = 0;; n++) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    need(poll(&ready, 1, 5000) == 1, "poll");
    struct v4l2_buffer buffer = {.type = request.type, .memory = request.memory};
    need(ioctl(fd, VIDIOC_DQBUF, &buffer) == 0, "VIDIOC_DQBUF");
    int64_t now = monotonic_ns();
    if (n == warmup) {
      mark("@begin");
      began = now;
      cpu = cpu_us();
    } else if (n == warmup + frames) {
      ended = now;
      cpu = cpu_us() - cpu;
      mark("@end");
      usleep(SETTLE_US);
      break;
    }
    if (n >= warmup) {
      latency[n - warmup] = now - (buffer.timestamp.tv_sec * INT64_C(1000000000) +
                                   buffer.timestamp.tv_usec * INT64_C(1000));
    }
    const uint8_t* rows = memory[buffer.index];
    for (uint32_t y = 0; y < height; y += EVERY) {
      for (uint32_t x = 0; x < width * 2; x++) {
        sum += rows[(size_t)y * format.fmt.pix.bytesperline + x];
      }
    }
    need(ioctl(fd, VIDIOC_QBUF, &buffer) == 0, "VIDIOC_QBUF");
  }
  qsort(latency, (size_t)frames, sizeof *latency, ascending);
  printf(
      "{\"version\": \"%s\", \"frames\": %d, \"fps\": %.2f, \"rusage_us_per_frame\": %.1f, "
      "\"latency_p50_us\": %.3f, \"latency_p99_us\": %.3f, \"checksum\": %llu}\n",
      __VERSION__, frames, frames / (double)(ended - began) * 1e9, cpu / frames,
      (double)percentile(latency, frames, 50) / 1e3, (double)percentile(latency, frames, 99) / 1e3,
      (unsigned long long)sum);
  return 0;
}
