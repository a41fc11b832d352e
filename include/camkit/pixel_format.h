/* Pixel formats as data: one X-row a format. Sizes, strides, array shapes, fourcc maps, GL textures
 * and shader choice are computed from these rows, so that a new format is one new row.
 *
 * Columns
 *   NAME    the V4L2 name without its prefix
 *   v4l2    the V4L2 fourcc, which says the order of bytes in memory
 *   drm     the DRM fourcc of the same bytes (DRM names are little-endian words, so RGB24 here is
 * DRM's BGR888); 0: none MODEL   YUV, RGB, GREY, BAYER or COMPRESSED shader  the fragment shader of
 * the plane layout, "" if the GPU cannot show the bytes as they are order   the #define that tells
 * the shader the order of the components item    bytes of one sample wm, hm  width and height must
 * be multiples of these n       planes P(h, v, c) for each of 3 planes: horizontal and vertical
 * subsampling, samples an array element has (last axis)
 */
#ifndef CAMKIT_PIXEL_FORMAT_H
#define CAMKIT_PIXEL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define CAMKIT_FOURCC(a, b, c, d) \
  ((uint32_t)(a) | ((uint32_t)(b) << 8) | ((uint32_t)(c) << 16) | ((uint32_t)(d) << 24))

#define CAMKIT_MAX_PLANES 4

/* clang-format off */
#define CAMKIT_FORMATS(X, F, P) \
    X(YUYV,   F('Y','U','Y','V'), F('Y','U','Y','V'), YUV,        "packed",       "YUYV", 1, 2, 1, 1, P(1,1,2), P(0,0,0), P(0,0,0)) \
    X(UYVY,   F('U','Y','V','Y'), F('U','Y','V','Y'), YUV,        "packed",       "UYVY", 1, 2, 1, 1, P(1,1,2), P(0,0,0), P(0,0,0)) \
    X(NV12,   F('N','V','1','2'), F('N','V','1','2'), YUV,        "two_planes",   "UV",   1, 2, 2, 2, P(1,1,1), P(2,2,2), P(0,0,0)) \
    X(NV21,   F('N','V','2','1'), F('N','V','2','1'), YUV,        "two_planes",   "VU",   1, 2, 2, 2, P(1,1,1), P(2,2,2), P(0,0,0)) \
    X(NV16,   F('N','V','1','6'), F('N','V','1','6'), YUV,        "two_planes",   "UV",   1, 2, 1, 2, P(1,1,1), P(2,1,2), P(0,0,0)) \
    X(NV61,   F('N','V','6','1'), F('N','V','6','1'), YUV,        "two_planes",   "VU",   1, 2, 1, 2, P(1,1,1), P(2,1,2), P(0,0,0)) \
    X(YU12,   F('Y','U','1','2'), F('Y','U','1','2'), YUV,        "three_planes", "UV",   1, 2, 2, 3, P(1,1,1), P(2,2,1), P(2,2,1)) \
    X(GREY,   F('G','R','E','Y'), F('R','8',' ',' '), GREY,       "grey",         "Y",    1, 1, 1, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(Y16,    F('Y','1','6',' '), F('R','1','6',' '), GREY,       "grey",         "Y",    2, 1, 1, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(RGB24,  F('R','G','B','3'), F('B','G','2','4'), RGB,        "rgb",          "RGB",  1, 1, 1, 1, P(1,1,3), P(0,0,0), P(0,0,0)) \
    X(BGR24,  F('B','G','R','3'), F('R','G','2','4'), RGB,        "rgb",          "BGR",  1, 1, 1, 1, P(1,1,3), P(0,0,0), P(0,0,0)) \
    X(RGBA32, F('A','B','2','4'), F('A','B','2','4'), RGB,        "rgb",          "RGBA", 1, 1, 1, 1, P(1,1,4), P(0,0,0), P(0,0,0)) \
    X(XRGB32, F('B','X','2','4'), F('B','X','2','4'), RGB,        "rgb",          "XRGB", 1, 1, 1, 1, P(1,1,4), P(0,0,0), P(0,0,0)) \
    X(SBGGR8, F('B','A','8','1'), 0,                  BAYER,      "bayer",        "BGGR", 1, 2, 2, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(SGBRG8, F('G','B','R','G'), 0,                  BAYER,      "bayer",        "GBRG", 1, 2, 2, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(SGRBG8, F('G','R','B','G'), 0,                  BAYER,      "bayer",        "GRBG", 1, 2, 2, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(SRGGB8, F('R','G','G','B'), 0,                  BAYER,      "bayer",        "RGGB", 1, 2, 2, 1, P(1,1,1), P(0,0,0), P(0,0,0)) \
    X(MJPG,   F('M','J','P','G'), 0,                  COMPRESSED, "",             "",     1, 1, 1, 1, P(0,0,0), P(0,0,0), P(0,0,0))

/* Other fourccs for the same planes: V4L2's multi-planar API has names of its own for a picture whose planes lie
 * in separate memories. */
#define CAMKIT_SEPARATE_FORMATS(X, F) \
    X(NV12, F('N','M','1','2')) \
    X(NV21, F('N','M','2','1')) \
    X(NV16, F('N','M','1','6')) \
    X(NV61, F('N','M','6','1')) \
    X(YU12, F('Y','M','1','2'))
/* clang-format on */

typedef enum camkit_colour_model {
  CAMKIT_MODEL_YUV,
  CAMKIT_MODEL_RGB,
  CAMKIT_MODEL_GREY,
  CAMKIT_MODEL_BAYER,
  CAMKIT_MODEL_COMPRESSED
} camkit_colour_model;

#define CAMKIT_FORMAT_ID(name, ...) CAMKIT_FORMAT_##name,
#define CAMKIT_NOTHING(...)
typedef enum camkit_format_id {
  CAMKIT_FORMATS(CAMKIT_FORMAT_ID, CAMKIT_NOTHING, CAMKIT_NOTHING) CAMKIT_FORMAT_COUNT
} camkit_format_id;
#undef CAMKIT_FORMAT_ID
#undef CAMKIT_NOTHING

typedef struct camkit_plane_layout {
  uint8_t hsub, vsub, channels;
} camkit_plane_layout;

typedef struct camkit_format {
  const char* name;
  uint32_t v4l2, drm;
  camkit_colour_model model;
  const char *shader, *order;
  uint8_t itemsize, width_multiple, height_multiple, plane_count;
  camkit_plane_layout planes[3];
} camkit_format;

/* The row of a format id, or NULL for an id out of range. */
static inline const camkit_format* camkit_format_row(uint32_t id) {
#define CAMKIT_PLANE(h, v, c) {h, v, c}
#define CAMKIT_ROW(name, v4l2, drm, model, shader, order, item, wm, hm, n, p0, p1, p2) \
  {#name, v4l2, drm, CAMKIT_MODEL_##model, shader, order, item, wm, hm, n, {p0, p1, p2}},
  static const camkit_format rows[] = {CAMKIT_FORMATS(CAMKIT_ROW, CAMKIT_FOURCC, CAMKIT_PLANE)};
#undef CAMKIT_ROW
#undef CAMKIT_PLANE
  return id < CAMKIT_FORMAT_COUNT ? &rows[id] : NULL;
}

/* The id of a V4L2 fourcc, or -1. */
static inline int camkit_format_from_v4l2(uint32_t fourcc) {
  if (fourcc == CAMKIT_FOURCC('J', 'P', 'E', 'G'))
    return CAMKIT_FORMAT_MJPG; /* drivers use both names */
  for (uint32_t i = 0; i < CAMKIT_FORMAT_COUNT; ++i)
    if (camkit_format_row(i)->v4l2 == fourcc) return (int)i;
#define CAMKIT_SEPARATE(name, code) \
  if (fourcc == (code)) return CAMKIT_FORMAT_##name;
  CAMKIT_SEPARATE_FORMATS(CAMKIT_SEPARATE, CAMKIT_FOURCC)
#undef CAMKIT_SEPARATE
  return -1;
}

/* Bytes of pixels in one row of a plane (no padding); 0 for a compressed format. */
static inline size_t camkit_row_bytes(const camkit_format* f, int plane, uint32_t width) {
  const camkit_plane_layout* p = &f->planes[plane];
  return p->hsub ? ((size_t)width + p->hsub - 1) / p->hsub * p->channels * f->itemsize : 0;
}

static inline uint32_t camkit_plane_rows(const camkit_format* f, int plane, uint32_t height) {
  const camkit_plane_layout* p = &f->planes[plane];
  return p->vsub ? (height + p->vsub - 1) / p->vsub : 0;
}

/* The stride of a plane when plane 0 has stride `first` and all planes lie in one buffer: V4L2's
 * rule for its single-planar YUV formats (chroma rows are padded in proportion). */
static inline size_t camkit_plane_stride(const camkit_format* f, int plane, size_t first) {
  const camkit_plane_layout *p = &f->planes[plane], *q = &f->planes[0];
  return p->hsub ? first * p->channels * q->hsub / ((size_t)p->hsub * q->channels) : 0;
}

/* Bytes of a whole picture whose plane 0 has stride `first`, planes one after the other; 0 for a
 * compressed format. */
static inline size_t camkit_image_bytes(const camkit_format* f, size_t first, uint32_t height) {
  size_t total = 0;
  for (int i = 0; i < f->plane_count; ++i)
    total += camkit_plane_stride(f, i, first) * camkit_plane_rows(f, i, height);
  return total;
}

#endif
