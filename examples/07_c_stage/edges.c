/* main.py compiles this: cc -shared -fPIC -O3 -I... edges.c -o edges.so, where ... is what
 * camkit.get_include() names. */
#include <camkit/stage.h>

/* camkit refuses the library if it was compiled for another layout of the frame. */
CAMKIT_STAGE_LIBRARY

struct told {
  uint64_t frames, edges;
};

/* Draw where neighbours of a GREY picture differ, into the slot that the output gives us. */
int edges(const camkit_frame* in, camkit_frame* out, void* user) {
  struct told* told = (struct told*)user;
  if (in->width < 2) return CAMKIT_BAD_FRAME;
  for (uint32_t y = 0; y < in->height; ++y) {
    /* Rows may be padded: `stride` bytes lie between their beginnings. */
    const uint8_t* from = in->planes[0].data + (size_t)y * in->planes[0].stride;
    uint8_t* to = out->planes[0].data + (size_t)y * out->planes[0].stride;
    to[0] = 0;
    for (uint32_t x = 1; x < in->width; ++x) {
      const int step = from[x] - from[x - 1];
      to[x] = (uint8_t)(step < 0 ? -step : step);
      told->edges += to[x] > 32;
    }
  }
  ++told->frames;
  return CAMKIT_OK;
}
