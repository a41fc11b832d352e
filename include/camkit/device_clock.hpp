// device_clock: a camera's own clock on the host's, from readings that come one way only.
//
// The camera writes its 32-bit clock into what it sends, and the host notes when that arrived: a
// reading may be late, by milliseconds and by a different amount each time, but never early. So the
// two clocks are a line that lies below all readings and touches the earliest ones: those that met
// no queue on their way (Paxson, "On calibrating measurements of packet transit times", SIGMETRICS
// 1998). What the fastest transfer takes cannot be seen from here and stays in the result. A fit of
// fixed memory over the last 16 s cannot drift away, whatever the camera's crystal does.
//
// For one thread; rate(), spread_ns(), hertz() and jumps() may be asked for by any.
#ifndef CAMKIT_DEVICE_CLOCK_HPP
#define CAMKIT_DEVICE_CLOCK_HPP

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

namespace camkit {

class device_clock {
 public:
  // How fast the camera says that its clock runs; 0: it does not say, so that is measured.
  explicit device_clock(std::uint32_t declared_hz = 0) noexcept { declare(declared_hz); }
  device_clock(const device_clock&) = delete;
  device_clock& operator=(const device_clock&) = delete;

  void declare(std::uint32_t hz) noexcept {
    declared_ = hz < least_hz ? 0 : hz;
    rate_.store(0.0, std::memory_order_relaxed);
    hertz_.store(declared_ ? declared_ : second, std::memory_order_relaxed);
    checks_ = 0;
    restart();
  }

  // A new stream, whose clock may have begun anew. How fast it runs is still believed.
  void restart() noexcept {
    readings_ = strange_ = bins_ = 0;
    offset_ = middle_ = middle_host_ = doubts_ = 0;
  }

  // What the camera's clock showed arrived at `host_ns`.
  void observe(std::uint32_t device, std::int64_t host_ns) noexcept {
    if (!readings_) {
      first_host_ = last_host_ = host_ns;
      first_ticks_ = last_ticks_ = device;
    }
    const std::int64_t ticks = extend(device, host_ns);
    const std::int64_t x = nanoseconds(ticks - first_ticks_);
    const point p{x, host_ns - first_host_ - x};
    const bool odd = ready() && strange(p);
    if (odd && !strange_) strange_since_ = host_ns;
    strange_ = odd ? strange_ + 1 : 0;
    // A garbled one, a burst after a stall, or a jump: the next ones will tell.
    if (odd && (strange_ < patience || host_ns - strange_since_ < bin_span)) return;
    if (odd && checks_) {
      jumps_.store(jumps() + 1, std::memory_order_relaxed);
      checks_ = 0;
      restart();
      return observe(device, host_ns);
    }
    last_host_ = host_ns;
    last_ticks_ = ticks;
    ++readings_;
    if (!odd && keep(p)) fit();
    if (checks_ < most_checks) check_hertz();
  }

  // When, on the host's clock, the camera's showed `device`, within half a wrap of its last
  // reading. Only when ready().
  std::int64_t to_host(std::uint32_t device) const noexcept {
    const auto ahead = static_cast<std::int32_t>(device - static_cast<std::uint32_t>(last_ticks_));
    const std::int64_t x = nanoseconds(last_ticks_ + ahead - first_ticks_);
    return first_host_ + x + line(x);
  }

  bool ready() const noexcept { return readings_ >= fewest && (trusted() || checks_); }
  // By how much the camera's clock is fast against hertz(), 1e-6 being 1 ppm.
  double rate() const noexcept { return -rate_.load(std::memory_order_relaxed); }
  std::uint32_t hertz() const noexcept { return hertz_.load(std::memory_order_relaxed); }
  // By how much the best readings of each quarter of a second stray from the line.
  std::int64_t spread_ns() const noexcept { return spread_.load(std::memory_order_relaxed); }
  std::uint64_t jumps() const noexcept { return jumps_.load(std::memory_order_relaxed); }

 private:
  struct point {
    std::int64_t x, late;  // since the first reading: by the camera's clock; by the host's, less x
  };

  static constexpr std::int64_t second = 1'000'000'000, bin_span = second / 4;
  static constexpr std::uint32_t least_hz = 1000;
  static constexpr int most_bins = 64, fewest = 8, patience = 8, most_checks = 5;
  static constexpr std::int64_t rate_span = 2 * second;  // shorter: noise would be taken for a rate
  // USB wants 500 ppm of a device's clock; with a measured frequency nothing is promised.
  static constexpr double most_rate = 1e-3, most_measured_rate = 2e-2;
  // Off the line by more, it is no transfer that was slow.
  static constexpr std::int64_t earliest = -second / 5, latest = second / 5;

  // The reading nearest to what the host's clock lets expect, so that a pause longer than a wrap
  // does no harm.
  std::int64_t extend(std::uint32_t device, std::int64_t host_ns) const noexcept {
    const double elapsed = static_cast<double>(host_ns - last_host_) / 1e9;
    const std::int64_t expected =
        trusted() || checks_
            ? last_ticks_ + std::llround(elapsed * static_cast<double>(hertz()) * (1.0 + rate()))
            : last_ticks_;
    return expected + static_cast<std::int32_t>(device - static_cast<std::uint32_t>(expected));
  }

  std::int64_t nanoseconds(std::int64_t ticks) const noexcept {
    constexpr std::int64_t most = 2'000'000'000;  // seconds, so that sums of such times fit
    const std::int64_t hz = hertz();
    return std::clamp(ticks / hz, -most, most) * second + ticks % hz * second / hz;
  }

  std::int64_t line(std::int64_t x) const noexcept {
    return offset_ +
           std::llround(rate_.load(std::memory_order_relaxed) * static_cast<double>(x - middle_));
  }

  bool strange(const point& p) const noexcept {
    const std::int64_t over = p.late - line(p.x);
    return over < earliest || over > latest;
  }

  // Keep the earliest reading of each quarter of a second; false if this is none.
  bool keep(const point& p) noexcept {
    const std::int64_t host = p.x + p.late;
    if (bins_ && host < bin_begin_ + bin_span) {
      point& newest = bin_[(bins_ - 1) % most_bins];
      if (p.late - line(p.x) >= newest.late - line(newest.x)) return false;
      newest = p;
      return true;
    }
    bin_begin_ = host;
    bin_[bins_++ % most_bins] = p;
    return true;
  }

  // The line through the earliest readings of the first and the last third. Which ones are earliest
  // depends on the line, so it is drawn anew until that settles.
  void fit() noexcept {
    const std::int64_t n = std::min<std::int64_t>(bins_, most_bins), oldest = bins_ - n;
    offset_ = 0;
    middle_ = at(bins_ - 1).x;
    const double most = trusted() ? most_rate : most_measured_rate;
    for (int round = 0; round < 4 && middle_ - at(oldest).x >= rate_span; ++round) {
      const point a = at(earliest_of(oldest, oldest + n / 3)),
                  b = at(earliest_of(bins_ - n / 3, bins_));
      if (b.x <= a.x) break;
      const double slope = static_cast<double>(b.late - a.late) / static_cast<double>(b.x - a.x);
      rate_.store(std::clamp(slope, -most, most), std::memory_order_relaxed);
    }
    std::int64_t high = INT64_MIN;
    for (std::int64_t i = oldest; i < bins_; ++i) high = std::max(high, height(i));
    offset_ = height(earliest_of(oldest, bins_));
    spread_.store(high - offset_, std::memory_order_relaxed);
  }

  const point& at(std::int64_t bin) const noexcept { return bin_[bin % most_bins]; }
  std::int64_t height(std::int64_t bin) const noexcept { return at(bin).late - line(at(bin).x); }
  std::int64_t earliest_of(std::int64_t first, std::int64_t end) const noexcept {
    std::int64_t best = first;
    for (std::int64_t i = first + 1; i < end; ++i)
      if (height(i) < height(best)) best = i;
    return best;
  }

  bool trusted() const noexcept { return declared_ && hertz() == declared_; }

  // Some cameras declare a frequency that is not theirs, or none. That is looked at after one
  // second, and after two, four, eight and sixteen, when less of a difference can be the transfers'
  // doing.
  void check_hertz() noexcept {
    const std::int64_t elapsed = last_host_ - first_host_, due = second << checks_;
    if (elapsed < due / 2 || !middle_host_) {
      middle_host_ = last_host_;
      middle_ticks_ = last_ticks_;
    }
    if (elapsed < due) return;
    // Readings that lie on the line say that its frequency is right.
    if (ready() && !strange_ && spread_ns() < std::min(elapsed, 5 * second) / 100) {
      ++checks_;
      doubts_ = 0;
      return;
    }
    if (!doubts_++) doubted_since_ = last_host_;
    if (doubts_ < patience || last_host_ - doubted_since_ < bin_span) return;
    doubts_ = 0;
    measure_hertz(elapsed);
  }

  void measure_hertz(std::int64_t elapsed) noexcept {
    const auto per_second = [](std::int64_t ticks, std::int64_t ns) {
      return static_cast<double>(ticks) * 1e9 / static_cast<double>(ns);
    };
    const double measured = per_second(last_ticks_ - first_ticks_, elapsed);
    const double half = per_second(middle_ticks_ - first_ticks_, middle_host_ - first_host_);
    const double possible = static_cast<double>(latest / 2) / static_cast<double>(elapsed);
    const auto near = [measured](double hz, double by) {
      return std::fabs(hz / measured - 1) < by;
    };
    // A garbled reading or a jump makes the two halves of the time differ.
    if (!(measured > least_hz && measured < 4e9) || !near(half, 3 * possible)) return restart();
    if (near(hertz(), possible)) {
      ++checks_;
      return;
    }
    const double better = declared_ && near(declared_, possible) ? declared_ : measured;
    hertz_.store(static_cast<std::uint32_t>(std::llround(better)), std::memory_order_relaxed);
    rate_.store(0.0, std::memory_order_relaxed);
    checks_ = 0;
    restart();
  }

  std::uint32_t declared_ = 0;
  int checks_ = 0;  // of the frequency, that it passed
  std::int64_t first_ticks_ = 0, last_ticks_ = 0, first_host_ = 0, last_host_ = 0;
  std::int64_t doubts_ = 0, doubted_since_ = 0;
  std::int64_t middle_ticks_ = 0, middle_host_ = 0;       // half a second after the first
  std::int64_t offset_ = 0, middle_ = 0, bin_begin_ = 0;  // the line's height at x = middle_
  std::int64_t readings_ = 0, strange_ = 0, strange_since_ = 0, bins_ = 0;
  point bin_[most_bins];
  std::atomic<double> rate_{0};  // of the host's clock against the camera's
  std::atomic<std::uint32_t> hertz_{0};
  std::atomic<std::int64_t> spread_{0};
  std::atomic<std::uint64_t> jumps_{0};
};

}  // namespace camkit

#endif
