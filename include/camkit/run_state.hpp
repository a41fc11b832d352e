// run_state: what the threads of one pipeline run tell each other. Every counter has one meaning in
// the account
//   taken = delivered + pool + link + late + stage + bad + aborted
// which holds when all threads have ended.
#ifndef CAMKIT_RUN_STATE_HPP
#define CAMKIT_RUN_STATE_HPP

#include <atomic>
#include <cstdint>

#include "camkit/parker.hpp"

namespace camkit {

struct run_state {
  std::atomic<bool> stopping{false};  // the source takes no more frames, the rest is delivered
  std::atomic<bool> aborting{false};  // nothing more is delivered
  std::atomic<std::uint64_t> taken{0}, delivered{0}, pool{0}, link{0}, late{0}, stage{0}, bad{0},
      aborted{0};
  std::uint64_t limit = 0;  // deliver this many frames and stop; 0: no limit
  parker progress{0};       // the source waits here for the last frames under a limit

  bool broken_off() const noexcept { return aborting.load(std::memory_order_acquire); }
  bool over() const noexcept { return stopping.load(std::memory_order_acquire) || broken_off(); }
  std::uint64_t lost() const noexcept {
    return pool.load(std::memory_order_relaxed) + link.load(std::memory_order_relaxed) +
           late.load(std::memory_order_relaxed) + stage.load(std::memory_order_relaxed) +
           bad.load(std::memory_order_relaxed);
  }
  bool reached() const noexcept {
    return limit && delivered.load(std::memory_order_acquire) >= limit;
  }
  // Frames are only taken that may still be delivered, so that a limit leaves nothing over to throw
  // away.
  bool may_take() const noexcept {
    return !limit || taken.load(std::memory_order_relaxed) - lost() < limit;
  }

  void count(std::atomic<std::uint64_t>& what) noexcept {
    what.fetch_add(1, std::memory_order_release);
    if (limit) progress.notify();
  }
  void stop() noexcept {
    stopping.store(true, std::memory_order_release);
    progress.notify();
  }
  void abort() noexcept {
    aborting.store(true, std::memory_order_release);
    progress.notify();
  }
  void await_progress(std::int64_t timeout_ns) noexcept {
    const std::uint32_t key = progress.prepare();
    if (over() || reached() || may_take()) {
      progress.cancel();
      return;
    }
    progress.wait(key, timeout_ns);
  }
};

}  // namespace camkit

#endif
