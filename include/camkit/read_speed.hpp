// How fast memory can be read: tells cached from uncached memory, of which a driver says nothing.
#ifndef CAMKIT_READ_SPEED_HPP
#define CAMKIT_READ_SPEED_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "camkit/clock.hpp"

namespace camkit {

// Nanoseconds to read `size` bytes, the best of three times: what is cached is in the cache by the
// second.
inline std::int64_t read_ns(const std::uint8_t* data, std::size_t size) noexcept {
  std::int64_t best = INT64_MAX;
  volatile std::uint64_t sink = 0;
  for (int turn = 0; turn < 3; ++turn) {
    const std::int64_t begun = now_ns();
    std::uint64_t sum = 0, word = 0;
    for (std::size_t i = 0; i + sizeof word <= size; i += sizeof word) {
      std::memcpy(&word, data + i, sizeof word);
      sum += word;
    }
    sink = sum;
    const std::int64_t took = now_ns() - begun;
    if (took < best) best = took;
  }
  (void)sink;
  return best > 0 ? best : 1;
}

}  // namespace camkit

#endif
