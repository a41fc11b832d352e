// run_state: what the threads of one pipeline run tell each other: whether it goes on, and under a
// limit how many frames may still be taken.
#ifndef CAMKIT_RUN_STATE_HPP
#define CAMKIT_RUN_STATE_HPP

#include <atomic>
#include <cstdint>

#include "camkit/parker.hpp"

namespace camkit {

class run_state {
 public:
  explicit run_state(std::uint64_t limit) noexcept : limit_(limit) {}

  bool aborting() const noexcept { return aborting_.load(std::memory_order_acquire); }
  bool over() const noexcept { return stopping_.load(std::memory_order_acquire) || aborting(); }
  void stop() noexcept {
    stopping_.store(true, std::memory_order_release);
    progress_.notify();
  }
  void abort() noexcept {
    aborting_.store(true, std::memory_order_release);
    progress_.notify();
  }

  // Frames are only taken that may still be delivered, so that a limit leaves nothing over to throw
  // away.
  bool limited() const noexcept { return limit_ != 0; }
  bool reached() const noexcept {
    return limit_ && delivered_.load(std::memory_order_acquire) >= limit_;
  }
  bool may_take() const noexcept {
    return !limit_ || taken_ - lost_.load(std::memory_order_relaxed) < limit_;
  }
  void take() noexcept { ++taken_; }  // the taking thread, as may_take()
  void deliver() noexcept { count(delivered_); }
  void lose() noexcept { count(lost_); }
  // A source's thread, until it may take again, or there is something else to look at. In front of
  // a Match there are several, and the bell wakes one: so the others look by themselves.
  void await_progress() noexcept {
    const std::uint32_t key = progress_.prepare();
    if (over() || reached() || may_take() || woken_.exchange(false, std::memory_order_acquire)) {
      progress_.cancel();
      return;
    }
    progress_.wait(key, look_ns);
  }
  // Any thread: an await_progress() that waits, or else the next, returns.
  void wake() noexcept {
    woken_.store(true, std::memory_order_release);
    progress_.notify();
  }

 private:
  void count(std::atomic<std::uint64_t>& what) noexcept {
    what.fetch_add(1, std::memory_order_release);
    progress_.notify();
  }

  static constexpr std::int64_t look_ns = 100'000'000;

  const std::uint64_t limit_;  // deliver this many frames and stop; 0: no limit
  std::uint64_t taken_ = 0;
  std::atomic<std::uint64_t> delivered_{0}, lost_{0};
  parker progress_{0};  // the taking thread waits here for the last frames under a limit
  std::atomic<bool> stopping_{false};  // no more frames are taken, the rest is delivered
  std::atomic<bool> woken_{false};
  std::atomic<bool> aborting_{false};  // nothing more is delivered
};

}  // namespace camkit

#endif
