/* Stages as C functions, of both kinds, good and bad ones. */
#include <camkit/stage.h>
#include <string.h>

CAMKIT_STAGE_LIBRARY

struct seen {
  uint64_t calls, last_sequence;
  void* picture;
};

int look(camkit_frame* frame, void* user) {
  struct seen* seen = (struct seen*)user;
  if (!seen) return CAMKIT_OK;
  ++seen->calls;
  seen->last_sequence = frame->sequence;
  seen->picture = frame->planes[0].data;
  return CAMKIT_OK;
}

int invert(camkit_frame* frame, void* user) {
  (void)user;
  for (size_t i = 0; i < frame->planes[0].size; ++i) frame->planes[0].data[i] ^= 0xFF;
  return CAMKIT_OK;
}

/* Keep the first component of each pixel of YUYV. */
int grey(const camkit_frame* in, camkit_frame* out, void* user) {
  (void)user;
  if (in->format != CAMKIT_FORMAT_YUYV || out->format != CAMKIT_FORMAT_GREY) return -2;
  for (uint32_t y = 0; y < out->height; ++y)
    for (uint32_t x = 0; x < out->width; ++x)
      out->planes[0].data[y * out->planes[0].stride + x] =
          in->planes[0].data[y * in->planes[0].stride + 2 * x];
  return CAMKIT_OK;
}

/* Answer user[sequence % 8]. */
int answer(camkit_frame* frame, void* user) { return ((int*)user)[frame->sequence % 8]; }

int answer_out(const camkit_frame* in, camkit_frame* out, void* user) {
  memset(out->planes[0].data, (int)in->sequence, out->planes[0].size);
  return ((int*)user)[in->sequence % 8];
}
