// Copies between frames: the pixels row by row (strides may differ), and what describes them.
#ifndef CAMKIT_FRAME_COPY_HPP
#define CAMKIT_FRAME_COPY_HPP

#include <cstdint>
#include <cstring>

#include "camkit/frame.h"

namespace camkit {

// When, which and how: everything of `from` except where its pixels lie and who owns them. The
// frames that `from` was matched with are shared. `to` is new: it has none yet.
inline void copy_description(camkit_frame* to, const camkit_frame* from) noexcept {
  to->colour = from->colour;
  to->clock = from->clock;
  to->stamp = from->stamp;
  to->timestamp_ns = from->timestamp_ns;
  to->dequeue_ns = from->dequeue_ns;
  to->hardware_ns = from->hardware_ns;
  to->sequence = from->sequence;
  to->gap = from->gap;
  to->generation = from->generation;
  to->flags = from->flags & ~static_cast<std::uint32_t>(CAMKIT_FRAME_READ_ONLY);
  to->driver = from->driver;
  to->stage_count = from->stage_count;
  for (std::uint32_t i = 0; i < from->stage_count; ++i) to->stage_ns[i] = from->stage_ns[i];
  to->companion_count = from->companion_count;
  for (std::uint32_t i = 0; i < from->companion_count; ++i) {
    to->companions[i] = from->companions[i];
    camkit_frame_retain(to->companions[i]);
  }
}

// Copy the pixels of `from` into `to`, which must describe a picture of the same format and size.
// Returns the bytes copied, or -1 when the two do not match.
inline std::int64_t copy_pixels(camkit_frame* to, const camkit_frame* from) noexcept {
  if (to->format != from->format || to->width != from->width || to->height != from->height)
    return -1;
  const camkit_format* row = camkit_format_row(from->format);
  std::int64_t total = 0;
  for (std::uint32_t i = 0; i < from->plane_count; ++i) {
    const camkit_plane &s = from->planes[i], &d = to->planes[i];
    if (row->model == CAMKIT_MODEL_COMPRESSED) {
      if (from->bytes_used > d.size) return -1;
      std::memcpy(d.data, s.data, from->bytes_used);
      total += static_cast<std::int64_t>(from->bytes_used);
      continue;
    }
    const std::size_t bytes = camkit_row_bytes(row, static_cast<int>(i), from->width);
    if (s.stride == d.stride) {
      // The last row may end before its padding does, in memory that is not ours.
      const std::size_t all = static_cast<std::size_t>(s.stride) * (s.rows - 1) + bytes;
      std::memcpy(d.data, s.data, all);
      total += static_cast<std::int64_t>(all);
      continue;
    }
    for (std::uint32_t y = 0; y < s.rows; ++y)
      std::memcpy(d.data + static_cast<std::size_t>(y) * d.stride,
                  s.data + static_cast<std::size_t>(y) * s.stride, bytes);
    total += static_cast<std::int64_t>(bytes * s.rows);
  }
  to->bytes_used = from->bytes_used;
  return total;
}

}  // namespace camkit

#endif
