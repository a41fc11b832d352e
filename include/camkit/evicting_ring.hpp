#ifndef CAMKIT_EVICTING_RING_HPP
#define CAMKIT_EVICTING_RING_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "camkit/cpu.hpp"

namespace camkit {

// A bounded queue of pointers between exactly one producing and one consuming thread, whose
// producer, when it is full, takes the oldest out itself. Wait-free for the producer, lock-free for
// the consumer, who tries again only when the producer has taken what it was about to take.
// Producer: put. Consumer: take. Any thread: size, capacity, ok. Owns nothing; whoever destroys it
// takes what is left first.
//
// Both sides claim the oldest element by moving the read index on from the value they saw. The
// indices count in 64 bits and never come round, so a claim that succeeds proves that nobody else
// had it and that its place, read before the claim, was not yet filled anew; what a failed claim
// had read is thrown away, and the places are atomic so that reading it is no race.
template <class P>
class evicting_ring {
  static_assert(std::is_pointer_v<P>, "evicting_ring holds pointers: evicting_ring<frame*>");

 public:
  // Holds at most `capacity` pointers, exactly. A capacity of 0 or one that cannot be allocated
  // leaves ok() false: such a ring is for ever empty, and put() gives everything back.
  explicit evicting_ring(std::uint64_t capacity) noexcept {
    std::uint64_t rounded = 1;
    while (rounded < capacity && rounded <= max_slots / 2) rounded *= 2;
    if (capacity == 0 || rounded < capacity) return;
    slots_.reset(new (std::nothrow) std::atomic<P>[static_cast<std::size_t>(rounded)]());
    if (!slots_) return;
    mask_ = rounded - 1;
    bound_ = capacity;
  }

  evicting_ring(const evicting_ring&) = delete;
  evicting_ring& operator=(const evicting_ring&) = delete;

  bool ok() const noexcept { return slots_ != nullptr; }
  std::size_t capacity() const noexcept { return static_cast<std::size_t>(bound_); }

  // Return the oldest element if it had to make room, or null. The caller owns it again.
  P put(P value) noexcept {
    if (!ok()) return value;
    P evicted = nullptr;
    const std::uint64_t write = next_write_;
    if (write - seen_read_ >= bound_) {
      seen_read_ = read_.load(std::memory_order_acquire);
      if (write - seen_read_ >= bound_) {
        P oldest = place(seen_read_).load(std::memory_order_relaxed);
        // A failure means that the consumer took it first, which makes room as well.
        if (read_.compare_exchange_strong(seen_read_, seen_read_ + 1, std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {
          evicted = oldest;
          ++seen_read_;
        }
      }
    }
    place(write).store(value, std::memory_order_relaxed);
    next_write_ = write + 1;
    write_.store(write + 1, std::memory_order_release);
    return evicted;
  }

  // Return the oldest element, or null when there is none.
  P take() noexcept {
    std::uint64_t read = read_.load(std::memory_order_acquire);
    while (read != write_.load(std::memory_order_acquire)) {
      P oldest = place(read).load(std::memory_order_relaxed);
      if (read_.compare_exchange_strong(read, read + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
        return oldest;
    }
    return nullptr;
  }

  // Exact for the two owners when the other side rests; for anyone else a snapshot, never above
  // capacity().
  std::size_t size() const noexcept {
    const std::uint64_t read = read_.load(std::memory_order_acquire);
    const std::uint64_t held = write_.load(std::memory_order_acquire) - read;
    return static_cast<std::size_t>(held < bound_ ? held : bound_);
  }

 private:
  static constexpr std::uint64_t max_slots = static_cast<std::size_t>(-1) / 4 / sizeof(P);

  std::atomic<P>& place(std::uint64_t index) noexcept {
    return slots_[static_cast<std::size_t>(index & mask_)];
  }

  // Written once, read by both: a line that both cores can keep.
  alignas(contention_span) std::unique_ptr<std::atomic<P>[]> slots_;
  std::uint64_t mask_ = 0;
  std::uint64_t bound_ = 0;

  alignas(contention_span) std::atomic<std::uint64_t> read_{0};
  alignas(contention_span) std::atomic<std::uint64_t> write_{0};

  // The producer's alone.
  alignas(contention_span) std::uint64_t next_write_ = 0;
  std::uint64_t seen_read_ = 0;
};

}  // namespace camkit

#endif
