// clock_map: from the time of one clock to that of another, with a bound of the error.
//
// What is known is a list of pieces, newest last. Within a piece two clocks of one source
// (monotonic, realtime, boottime) keep one offset, and every reading narrows it down; two clocks
// that really run apart (a GPU's) are a line from reading to reading. Between two pieces a clock
// was set, or stood still: a moment there is converted too, with the error that this leaves.
// Nothing is summed up, so no error grows with time.
//
// One thread at a time observes; any number convert without a lock: a reader that meets a change
// tries again.
#ifndef CAMKIT_CLOCK_MAP_HPP
#define CAMKIT_CLOCK_MAP_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "camkit/clock_piece.hpp"
#include "camkit/cpu.hpp"

namespace camkit {

class clock_map {
 public:
  static constexpr int most_pieces = 64;
  static constexpr std::int64_t no_bound = INT64_MAX;
  // What a clock with a rate of its own may stray from the line that was seen: the kernel slews the
  // monotonic clock by 500 ppm at most (MAXFREQ of linux/timex.h), quartz crystals stray by less.
  static constexpr double wander = 5e-4;

  explicit clock_map(bool own_rate) noexcept : own_rate_(own_rate) {}
  clock_map(const clock_map&) = delete;
  clock_map& operator=(const clock_map&) = delete;

  // At the moment `from` of one clock the other showed `to`, give or take `error` ns. False: no
  // clock shows such times (the year 2096 and later).
  bool observe(std::int64_t from, std::int64_t to, std::int64_t error) noexcept {
    constexpr std::int64_t most = 4'000'000'000'000'000'000;
    if (std::max(from, to) > most || std::min(from, to) < -most || error < 0 || error > most / 4)
      return false;
    const reading r{from, to, error + 1};  // 1: both clocks are rounded to whole nanoseconds
    const std::uint64_t n = count_.load(std::memory_order_relaxed);
    if (!n) {
      push(begin(r));
      return true;
    }
    const piece p = load(n - 1);
    if (own_rate_ ? extend_line(p, r) : extend_offset(p, r)) return true;
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const piece fresh = begin(r);
    // Times that were there twice have two meanings.
    if (fresh.first < p.last) set_back_.store(true, std::memory_order_relaxed);
    push(fresh);
    return true;
  }

  // False if there was no reading yet. `error` is no_bound before the first one.
  bool convert(std::int64_t t, std::int64_t& out, std::int64_t& error) const noexcept {
    for (;;) {
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      if (before & 1) {
        cpu_relax();
        continue;
      }
      const bool known = look_up(t, out, error);
      if (sequence_.load(std::memory_order_relaxed) == before) return known;
    }
  }

  // How often a clock was seen to have been set or to have stood still.
  std::uint64_t steps() const noexcept { return steps_.load(std::memory_order_relaxed); }
  // By how much the other clock runs faster, 1e-6 being 1 ppm.
  double rate() const noexcept {
    const std::uint64_t n = count_.load(std::memory_order_acquire);
    return n ? load(n - 1).beyond : 0.0;
  }

 private:
  using piece = clock_piece;
  struct reading {
    std::int64_t from, to, error;
  };
  static constexpr std::int64_t line_span = 250'000'000;  // 64 lines are 16 s of history
  static constexpr double most_rate = 2e-3;               // more is a step, not a rate

  static std::int64_t strayed(std::int64_t distance) noexcept {
    return static_cast<std::int64_t>(static_cast<double>(distance) * wander);
  }

  piece begin(const reading& r) noexcept {
    head_error_ = last_error_ = r.error;
    if (own_rate_) return {r.from, r.from, r.from, r.to, r.error, 0.0, 0.0, false};
    // A reading is no moment but the time that it took: a step may lie within it.
    return {r.from + r.error, r.from - r.error, r.from, r.to, r.error, 0.0, 0.0, false};
  }

  // The offset lies where all readings say that it may lie; nowhere: it is another one.
  bool extend_offset(piece p, const reading& r) noexcept {
    const std::int64_t had = p.to - p.from, has = r.to - r.from;
    const std::int64_t low = std::max(had - p.error, has - r.error);
    const std::int64_t high = std::min(had + p.error, has + r.error);
    if (low > high) return false;
    p.last = std::max(p.last, r.from - r.error);
    p.to = p.from + low + (high - low) / 2;
    p.error = (high - low + 1) / 2;
    replace(p);
    return true;
  }

  // From reading to reading in straight lines; short ones are one.
  bool extend_line(piece p, const reading& r) noexcept {
    if (r.from <= p.last)  // it tells nothing new, or the clock was set back
      return time_apart(p.at(r.from), r.to) <= p.error + r.error + strayed(p.last - r.from);
    const auto allowed =
        static_cast<std::int64_t>(static_cast<double>(r.from - p.last) * most_rate);
    if (time_apart(p.at(r.from), r.to) > last_error_ + r.error + allowed) return false;
    const bool next = r.from - p.from >= line_span && p.last > p.from;
    if (next) {
      const std::int64_t at = p.at(p.last);
      p = {p.last, p.last, p.last, at, last_error_, 0.0, 0.0, true};
      head_error_ = last_error_;
    }
    p.rate = slope(p, r);
    p.last = r.from;
    p.error = std::max(head_error_, r.error);
    last_error_ = r.error;
    const piece base = oldest_joined(p, next);
    // A rate that the errors of its readings could have made is none.
    const double possible =
        static_cast<double>(base.error + r.error) / static_cast<double>(r.from - base.from);
    p.beyond = possible > wander ? 0.0 : slope(base, r);
    next ? push(p) : replace(p);
    return true;
  }

  static double slope(const piece& p, const reading& r) noexcept {
    const auto d = static_cast<double>(r.from - p.from);
    return (static_cast<double>(r.to - p.to) - d) / d;
  }

  // The oldest piece on one unbroken line with the newest, which is `p`.
  piece oldest_joined(piece p, bool unwritten) const noexcept {
    const std::uint64_t n = count_.load(std::memory_order_relaxed);
    for (std::uint64_t i = unwritten ? n : n - 1; p.joined && i-- > oldest(n);) p = load(i);
    return p;
  }

  bool look_up(std::int64_t t, std::int64_t& out, std::int64_t& error) const noexcept {
    const std::uint64_t n = count_.load(std::memory_order_acquire);
    if (!n) return false;
    const bool set_back = set_back_.load(std::memory_order_acquire);
    bool found = false;
    for (std::uint64_t i = n; i-- > oldest(n);) {
      const piece p = load(i);
      if (t < p.first || t > p.last) continue;
      if (found) {
        error = std::max(error, time_apart(p.at(t), out) + p.error);
      } else {
        out = p.at(t);
        const std::int64_t near = std::min(time_apart(t, p.first), time_apart(t, p.last));
        error = p.error + (own_rate_ ? strayed(near) : 0);
      }
      found = true;
      if (!set_back) break;
    }
    return found || beside(t, n, out, error);
  }

  // A moment that no piece covers.
  bool beside(std::int64_t t, std::uint64_t n, std::int64_t& out,
              std::int64_t& error) const noexcept {
    piece later = load(n - 1);
    out = later.at(t);
    if (t >= later.last) {
      error = later.error + (own_rate_ ? strayed(time_apart(t, later.last)) : 0);
      return true;
    }
    for (std::uint64_t i = n - 1; i-- > oldest(n);) {
      const piece p = load(i);
      if (t > p.last) {
        // The step came some time between the two: either may be right.
        const std::int64_t before = p.at(t), after = later.at(t);
        out = time_apart(t, p.last) < time_apart(t, later.first) ? before : after;
        error = time_apart(before, after) + std::max(p.error, later.error) +
                (own_rate_ ? strayed(time_apart(p.last, later.first)) : 0);
        return true;
      }
      later = p;
    }
    out = later.at(t);
    error = no_bound;
    return true;
  }

  static std::uint64_t oldest(std::uint64_t n) noexcept {
    return n > most_pieces ? n - most_pieces : 0;
  }

  void push(const piece& p) noexcept {
    const std::uint64_t n = count_.load(std::memory_order_relaxed);
    write(n, p, n + 1);
  }
  void replace(const piece& p) noexcept {
    const std::uint64_t n = count_.load(std::memory_order_relaxed);
    write(n - 1, p, n);
  }

  // Released one by one and read by acquiring: who reads a new word sees the odd number too.
  void write(std::uint64_t i, const piece& p, std::uint64_t count) noexcept {
    const std::uint64_t s = sequence_.load(std::memory_order_relaxed);
    sequence_.store(s + 1, std::memory_order_relaxed);
    pieces_[i % most_pieces].store(p);
    count_.store(count, std::memory_order_release);
    sequence_.store(s + 2, std::memory_order_release);
  }

  piece load(std::uint64_t i) const noexcept { return pieces_[i % most_pieces].load(); }

  const bool own_rate_;
  std::int64_t head_error_ = 0, last_error_ = 0;  // the writer's: of the readings at a line's ends
  alignas(contention_span) std::atomic<std::uint64_t> sequence_{0};  // odd: a write is under way
  std::atomic<std::uint64_t> count_{0}, steps_{0};
  std::atomic<bool> set_back_{false};
  stored_clock_piece pieces_[most_pieces];
};

}  // namespace camkit

#endif
