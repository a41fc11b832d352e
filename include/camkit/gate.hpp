#ifndef CAMKIT_GATE_HPP
#define CAMKIT_GATE_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "camkit/cpu.hpp"

namespace camkit {

// Guards a resource that many threads touch briefly and one tears down: a buffer that any thread
// gives back must not reach a file descriptor that is being closed.
//   if (gate.enter()) { use(fd); gate.leave(); }      // any thread
//   gate.close_and_wait(); ::close(fd);               // whoever tears down; from here on enter()
//   fails
// Nobody may close the gate from within: it would wait for itself.
class gate {
 public:
  gate() noexcept = default;
  explicit gate(bool closed) noexcept : state_(closed ? closed_bit : 0) {}

  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  // Every true must be followed by one leave(); a false by none.
  bool enter() noexcept {
    // The look ahead keeps those who come too late from writing to the line that the closer
    // watches.
    if (state_.load(std::memory_order_relaxed) & closed_bit) return false;
    if ((state_.fetch_add(1, std::memory_order_acquire) & closed_bit) == 0) return true;
    leave();
    return false;
  }

  void leave() noexcept { state_.fetch_sub(1, std::memory_order_release); }

  // From here on enter() fails; those inside may still be there. For a closer that must wake them
  // before it waits: after this nobody can slip in behind the wake-up.
  void close() noexcept { state_.fetch_or(closed_bit, std::memory_order_acq_rel); }

  // Returns when nobody is inside and nobody can enter. Safe to call twice and from several
  // threads.
  void close_and_wait() noexcept {
    std::uint32_t seen = state_.fetch_or(closed_bit, std::memory_order_acq_rel);
    for (int turn = 0; (seen & ~closed_bit) != 0; ++turn) {
      if (turn < 64) {
        cpu_relax();
      } else {
        // A true sleep, no yield: a thread inside that has a lower real-time priority must get this
        // CPU to leave.
        turn = 64;
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
      seen = state_.load(std::memory_order_acquire);
    }
  }

  void open() noexcept { state_.fetch_and(~closed_bit, std::memory_order_release); }

  bool is_open() const noexcept {
    return (state_.load(std::memory_order_acquire) & closed_bit) == 0;
  }
  std::uint32_t inside() const noexcept {
    return state_.load(std::memory_order_acquire) & ~closed_bit;
  }

 private:
  static constexpr std::uint32_t closed_bit = 0x80000000u;

  alignas(cache_line) std::atomic<std::uint32_t> state_{0};
};

}  // namespace camkit

#endif
