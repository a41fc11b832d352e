// clock_piece: a stretch of time over which two clocks keep one offset, or one rate; the parts of a
// clock_map.
#ifndef CAMKIT_CLOCK_PIECE_HPP
#define CAMKIT_CLOCK_PIECE_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace camkit {

// Sums and differences in unsigned numbers, which may wrap: a driver's timestamps can be anywhere.
inline std::int64_t time_sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t time_since(std::int64_t t, std::int64_t begin) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(t) -
                                   static_cast<std::uint64_t>(begin));
}
// How far two times are apart, but no more than a sum of four such distances can hold.
inline std::int64_t time_apart(std::int64_t a, std::int64_t b) noexcept {
  const std::uint64_t d = a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
                                : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
  return static_cast<std::int64_t>(std::min(d, static_cast<std::uint64_t>(INT64_MAX / 4)));
}

struct clock_piece {
  std::int64_t first, last;  // of the first clock: what the readings cover
  std::int64_t from, to;     // both clocks at one moment
  std::int64_t error;
  double rate, beyond;  // by how much the second clock is faster: up to `last`, and after it
  bool joined;          // begins where the one before ends

  std::int64_t at(std::int64_t t) const noexcept {
    double run = static_cast<double>(time_since(std::min(t, last), from)) * rate;
    if (t > last) run += static_cast<double>(time_apart(t, last)) * beyond;
    return time_sum(t,
                    time_sum(to - from, static_cast<std::int64_t>(std::clamp(run, -1e18, 1e18))));
  }
};

// The same in words that one thread writes while others read. Released one by one and read by
// acquiring: who reads a new word sees all that the writer did before it.
struct stored_clock_piece {
  std::atomic<std::int64_t> first{0}, last{0}, from{0}, to{0}, error{0};
  std::atomic<double> rate{0}, beyond{0};
  std::atomic<bool> joined{false};

  void store(const clock_piece& p) noexcept {
    constexpr auto release = std::memory_order_release;
    first.store(p.first, release);
    last.store(p.last, release);
    from.store(p.from, release);
    to.store(p.to, release);
    error.store(p.error, release);
    rate.store(p.rate, release);
    beyond.store(p.beyond, release);
    joined.store(p.joined, release);
  }
  clock_piece load() const noexcept {
    constexpr auto acquire = std::memory_order_acquire;
    return {first.load(acquire), last.load(acquire), from.load(acquire),   to.load(acquire),
            error.load(acquire), rate.load(acquire), beyond.load(acquire), joined.load(acquire)};
  }
};

}  // namespace camkit

#endif
