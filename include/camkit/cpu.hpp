#ifndef CAMKIT_CPU_HPP
#define CAMKIT_CPU_HPP

#include <cstddef>

#if defined(_MSC_VER)
#include <intrin.h>
#pragma warning(disable : 4324)  // the padding that alignas brings is the purpose
#endif

namespace camkit {

inline constexpr std::size_t cache_line = 64;

// The adjacent-line prefetcher of x86 pulls lines in pairs, and arm64 cores of Apple have lines of
// 128 bytes.
inline constexpr std::size_t contention_span = 2 * cache_line;

inline void prefetch_to_write(const void* where) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(where, 1);
#else
  (void)where;
#endif
}

inline void cpu_relax() noexcept {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#elif defined(_MSC_VER) && defined(_M_ARM64)
  __yield();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__(
      "isb");  // `yield` is a no-op on most cores; isb really gives the pipeline a rest
#elif defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace camkit

#endif
