/* GStreamer's queue element between two pinned threads: fakesrc ! queue ! fakesink. Prints one line
 * of JSON. Busy: ns a buffer from the first to the last, with the queue and without it: making and
 * eating a buffer is in both, one after the other in the second. Parked: from before a buffer
 * enters the queue, after a pause in which the other side fell asleep, to where it leaves, median
 * and p99; pad probes take the times.
 *   gcc -O3 gst_queue_bench.c $(pkg-config --cflags --libs gstreamer-1.0) -o gst_queue_bench
 *   ./gst_queue_bench [items] [wakes] [runs] [depth] */
#define _GNU_SOURCE
#include <gst/gst.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int cpus[2], paused;
static _Atomic long long entered, first, last;
static long count;
static double* took;

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void pin(int nth) {
  static _Thread_local int pinned;
  cpu_set_t set;
  if (pinned) return;
  pinned = 1;
  CPU_ZERO(&set);
  CPU_SET(cpus[nth], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static GstPadProbeReturn enter(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  (void)pad, (void)info, (void)data;
  pin(0);
  if (paused) {
    const struct timespec pause = {0, 200000};
    nanosleep(&pause, NULL);
    entered = now_ns();
  } else if (!first) {
    first = now_ns();
  }
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn leave(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  (void)pad, (void)info;
  const long long now = now_ns();
  pin(data ? 1 : 0);
  if (paused)
    took[count] = (double)(now - entered);
  else
    last = now;
  ++count;
  return GST_PAD_PROBE_OK;
}

static void run(const char* text, int queue, long buffers) {
  GError* error = NULL;
  GstElement* pipeline = gst_parse_launch(text, &error);
  if (!pipeline || error) {
    fprintf(stderr, "gst_queue_bench: cannot make '%s': %s\n", text, error ? error->message : "");
    exit(1);
  }
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstPad* out = gst_element_get_static_pad(source, "src");
  GstPad* in = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(out, GST_PAD_PROBE_TYPE_BUFFER, enter, NULL, NULL);
  gst_pad_add_probe(in, GST_PAD_PROBE_TYPE_BUFFER, leave, queue ? &cpus : NULL, NULL);
  count = 0;
  first = last = 0;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* end =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (!end || GST_MESSAGE_TYPE(end) != GST_MESSAGE_EOS || count != buffers) {
    fprintf(stderr, "gst_queue_bench: '%s' let %ld of %ld buffers through\n", text, count, buffers);
    exit(1);
  }
  gst_message_unref(end);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(out);
  gst_object_unref(in);
  gst_object_unref(source);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  const long items = argc > 1 ? atol(argv[1]) : 200000, wakes = argc > 2 ? atol(argv[2]) : 1000;
  const int runs = argc > 3 ? atoi(argv[3]) : 5, depth = argc > 4 ? atoi(argv[4]) : 16;
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int cpu = 0, found = 0; cpu < CPU_SETSIZE && found < 2; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus[found++] = cpu;
  gst_init(NULL, NULL);
  took = calloc((size_t)wakes, sizeof *took);
  double with = 1e30, without = 1e30, median = 1e30, p99 = 1e30;
  for (int i = 0; i < runs; ++i) {
    char text[300];
    const char* ends[2] = {
        "fakesrc name=source num-buffers=%ld ! queue max-size-buffers=%d "
        "max-size-bytes=0 max-size-time=0 ! fakesink name=sink sync=false",
        "fakesrc name=source num-buffers=%ld ! fakesink name=sink sync=false"};
    for (int k = 0; k < 2; ++k) {
      paused = 0;
      snprintf(text, sizeof text, ends[k], items, depth);
      run(text, k == 0, items);
      const double each = (double)(last - first) / (double)items;
      if (k == 0) with = each < with ? each : with;
      if (k == 1) without = each < without ? each : without;
    }
    paused = 1;
    snprintf(text, sizeof text, ends[0], wakes, depth);
    run(text, 1, wakes);
    qsort(took, (size_t)wakes, sizeof *took, ascending);
    if (took[wakes / 2] < median) median = took[wakes / 2];
    if (took[wakes * 99 / 100] < p99) p99 = took[wakes * 99 / 100];
  }
  printf(
      "{\"subject\":\"gst_queue\",\"version\":\"%d.%d\",\"busy_frame_ns\":%.1f,"
      "\"without_queue_ns\":%.1f,\"parked_hop_ns\":%.1f,\"parked_hop_p99_ns\":%.1f}\n",
      GST_VERSION_MAJOR, GST_VERSION_MINOR, with, without, median, p99);
  return 0;
}
