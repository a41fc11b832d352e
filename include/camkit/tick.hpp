// tick: a clock for durations that costs less than asking the system. The processor's own counter
// where it runs at one rate on every core, else the monotonic clock; tick_clock turns its ticks
// into nanoseconds, and into moments of the monotonic clock.
#ifndef CAMKIT_TICK_HPP
#define CAMKIT_TICK_HPP

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

#include "camkit/clock.hpp"

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define CAMKIT_TICK_TSC
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#include <x86intrin.h>
#endif
#elif defined(__aarch64__) && !defined(_MSC_VER)
#define CAMKIT_TICK_CNTVCT
#endif

namespace camkit {

// How long a tick is, and whether it is the processor's.
struct tick_rate {
  bool counter = false;
  double ns = 1.0;

  std::uint64_t now() const noexcept {
#if defined(CAMKIT_TICK_TSC)
    if (counter) return __rdtsc();
#elif defined(CAMKIT_TICK_CNTVCT)
    if (counter) {
      std::uint64_t ticks;
      __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
      return ticks;
    }
#endif
    return static_cast<std::uint64_t>(now_ns());
  }
  // Negative where `to` was read on another core an instant before.
  std::int64_t between(std::uint64_t from, std::uint64_t to) const noexcept {
    return static_cast<std::int64_t>(static_cast<double>(static_cast<std::int64_t>(to - from)) *
                                     ns);
  }
};

// One moment on both clocks. A thread that is put to sleep between the readings reads again.
struct tick_pair {
  std::uint64_t ticks;
  std::int64_t ns;

  static tick_pair read(const tick_rate& rate) noexcept {
    tick_pair best{};
    std::uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t before = rate.now();
      const std::int64_t at = now_ns();
      const std::uint64_t width = rate.now() - before;
      if (width < narrowest) {
        narrowest = width;
        best = {before + width / 2, at};
      }
      if (static_cast<double>(width) * rate.ns < 200) break;
    }
    return best;
  }
};

namespace detail {

#if defined(CAMKIT_TICK_TSC)
// What the kernel does not trust, because the cores' counters differ, is no clock for us either.
inline bool kernel_trusts_tsc() noexcept {
#if defined(__linux__)
  char text[256] = "";
  std::FILE* f =
      std::fopen("/sys/devices/system/clocksource/clocksource0/available_clocksource", "re");
  if (!f) return true;
  const std::size_t n = std::fread(text, 1, sizeof(text) - 1, f);
  std::fclose(f);
  text[n] = 0;
  return std::strstr(text, "tsc") != nullptr;
#else
  return true;
#endif
}

inline bool tsc_is_invariant() noexcept {
#if defined(_MSC_VER)
  int r[4];
  __cpuid(r, static_cast<int>(0x80000000));
  if (static_cast<unsigned>(r[0]) < 0x80000007u) return false;
  __cpuid(r, static_cast<int>(0x80000007));
  return (r[3] >> 8 & 1) != 0;
#else
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1) && kernel_trusts_tsc();
#endif
}
#endif

inline tick_rate measure_tick_rate() noexcept {
  tick_rate rate;
#if defined(CAMKIT_TICK_TSC)
  if (!tsc_is_invariant()) return rate;
  rate.counter = true;
  // Both ends are known to some 20 ns, so that 5 ms give the rate to 10 ppm.
  const tick_pair first = tick_pair::read(rate);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const tick_pair last = tick_pair::read(rate);
  rate.ns = static_cast<double>(last.ns - first.ns) / static_cast<double>(last.ticks - first.ticks);
#elif defined(CAMKIT_TICK_CNTVCT)
  std::uint64_t hertz;
  __asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(hertz));
  if (hertz == 0) return rate;
  rate.counter = true;
  rate.ns = 1e9 / static_cast<double>(hertz);
#endif
  return rate;
}

}  // namespace detail

// Measured by whoever asks first, which takes 5 ms.
inline const tick_rate& the_tick_rate() noexcept {
  static const tick_rate rate = detail::measure_tick_rate();
  return rate;
}

// The ticks of one thread as moments of the monotonic clock. A reading of that clock is good for a
// millisecond, in which the rate's error and the kernel's slewing come to less than a nanosecond.
class tick_clock {
 public:
  tick_clock() noexcept : rate_(the_tick_rate()) {}

  std::uint64_t now() const noexcept { return rate_.now(); }
  std::int64_t between(std::uint64_t from, std::uint64_t to) const noexcept {
    return rate_.between(from, to);
  }
  // `ticks` was read by this thread, a moment ago.
  std::int64_t monotonic(std::uint64_t ticks) noexcept {
    if (!rate_.counter) return static_cast<std::int64_t>(ticks);
    std::int64_t since = rate_.between(anchor_.ticks, ticks);
    if (anchor_.ns == 0 || since > 1'000'000) {
      anchor_ = tick_pair::read(rate_);
      since = rate_.between(anchor_.ticks, ticks);
    }
    return anchor_.ns + since;
  }

 private:
  const tick_rate rate_;
  tick_pair anchor_{0, 0};
};

}  // namespace camkit

#endif
