// The picture that the synthetic camera draws: eight colour bars, a white box that moves along the
// bottom quarter, and in the top left corner the frame's number and time as black and white blocks
// that a program can read back.
//
// One description serves all formats: a cell is the smallest piece of a plane that repeats (YUYV: 2
// pixels in 4 bytes), a paint is one colour as a cell for every plane. A new format needs nothing
// here if its order of components is spelled in its row of pixel_format.h.
#ifndef CAMKIT_PATTERN_HPP
#define CAMKIT_PATTERN_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "camkit/frame.h"

namespace camkit {

// 75 % bars: nothing is at the end of its range, so that no clipping hides an error of colour.
constexpr std::uint32_t bar_count = 8;
constexpr std::uint8_t bar_rgb[bar_count][3] = {{191, 191, 191}, {191, 191, 0}, {0, 191, 191},
                                                {0, 191, 0},     {191, 0, 191}, {191, 0, 0},
                                                {0, 0, 191},     {0, 0, 0}};
constexpr std::uint8_t black_rgb[3] = {0, 0, 0}, white_rgb[3] = {255, 255, 255};

constexpr std::uint32_t least_width = 64, least_height = 32;
// 64 bits of number, 64 of time, 32 of checksum, most significant first.
constexpr std::uint32_t stamp_columns = 32, stamp_rows = 5;

inline std::uint32_t even(std::uint32_t v) noexcept { return v & ~1u; }

// Pixels on a side of one block of the stamp; 0 when the picture is too small for one.
inline std::uint32_t stamp_block(std::uint32_t width, std::uint32_t height) noexcept {
  if (width < least_width || height < least_height) return 0;
  std::uint32_t edge = 8;
  if (width / stamp_columns < edge) edge = width / stamp_columns;
  if (height / (2 * stamp_rows) < edge) edge = height / (2 * stamp_rows);
  return even(edge);
}

// Neither an all-black nor an all-white corner has its own checksum.
inline std::uint32_t stamp_checksum(std::uint64_t sequence, std::uint64_t time) noexcept {
  std::uint64_t h = (sequence ^ 0x243F6A8885A308D3u) * 0x9E3779B97F4A7C15u;
  h = (h ^ (h >> 29) ^ time) * 0xBF58476D1CE4E5B9u;
  return static_cast<std::uint32_t>(h ^ (h >> 32));
}

class pattern {
 public:
  std::uint32_t format = 0, width = 0, height = 0, box = 0, box_y = 0;

  void set(std::uint32_t id, std::uint32_t w, std::uint32_t h) noexcept {
    format = id;
    width = w;
    height = h;
    row_ = camkit_format_row(id);
    block_ = stamp_block(w, h);
    box = even((w < h ? w : h) / 8);
    box_y = even(h / 4 * 3);
    for (std::uint32_t i = 0; i < bar_count; ++i) mix(bars_[i], bar_rgb[i]);
    mix(black_, black_rgb);
    mix(white_, white_rgb);
  }

  // YUV is BT.601 in the limited range, the others use all codes.
  camkit_colour colour() const noexcept {
    const bool yuv = row_->model == CAMKIT_MODEL_YUV;
    camkit_colour c;
    c.primaries = yuv ? CAMKIT_PRIMARIES_SMPTE170M : CAMKIT_PRIMARIES_BT709;
    c.transfer = yuv ? CAMKIT_TRANSFER_BT709 : CAMKIT_TRANSFER_SRGB;
    c.matrix = yuv || row_->model == CAMKIT_MODEL_GREY ? CAMKIT_MATRIX_BT601 : CAMKIT_MATRIX_RGB;
    c.range = yuv ? CAMKIT_RANGE_LIMITED : CAMKIT_RANGE_FULL;
    return c;
  }

  std::uint32_t box_x(std::uint64_t index) const noexcept {
    return even(static_cast<std::uint32_t>(index * 4 % (width - box)));
  }

  void draw_background(camkit_frame* f) const noexcept { draw_bars(f, 0, 0, width, height); }
  void erase_box(camkit_frame* f, std::uint32_t x) const noexcept {
    draw_bars(f, x, box_y, box, box);
  }
  void draw_box(camkit_frame* f, std::uint32_t x) const noexcept {
    fill(f, white_, x, box_y, box, box);
  }

  void draw_stamp(camkit_frame* f, std::uint64_t sequence, std::int64_t time) const noexcept {
    const auto t = static_cast<std::uint64_t>(time);
    const std::uint32_t words[stamp_rows] = {
        static_cast<std::uint32_t>(sequence >> 32), static_cast<std::uint32_t>(sequence),
        static_cast<std::uint32_t>(t >> 32), static_cast<std::uint32_t>(t),
        stamp_checksum(sequence, t)};
    for (std::uint32_t y = 0; y < stamp_rows; ++y)
      for (std::uint32_t x = 0; x < stamp_columns; ++x)
        fill(f, words[y] >> (31 - x) & 1 ? white_ : black_, x * block_, y * block_, block_, block_);
  }

 private:
  // Two rows, for a Bayer mosaic has two kinds.
  struct paint {
    std::uint8_t cell[3][2][4];
  };
  struct cell_shape {
    std::uint32_t pixels, rows, bytes;
  };

  const camkit_format* row_ = nullptr;
  std::uint32_t block_ = 0;
  paint bars_[bar_count] = {}, black_ = {}, white_ = {};

  bool packed() const noexcept { return row_->model == CAMKIT_MODEL_YUV && row_->plane_count == 1; }

  cell_shape shape(int plane) const noexcept {
    if (packed()) return {2, 1, 4};
    if (row_->model == CAMKIT_MODEL_BAYER) return {2, 1, 2};
    const camkit_plane_layout& p = row_->planes[plane];
    return {p.hsub, p.vsub, static_cast<std::uint32_t>(p.channels) * row_->itemsize};
  }

  std::uint8_t code(char letter, const std::uint8_t* rgb) const noexcept {
    const double r = rgb[0], g = rgb[1], b = rgb[2], y = 0.299 * r + 0.587 * g + 0.114 * b;
    const bool limited = row_->model == CAMKIT_MODEL_YUV;
    switch (letter) {
      case 'R':
        return rgb[0];
      case 'G':
        return rgb[1];
      case 'B':
        return rgb[2];
      case 'Y':
        return static_cast<std::uint8_t>(std::lround(limited ? 16 + y * 219 / 255 : y));
      case 'U':
        return static_cast<std::uint8_t>(std::lround(128 + (b - y) / 1.772 * 224 / 255));
      case 'V':
        return static_cast<std::uint8_t>(std::lround(128 + (r - y) / 1.402 * 224 / 255));
      default:
        return 255;  // alpha, or a byte without meaning
    }
  }

  void mix(paint& out, const std::uint8_t* rgb) const noexcept {
    const char* order = row_->order;
    for (int plane = 0; plane < row_->plane_count; ++plane)
      for (int odd = 0; odd < 2; ++odd)
        for (std::uint32_t i = 0; i < shape(plane).bytes; ++i) {
          char letter = 'Y';
          if (row_->model == CAMKIT_MODEL_BAYER)
            letter = order[2 * odd + static_cast<int>(i)];
          else if (packed() || row_->model == CAMKIT_MODEL_RGB)
            letter = order[i];
          else if (plane > 0)
            letter = order[row_->plane_count == 3 ? plane - 1 : static_cast<int>(i)];
          // Both bytes of a 16-bit sample are equal: 65535 / 255 = 257.
          out.cell[plane][odd][i] = code(letter, rgb);
        }
  }

  // The edges must be multiples of the format's cells.
  void fill(camkit_frame* f, const paint& colour, std::uint32_t x, std::uint32_t y, std::uint32_t w,
            std::uint32_t h) const noexcept {
    for (int i = 0; i < row_->plane_count; ++i) {
      const camkit_plane& p = f->planes[i];
      const cell_shape c = shape(i);
      const std::size_t bytes = static_cast<std::size_t>(w / c.pixels) * c.bytes;
      const std::uint32_t top = y / c.rows, rows = h / c.rows;
      std::uint8_t* to = p.data + static_cast<std::size_t>(top) * p.stride + x / c.pixels * c.bytes;
      for (std::uint32_t r = 0; r < rows; ++r, to += p.stride) {
        if (r >= 2) {
          std::memcpy(to, to - 2 * static_cast<std::size_t>(p.stride), bytes);
          continue;
        }
        std::memcpy(to, colour.cell[i][(top + r) & 1], c.bytes);
        for (std::size_t done = c.bytes; done < bytes; done *= 2)
          std::memcpy(to + done, to, done < bytes - done ? done : bytes - done);
      }
    }
  }

  void draw_bars(camkit_frame* f, std::uint32_t x, std::uint32_t y, std::uint32_t w,
                 std::uint32_t h) const noexcept {
    const std::uint32_t step = even(width / bar_count);
    for (std::uint32_t i = 0; i < bar_count; ++i) {
      const std::uint32_t left = i * step, right = i + 1 < bar_count ? left + step : width;
      const std::uint32_t from = x > left ? x : left, to = x + w < right ? x + w : right;
      if (from < to) fill(f, bars_[i], from, y, to - from, h);
    }
  }
};

// Read a stamp from any plane of bright and dark samples. False: there is none.
inline bool read_stamp(const std::uint8_t* data, std::ptrdiff_t row_step, std::ptrdiff_t pixel_step,
                       int itemsize, std::uint32_t width, std::uint32_t height,
                       std::uint64_t* sequence, std::int64_t* time) noexcept {
  const std::uint32_t block = stamp_block(width, height);
  if (!block) return false;
  std::uint32_t words[stamp_rows] = {};
  for (std::uint32_t y = 0; y < stamp_rows; ++y)
    for (std::uint32_t x = 0; x < stamp_columns; ++x) {
      const std::uint8_t* at = data +
                               static_cast<std::ptrdiff_t>(y * block + block / 2) * row_step +
                               static_cast<std::ptrdiff_t>(x * block + block / 2) * pixel_step;
      std::uint16_t value = 0;
      if (itemsize == 2)
        std::memcpy(&value, at, 2);
      else
        value = static_cast<std::uint16_t>(*at * 257);
      words[y] = words[y] << 1 | (value >> 15);
    }
  const std::uint64_t s = static_cast<std::uint64_t>(words[0]) << 32 | words[1];
  const std::uint64_t t = static_cast<std::uint64_t>(words[2]) << 32 | words[3];
  if (words[4] != stamp_checksum(s, t)) return false;
  *sequence = s;
  *time = static_cast<std::int64_t>(t);
  return true;
}

inline bool read_stamp(const camkit_frame* f, std::uint64_t* sequence,
                       std::int64_t* time) noexcept {
  const camkit_format* row = camkit_format_row(f->format);
  if (!row || row->model == CAMKIT_MODEL_COMPRESSED) return false;
  const camkit_plane& p = f->planes[0];
  const int pixel = row->planes[0].channels * row->itemsize;
  if (p.size < static_cast<std::size_t>(p.stride) * (f->height - 1) +
                   static_cast<std::size_t>(f->width) * pixel)
    return false;
  std::size_t channel = 0;
  if (row->model != CAMKIT_MODEL_BAYER) {
    const char* found = std::strchr(row->order, row->model == CAMKIT_MODEL_RGB ? 'G' : 'Y');
    if (found) channel = static_cast<std::size_t>(found - row->order);
  }
  return read_stamp(p.data + channel, p.stride, pixel, row->itemsize, f->width, f->height, sequence,
                    time);
}

}  // namespace camkit

#endif
