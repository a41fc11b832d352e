#ifndef CAMKIT_LATEST_SLOT_HPP
#define CAMKIT_LATEST_SLOT_HPP

#include <atomic>
#include <type_traits>

#include "camkit/cpu.hpp"

namespace camkit {

// Hands over the newest of a stream of pointers and never queues: what nobody has taken yet comes
// back to the putter, who gives it up. Owns nothing; whoever destroys it takes what is left first.
// Wait-free, any number of threads a side.
template <class P>
class latest_slot {
  static_assert(std::is_pointer_v<P>, "latest_slot holds pointers: latest_slot<frame*>");

 public:
  latest_slot() noexcept = default;
  latest_slot(const latest_slot&) = delete;
  latest_slot& operator=(const latest_slot&) = delete;

  // Return the older value that nobody took, or null. The caller owns it again.
  P put(P value) noexcept { return value_.exchange(value, std::memory_order_acq_rel); }

  // Return the newest value, or null when there is none that was not taken.
  P take() noexcept {
    // A consumer that polls must not write: it would pull the line from under the producer each
    // time.
    if (value_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return value_.exchange(nullptr, std::memory_order_acq_rel);
  }

  bool empty() const noexcept { return value_.load(std::memory_order_acquire) == nullptr; }

 private:
  alignas(contention_span) std::atomic<P> value_{nullptr};
};

}  // namespace camkit

#endif
