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

}  // namespace camkit

#endif
