/* camkit_frame: the one plain struct that every part of camkit passes by pointer. C, no Python, no
 * ownership magic: whoever holds a reference may read it; the last camkit_frame_release() gives the
 * slot back to where it came from. */
#ifndef CAMKIT_FRAME_H
#define CAMKIT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "camkit/pixel_format.h"

#define CAMKIT_ABI_VERSION 3
#define CAMKIT_MAX_STAGES 16
#define CAMKIT_MAX_COMPANIONS 7

/* The names and numbers of colour properties follow ISO/IEC 23091-2 (H.273), 2 = unspecified, as
 * video tools do. */
typedef enum camkit_primaries {
  CAMKIT_PRIMARIES_BT709 = 1,
  CAMKIT_PRIMARIES_UNKNOWN = 2,
  CAMKIT_PRIMARIES_BT470BG = 5,
  CAMKIT_PRIMARIES_SMPTE170M = 6,
  CAMKIT_PRIMARIES_SMPTE240M = 7,
  CAMKIT_PRIMARIES_BT2020 = 9,
  CAMKIT_PRIMARIES_DCI_P3 = 12
} camkit_primaries;
typedef enum camkit_transfer {
  CAMKIT_TRANSFER_BT709 = 1,
  CAMKIT_TRANSFER_UNKNOWN = 2,
  CAMKIT_TRANSFER_SMPTE240M = 7,
  CAMKIT_TRANSFER_LINEAR = 8,
  CAMKIT_TRANSFER_SRGB = 13,
  CAMKIT_TRANSFER_PQ = 16
} camkit_transfer;
typedef enum camkit_matrix {
  CAMKIT_MATRIX_RGB = 0,
  CAMKIT_MATRIX_BT709 = 1,
  CAMKIT_MATRIX_UNKNOWN = 2,
  CAMKIT_MATRIX_BT601 = 6,
  CAMKIT_MATRIX_SMPTE240M = 7,
  CAMKIT_MATRIX_BT2020 = 9
} camkit_matrix;
typedef enum camkit_range {
  CAMKIT_RANGE_UNKNOWN = 0,
  CAMKIT_RANGE_LIMITED = 1,
  CAMKIT_RANGE_FULL = 2
} camkit_range;

typedef struct camkit_colour {
  uint8_t primaries, transfer, matrix, range;
} camkit_colour;

typedef enum camkit_clock {
  CAMKIT_CLOCK_UNKNOWN = 0,
  CAMKIT_CLOCK_MONOTONIC = 1,
  CAMKIT_CLOCK_COPY = 2
} camkit_clock;
typedef enum camkit_stamp {
  CAMKIT_STAMP_UNKNOWN = 0,
  CAMKIT_STAMP_START_OF_EXPOSURE = 1,
  CAMKIT_STAMP_END_OF_FRAME = 2
} camkit_stamp;

/* Whose memory the picture lies in. */
typedef enum camkit_memory {
  CAMKIT_MEMORY_HEAP = 0,    /* ours, of a pool */
  CAMKIT_MEMORY_MMAP = 1,    /* the driver's own, mapped */
  CAMKIT_MEMORY_USERPTR = 2, /* ours, filled by the driver */
  CAMKIT_MEMORY_DMABUF = 3,  /* of a dma-buf: one that was given to the driver, or of a pool */
  CAMKIT_MEMORY_MEMFD = 4,   /* ours, of a pool that other processes can be given */
  CAMKIT_MEMORY_FOREIGN = 5  /* somebody else's, wrapped by a pool */
} camkit_memory;

typedef enum camkit_frame_flag {
  CAMKIT_FRAME_CORRUPT = 1, /* the driver says so, or the bytes are fewer than the picture needs */
  CAMKIT_FRAME_KEYFRAME = 2,
  CAMKIT_FRAME_READ_ONLY = 4,     /* views of it must not be written */
  CAMKIT_FRAME_COPY = 8,          /* a copy made because the driver's own buffers had run short */
  CAMKIT_FRAME_DISCONTINUITY = 16 /* the first one after the source began anew by itself */
} camkit_frame_flag;

typedef struct camkit_plane {
  uint8_t* data;     /* borrowed from the slot: valid while a reference to the frame is held */
  size_t size;       /* bytes that belong to this plane, from data */
  uint32_t stride;   /* bytes from one row to the next */
  uint32_t rows;     /* 0 in a compressed format */
  uint32_t offset;   /* of data within the memory behind dmabuf_fd */
  int32_t dmabuf_fd; /* borrowed from the pool, -1: none */
} camkit_plane;

/* What the driver said of its buffer, untouched: the fields of V4L2's struct v4l2_buffer, its
 * timestamp apart (that is timestamp_ns). type is 0 where no such driver filled the frame. */
typedef struct camkit_driver_plane {
  uint32_t bytes_used, length, data_offset;
} camkit_driver_plane;
typedef struct camkit_driver_buffer {
  uint32_t index, type, bytes_used, flags, field, sequence, memory, length;
  uint32_t timecode_type, timecode_flags;
  uint8_t timecode[8];  /* frames, seconds, minutes, hours, four bytes of the user's */
  uint32_t plane_count; /* 0 in the single-planar API */
  camkit_driver_plane planes[CAMKIT_MAX_PLANES];
} camkit_driver_buffer;

struct camkit_frame;
typedef struct camkit_frame_ops {
  void (*retain)(struct camkit_frame*);
  void (*release)(struct camkit_frame*);
} camkit_frame_ops;

typedef struct camkit_frame {
  const camkit_frame_ops* ops;
  void* pool; /* the camkit::frame_pool that owns the slot */
  camkit_plane planes[CAMKIT_MAX_PLANES];
  uint32_t plane_count, format, width, height;
  size_t bytes_used; /* what the source wrote, all planes together */
  camkit_colour colour;
  uint32_t flags, memory, slot;
  uint8_t clock, stamp;   /* camkit_clock and camkit_stamp of timestamp_ns */
  int64_t timestamp_ns;   /* the source's own time of the frame */
  int64_t dequeue_ns;     /* when we took it, on the monotonic clock */
  int64_t hardware_ns;    /* by the camera's own clock, as monotonic time; 0: it has not told */
  uint64_t sequence, gap; /* frames the source lost just before this one */
  uint64_t generation;    /* the stream it belongs to: a restarted camera has another */
  uint32_t stage_count;
  int64_t
      stage_ns[CAMKIT_MAX_STAGES]; /* when each stage of a pipeline was done with it, monotonic */
  camkit_driver_buffer driver;
  /* Frames of other cameras that were matched with this one: a reference to each, given up with the
   * last one to this. Set before the frame is handed on, and by nobody else. */
  struct camkit_frame* companions[CAMKIT_MAX_COMPANIONS];
  uint32_t companion_count;
} camkit_frame;

static inline void camkit_frame_retain(camkit_frame* f) { f->ops->retain(f); }
static inline void camkit_frame_release(camkit_frame* f) { f->ops->release(f); }

static inline void camkit_frame_stamp(camkit_frame* f, int64_t now_ns) {
  if (f->stage_count < CAMKIT_MAX_STAGES) f->stage_ns[f->stage_count++] = now_ns;
}

/* Describe `memory` (of `bytes`) as a picture: sets format, size and planes one after the other
 * with the strides that follow from `stride` (0: rows without padding). Returns 0, or -1 when the
 * picture does not fit into the bytes, the stride is too short or the size is not possible in this
 * format: then the frame is left as it was. */
static inline int camkit_frame_describe(camkit_frame* f, uint32_t format, uint32_t width,
                                        uint32_t height, uint8_t* memory, size_t bytes,
                                        size_t stride) {
  const camkit_format* row = camkit_format_row(format);
  if (!row || !width || !height || width > 65536 || height > 65536) return -1;
  if (width % row->width_multiple || height % row->height_multiple) return -1;
  if (!stride) stride = camkit_row_bytes(row, 0, width);
  if (stride < camkit_row_bytes(row, 0, width) || stride > UINT32_MAX || stride % row->itemsize)
    return -1;
  if (camkit_image_bytes(row, stride, height) > bytes) return -1;
  for (int i = 1; i < row->plane_count; ++i)
    if (camkit_plane_stride(row, i, stride) < camkit_row_bytes(row, i, width)) return -1;
  f->format = format;
  f->width = width;
  f->height = height;
  f->plane_count = row->plane_count;
  size_t offset = 0;
  for (int i = 0; i < row->plane_count; ++i) {
    camkit_plane* p = &f->planes[i];
    p->stride = (uint32_t)camkit_plane_stride(row, i, stride);
    p->rows = camkit_plane_rows(row, i, height);
    p->data = memory + offset;
    p->size = row->model == CAMKIT_MODEL_COMPRESSED ? bytes : (size_t)p->stride * p->rows;
    p->offset = (uint32_t)offset;
    p->dmabuf_fd = -1;
    offset += p->size;
  }
  f->bytes_used = offset;
  return 0;
}

/* The same for a picture whose planes lie in `n` memories of their own, each with its bytes and its
 * stride; with n == 1 it is camkit_frame_describe(). Offsets count from each memory's own
 * beginning. */
static inline int camkit_frame_describe_planes(camkit_frame* f, uint32_t format, uint32_t width,
                                               uint32_t height, uint32_t n, uint8_t* const* memory,
                                               const size_t* bytes, const size_t* strides) {
  const camkit_format* row = camkit_format_row(format);
  if (n == 1)
    return camkit_frame_describe(f, format, width, height, memory[0], bytes[0], strides[0]);
  if (!row || n != row->plane_count || !width || !height || width > 65536 || height > 65536)
    return -1;
  if (width % row->width_multiple || height % row->height_multiple) return -1;
  for (int i = 0; i < row->plane_count; ++i)
    if (strides[i] < camkit_row_bytes(row, i, width) || strides[i] > UINT32_MAX ||
        strides[i] % row->itemsize || strides[i] * camkit_plane_rows(row, i, height) > bytes[i])
      return -1;
  f->format = format;
  f->width = width;
  f->height = height;
  f->plane_count = row->plane_count;
  f->bytes_used = 0;
  for (int i = 0; i < row->plane_count; ++i) {
    camkit_plane* p = &f->planes[i];
    p->stride = (uint32_t)strides[i];
    p->rows = camkit_plane_rows(row, i, height);
    p->data = memory[i];
    p->size = (size_t)p->stride * p->rows;
    p->offset = 0;
    p->dmabuf_fd = -1;
    f->bytes_used += p->size;
  }
  return 0;
}

#endif
