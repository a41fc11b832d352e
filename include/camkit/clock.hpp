// One clock for every stamp that camkit makes itself: monotonic, nanoseconds, never set back. On
// Linux it is the clock of V4L2's monotonic timestamps, so the two subtract.
#ifndef CAMKIT_CLOCK_HPP
#define CAMKIT_CLOCK_HPP

#include <cstdint>

#if defined(_WIN32)
#include <chrono>
#else
#include <time.h>
#endif

namespace camkit {

inline std::int64_t now_ns() noexcept {
#if defined(_WIN32)
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
#else
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
#endif
}

// Whether two times can be of one clock: a day apart they are not, for no frame is that old. In
// unsigned numbers, for a driver's time may be any.
inline bool one_clock(std::int64_t a, std::int64_t b) noexcept {
  constexpr std::uint64_t day = 86'400'000'000'000;
  return static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b) + day <= 2 * day;
}

// The clocks that a program can read, by number; each is offered where the system has it.
enum class system_clock : int { monotonic, realtime, boottime, monotonic_raw, tai };

// The time of a clock in ns; false where the system has no such clock.
inline bool read_clock(system_clock which, std::int64_t& ns) noexcept {
#if defined(_WIN32)
  if (which == system_clock::monotonic) {
    ns = now_ns();
    return true;
  }
  if (which != system_clock::realtime) return false;
  ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
           std::chrono::system_clock::now().time_since_epoch())
           .count();
  return true;
#else
#if defined(__linux__)
  constexpr clockid_t ids[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
                               CLOCK_TAI};
#else
  constexpr clockid_t ids[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
#endif
  const auto i = static_cast<unsigned>(which);
  timespec t;
  if (i >= sizeof(ids) / sizeof(ids[0]) || clock_gettime(ids[i], &t) != 0) return false;
  ns = static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
  return true;
#endif
}

}  // namespace camkit

#endif
