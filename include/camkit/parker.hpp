#ifndef CAMKIT_PARKER_HPP
#define CAMKIT_PARKER_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "camkit/cpu.hpp"

#if defined(CAMKIT_PARKER_CONDVAR)
#elif defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#if defined(_MSC_VER)
#pragma comment(lib, "synchronization.lib")
#endif
#else
#define CAMKIT_PARKER_CONDVAR
#if defined(__APPLE__) && defined(__clang__) && __has_include(<os/os_sync_wait_on_address.h>)
// From macOS 14.4 on, which only the running system can tell; before it, the condition variable.
#define CAMKIT_PARKER_OS_SYNC
#include <os/os_sync_wait_on_address.h>
#endif
#endif

#if defined(CAMKIT_PARKER_CONDVAR)
#include <condition_variable>
#include <mutex>
#endif

namespace camkit {

// Lets one thread sleep until another has made a condition true, beside a lock-free structure that
// knows the condition:
//   while (!ring.try_pop(x)) {                        // the waiter
//     const uint32_t key = bell.prepare();            // from here on notify() sees us
//     if (ring.try_pop(x)) { bell.cancel(); break; }  // it may have come before: look again
//     if (!bell.wait(key, timeout_ns)) return timed_out;
//   }
//   ring.try_push(x); bell.notify();                  // any other thread
//
// No wake-up can be lost: prepare() and notify() both read-modify-write one word, so one comes
// first. If prepare() does, notify() sees the waiter; if notify() does, prepare() acquires all that
// went before it, and the second look finds it. The parker must outlive every notify() on it.
class parker {
 public:
  parker() noexcept : parker(default_spins()) {}

  // Look `spins` times, a pause apart, before sleeping; UINT32_MAX in practice never sleeps.
  explicit parker(std::uint32_t spins) noexcept : spins_(spins) {}

  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  // With one CPU the peer cannot run while we spin.
  static std::uint32_t default_spins() noexcept {
    return std::thread::hardware_concurrency() == 1 ? 0 : 256;
  }

  std::uint32_t spins() const noexcept { return spins_; }

  // Any thread. One locked instruction when nobody waits; a system call only for a true sleeper.
  void notify() noexcept {
    std::uint32_t seen = state_.fetch_add(0, std::memory_order_acq_rel);
    while (seen & armed) {
      const std::uint32_t next = (seen | armed | asleep) + 1;
      if (state_.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        if (seen & asleep) wake();
        return;
      }
    }
  }

  // The waiter only, as cancel() and wait(): announce a wait and return the key for it.
  std::uint32_t prepare() noexcept {
    return state_.fetch_or(armed, std::memory_order_acq_rel) | armed;
  }

  void cancel() noexcept { state_.fetch_and(~armed, std::memory_order_acq_rel); }

  // Return true once notify() came after the prepare() that gave `key`, false after `timeout_ns`
  // without one; negative means for ever. Either way the announcement is spent.
  bool wait(std::uint32_t key, std::int64_t timeout_ns) noexcept {
    const bool timed = timeout_ns >= 0 && timeout_ns < never;
    const clock::time_point deadline =
        timed ? clock::now() + std::chrono::nanoseconds(timeout_ns) : clock::time_point();
    if (timeout_ns == 0) return !withdraw(key);
    for (std::uint32_t turn = 0; turn < spins_; ++turn) {
      if (state_.load(std::memory_order_acquire) != key) return true;
      if (timed && turn % 256 == 255 && clock::now() >= deadline) return !withdraw(key);
      cpu_relax();
    }
    std::uint32_t seen = key;
    const std::uint32_t sleeping = key | asleep;
    if (!state_.compare_exchange_strong(seen, sleeping, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
      return true;
    while (state_.load(std::memory_order_acquire) == sleeping) {
      std::int64_t left = -1;
      if (timed) {
        left =
            std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - clock::now()).count();
        if (left <= 0) return !withdraw(sleeping);
      }
      sleep(sleeping, left);
    }
    return true;
  }

 private:
  using clock = std::chrono::steady_clock;

  // The bits above these two count notifications.
  static constexpr std::uint32_t armed = 1;   // somebody waits
  static constexpr std::uint32_t asleep = 2;  // and needs a system call to be woken

  // A deadline beyond would overflow the clock.
  static constexpr std::int64_t never = std::int64_t{1} << 62;

  static_assert(sizeof(std::atomic<std::uint32_t>) == 4 &&
                    std::atomic<std::uint32_t>::is_always_lock_free,
                "the kernel compares the word itself");

  // False when a notification came first.
  bool withdraw(std::uint32_t seen) noexcept {
    return state_.compare_exchange_strong(seen, seen & ~(armed | asleep), std::memory_order_acq_rel,
                                          std::memory_order_acquire);
  }

  // Sleep while the word is `value`, at most `left_ns` unless negative. May return early.
#if defined(CAMKIT_PARKER_CONDVAR)
  void sleep(std::uint32_t value, std::int64_t left_ns) noexcept {
#if defined(CAMKIT_PARKER_OS_SYNC)
    if (__builtin_available(macOS 14.4, *)) {
      if (left_ns < 0) {
        ::os_sync_wait_on_address(&state_, value, sizeof value, OS_SYNC_WAIT_ON_ADDRESS_NONE);
      } else {
        ::os_sync_wait_on_address_with_timeout(
            &state_, value, sizeof value, OS_SYNC_WAIT_ON_ADDRESS_NONE, OS_CLOCK_MACH_ABSOLUTE_TIME,
            static_cast<std::uint64_t>(left_ns));
      }
      return;
    }
#endif
    std::unique_lock<std::mutex> guard(mutex_);
    if (state_.load(std::memory_order_acquire) != value) return;
    if (left_ns < 0) {
      woken_.wait(guard);
    } else {
      woken_.wait_for(guard, std::chrono::nanoseconds(left_ns));
    }
  }

  void wake() noexcept {
#if defined(CAMKIT_PARKER_OS_SYNC)
    if (__builtin_available(macOS 14.4, *)) {
      ::os_sync_wake_by_address_any(&state_, sizeof state_, OS_SYNC_WAKE_BY_ADDRESS_NONE);
      return;
    }
#endif
    // Without the lock the signal could fall between the waiter's last look and its sleep.
    std::lock_guard<std::mutex> guard(mutex_);
    woken_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable woken_;
#elif defined(__linux__)
#if defined(SYS_futex)
  static constexpr long futex_call = SYS_futex;
  using futex_part = long;  // of its timespec, whatever width the C library gives time_t
#else
  static constexpr long futex_call = SYS_futex_time64;
  using futex_part = long long;
#endif

  void sleep(std::uint32_t value, std::int64_t left_ns) noexcept {
    struct {
      futex_part seconds, nanoseconds;
    } left{static_cast<futex_part>(left_ns / 1000000000),
           static_cast<futex_part>(left_ns % 1000000000)};
    ::syscall(futex_call, &state_, FUTEX_WAIT_PRIVATE, value, left_ns < 0 ? nullptr : &left,
              nullptr, 0);
  }

  void wake() noexcept {
    ::syscall(futex_call, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
#else
  void sleep(std::uint32_t value, std::int64_t left_ns) noexcept {
    const std::int64_t ms = left_ns / 1000000 + (left_ns % 1000000 > 0);
    const DWORD most = ms < longest_ms ? static_cast<DWORD>(ms) : static_cast<DWORD>(longest_ms);
    ::WaitOnAddress(&state_, &value, sizeof value, left_ns < 0 ? INFINITE : most);
  }

  static constexpr std::int64_t longest_ms = 1000000000;  // wait() asks again for the rest

  void wake() noexcept { ::WakeByAddressSingle(&state_); }
#endif

  const std::uint32_t spins_;
  alignas(contention_span) std::atomic<std::uint32_t> state_{0};
};

}  // namespace camkit

#endif
