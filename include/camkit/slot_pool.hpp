#ifndef CAMKIT_SLOT_POOL_HPP
#define CAMKIT_SLOT_POOL_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/cpu.hpp"

namespace camkit {

// Who holds which of the slots 0..n-1. A slot is free (on the list), held (one reference or more)
// or parked (neither: for example queued in a driver). Lock-free; every member may be called from
// any thread at any time.
//
//   free --acquire--> held --last release--> parked --push_free--> free
//                     held <----adopt------- parked
//
// A call that does not fit the slot's state (a release too many, a retain of what nobody holds, a
// slot freed twice, a slot that does not exist) changes nothing, says so and is counted in
// misuses().
class slot_pool {
 public:
  // All slots start free, or parked with `start_empty`. With 0 slots, above 2^31 - 1 of them, or
  // when the memory cannot be had, ok() is false and the pool behaves as one without slots.
  explicit slot_pool(std::uint32_t slots, bool start_empty = false) noexcept {
    if (slots == 0 || slots > max_slots) return;
    void* memory =
        ::operator new(sizeof(slot) * slots, std::align_val_t{alignof(slot)}, std::nothrow);
    if (memory == nullptr) return;
    slots_ = static_cast<slot*>(memory);
    for (std::uint32_t i = 0; i < slots; ++i) {
      ::new (static_cast<void*>(slots_ + i)) slot;
      slots_[i].refs.store(start_empty ? 0 : listed, std::memory_order_relaxed);
      slots_[i].next.store(i + 1 < slots ? i + 1 : nil, std::memory_order_relaxed);
      slots_[i].below.store(slots - 1 - i, std::memory_order_relaxed);
      slots_[i].released.store(0, std::memory_order_relaxed);
    }
    capacity_ = slots;
    if (!start_empty) head_.store(0, std::memory_order_release);
  }

  ~slot_pool() { ::operator delete(slots_, std::align_val_t{alignof(slot)}); }

  slot_pool(const slot_pool&) = delete;
  slot_pool& operator=(const slot_pool&) = delete;

  bool ok() const noexcept { return slots_ != nullptr; }
  std::uint32_t capacity() const noexcept { return capacity_; }

  // Take a free slot and hold its first reference. Return -1 when none is free.
  std::int32_t acquire() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    std::uint32_t taken = 0;
    std::uint64_t rest = 0;
    do {
      taken = static_cast<std::uint32_t>(head);
      if (taken == nil) {
        failed_.fetch_add(1, std::memory_order_relaxed);
        return -1;
      }
      // Another thread may take this slot right now, and then `next` is stale; the tag has moved
      // and the exchange fails. Only taking moves the tag: without it nothing below the head can
      // have changed.
      rest = ((head >> 32) + 1) << 32 | slots_[taken].next.load(std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, rest, std::memory_order_acquire,
                                          std::memory_order_acquire));
    slots_[taken].refs.store(1, std::memory_order_relaxed);
    if (rest >> 32 == 0) wraps_.fetch_add(1, std::memory_order_relaxed);
    raise_high_water(capacity_ - slots_[taken].below.load(std::memory_order_relaxed));
    return static_cast<std::int32_t>(taken);
  }

  // Hold a parked slot. Return false when the slot is not parked.
  bool adopt(std::uint32_t index) noexcept {
    if (!swap_refs(index, 0, 1)) return false;
    adopted_.fetch_add(1, std::memory_order_relaxed);
    raise_high_water(held_count());
    return true;
  }

  // Add a reference to a slot that the caller already holds. Return false when nobody holds it.
  bool retain(std::uint32_t index) noexcept {
    if (index >= capacity_) return refuse();
    std::atomic<std::uint32_t>& refs = slots_[index].refs;
    std::uint32_t seen = refs.load(std::memory_order_relaxed);
    do {
      if (seen == 0 || seen >= listed - 1) return refuse();
    } while (!refs.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
    return true;
  }

  // Drop a reference: 1 when it was the last (the slot is parked now and the caller decides what
  // follows), 0 when others remain, -1 when there was none.
  int drop(std::uint32_t index) noexcept {
    if (index >= capacity_) {
      refuse();
      return -1;
    }
    std::atomic<std::uint32_t>& refs = slots_[index].refs;
    std::uint32_t seen = refs.load(std::memory_order_relaxed);
    do {
      if (seen == 0 || seen == listed) {
        refuse();
        return -1;
      }
    } while (!refs.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
    if (seen != 1) return 0;
    // The slot is this thread's alone until it passes it on, and so is its count.
    std::atomic<std::uint64_t>& released = slots_[index].released;
    released.store(released.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return 1;
  }

  // drop(), for callers that need only know whether the slot is theirs to park or free.
  bool release(std::uint32_t index) noexcept { return drop(index) == 1; }

  // Put a parked slot onto the free list. Return false when the slot is not parked.
  bool push_free(std::uint32_t index) noexcept {
    if (!swap_refs(index, 0, listed)) return false;
    std::uint64_t head = head_.load(std::memory_order_acquire);
    std::uint64_t grown = 0;
    do {
      slots_[index].next.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
      slots_[index].below.store(listed_from(head), std::memory_order_relaxed);
      grown = (head & ~std::uint64_t{nil}) | index;
    } while (!head_.compare_exchange_weak(head, grown, std::memory_order_release,
                                          std::memory_order_acquire));
    return true;
  }

  std::uint32_t refs(std::uint32_t index) const noexcept {
    if (index >= capacity_) return 0;
    const std::uint32_t seen = slots_[index].refs.load(std::memory_order_acquire);
    return seen == listed ? 0 : seen;
  }

  // Snapshots while other threads are at work, exact when they rest. held_count() and released()
  // look at every slot.
  std::uint32_t free_count() const noexcept {
    return listed_from(head_.load(std::memory_order_acquire));
  }

  std::uint32_t held_count() const noexcept {
    const std::uint64_t given_back = released();
    const std::uint64_t taken = acquired();
    if (taken < given_back) return 0;
    return taken - given_back < capacity_ ? static_cast<std::uint32_t>(taken - given_back)
                                          : capacity_;
  }

  // How often a slot became held, and how often one lost its last reference.
  std::uint64_t acquired() const noexcept {
    const std::uint64_t wraps = wraps_.load(std::memory_order_relaxed);
    return (wraps << 32) + (head_.load(std::memory_order_acquire) >> 32) +
           adopted_.load(std::memory_order_relaxed);
  }

  std::uint64_t released() const noexcept {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < capacity_; ++i)
      sum += slots_[i].released.load(std::memory_order_relaxed);
    return sum;
  }

  // How often acquire() found nothing.
  std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }
  std::uint64_t misuses() const noexcept { return misuses_.load(std::memory_order_relaxed); }

  // The most slots that were in use at once: off the free list as acquire() sees it, held as
  // adopt() does.
  std::uint32_t high_water() const noexcept { return high_water_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t nil = 0xFFFFFFFFu;
  static constexpr std::uint32_t listed = 0xFFFFFFFFu;  // in `refs`: the slot is on the free list

  struct alignas(cache_line) slot {
    std::atomic<std::uint32_t> refs;
    std::atomic<std::uint32_t> next;   // on the free list: the slot beneath, or nil
    std::atomic<std::uint32_t> below;  // on the free list: how many are beneath
    std::atomic<std::uint64_t> released;
  };

  // An index must fit an int32, and all slots an address space.
  static constexpr std::size_t max_slots = static_cast<std::size_t>(-1) / sizeof(slot) < INT32_MAX
                                               ? static_cast<std::size_t>(-1) / sizeof(slot)
                                               : INT32_MAX;

  bool refuse() noexcept {
    misuses_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  bool swap_refs(std::uint32_t index, std::uint32_t from, std::uint32_t to) noexcept {
    if (index >= capacity_) return refuse();
    const bool swapped = slots_[index].refs.compare_exchange_strong(
        from, to, std::memory_order_acq_rel, std::memory_order_relaxed);
    return swapped || refuse();
  }

  std::uint32_t listed_from(std::uint64_t head) const noexcept {
    const auto top = static_cast<std::uint32_t>(head);
    return top == nil ? 0 : slots_[top].below.load(std::memory_order_relaxed) + 1;
  }

  void raise_high_water(std::uint32_t used) noexcept {
    std::uint32_t peak = high_water_.load(std::memory_order_relaxed);
    while (used > peak &&
           !high_water_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
  }

  slot* slots_ = nullptr;
  std::uint32_t capacity_ = 0;

  // Low half: the top slot. High half: how many were ever taken, which is tag and statistic in one.
  alignas(contention_span) std::atomic<std::uint64_t> head_{nil};
  std::atomic<std::uint32_t> high_water_{0};
  std::atomic<std::uint64_t> wraps_{0};
  std::atomic<std::uint64_t> adopted_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> misuses_{0};
};

}  // namespace camkit

#endif
