#ifndef CAMKIT_SLOT_POOL_HPP
#define CAMKIT_SLOT_POOL_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/cpu.hpp"

// Where a thread has looked at the list and not yet changed it; tests let others in here.
#ifndef CAMKIT_BETWEEN_LOOK_AND_EXCHANGE
#define CAMKIT_BETWEEN_LOOK_AND_EXCHANGE() static_cast<void>(0)
#endif

namespace camkit {

// Who holds which of the slots 0..n-1. A slot is free (on the list), held (one reference or more)
// or parked (neither: for example queued in a driver). Lock-free; every member may be called from
// any thread at any time.
//
//   free --acquire--> held --give--> free
//                     held --last drop--> parked --push_free--> free
//                     held <----adopt---- parked
//
// A call that does not fit the slot's state (a release too many, a retain of what nobody holds, a
// slot freed twice, a slot that does not exist) changes nothing, says so and is counted in
// misuses().
class slot_pool {
 public:
  // What became of a slot. After `freed` another thread may have it, and have ended the pool too.
  enum outcome : int {
    refused = -1,  // it was not the caller's
    kept = 0,      // others hold it still
    freed = 1,
    retired = 2  // shut() was called: it is on no list and stays there for good
  };

  // All slots start free, or parked with `start_empty`. With 0 slots, more than most_slots, or no
  // memory for them, ok() is false and the pool behaves as one without slots.
  explicit slot_pool(std::uint32_t slots, bool start_empty = false) noexcept {
    if (slots == 0 || slots > most_slots) return;
    void* memory =
        ::operator new(sizeof(slot) * slots, std::align_val_t{alignof(slot)}, std::nothrow);
    if (memory == nullptr) return;
    slots_ = static_cast<slot*>(memory);
    for (std::uint32_t i = 0; i < slots; ++i) {
      ::new (static_cast<void*>(slots_ + i)) slot;
      slots_[i].refs.store(start_empty ? 0 : listed, std::memory_order_relaxed);
      slots_[i].next.store(i + 1 < slots ? i + 1 : nil, std::memory_order_relaxed);
      slots_[i].below.store(slots - 1 - i, std::memory_order_relaxed);
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
      taken = top(head);
      if (taken >= shut_mark) {
        failed_.fetch_add(1, std::memory_order_relaxed);
        return -1;
      }
      // Another thread may take this slot right now, and then `next` is stale; but the tag has
      // moved. Only taking moves it: without that nothing below the head can have changed.
      rest = ((head | nil) + 1) | slots_[taken].next.load(std::memory_order_relaxed);
      CAMKIT_BETWEEN_LOOK_AND_EXCHANGE();
    } while (!head_.compare_exchange_weak(head, rest, std::memory_order_acquire,
                                          std::memory_order_acquire));
    slots_[taken].refs.store(1, std::memory_order_relaxed);
    count_use(taken);
    raise_high_water(capacity_ - slots_[taken].below.load(std::memory_order_relaxed));
    return static_cast<std::int32_t>(taken);
  }

  // Hold a parked slot. Does not know how many others are held: its caller tells
  // raise_high_water().
  bool adopt(std::uint32_t index) noexcept {
    if (!swap_refs(index, 0, 1)) return false;
    count_use(index);
    return true;
  }

  // Add a reference to a slot that the caller holds. Return false when nobody holds it.
  bool retain(std::uint32_t index) noexcept {
    if (index >= capacity_) return refuse();
    std::atomic<std::uint32_t>& refs = slots_[index].refs;
    std::uint32_t seen = refs.load(std::memory_order_relaxed);
    do {
      if (seen == 0 || seen >= listed - 1) return refuse();
    } while (!refs.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
    return true;
  }

  // Drop a reference, and put the slot onto the free list if it was the last.
  outcome give(std::uint32_t index) noexcept {
    const outcome dropped = drop_to(index, listed);
    return dropped == freed ? link(index) : dropped;
  }

  // Drop a reference; 1: it was the last, the slot is parked and the caller decides what follows.
  int drop(std::uint32_t index) noexcept { return drop_to(index, 0); }

  // Put a parked slot onto the free list.
  outcome push_free(std::uint32_t index) noexcept {
    return swap_refs(index, 0, listed) ? link(index) : refused;
  }

  // Take all free slots off the list for good, and let none on it any more. Returns their number.
  std::uint32_t shut() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    std::uint32_t count = 0;
    do {
      if (top(head) == shut_mark) return 0;
      count = listed_from(head);
    } while (!head_.compare_exchange_weak(head, (head & ~nil) | shut_mark,
                                          std::memory_order_acq_rel, std::memory_order_acquire));
    return count;
  }

  std::uint32_t refs(std::uint32_t index) const noexcept {
    const std::uint32_t seen = index < capacity_ ? slots_[index].refs.load() : 0;
    return seen == listed ? 0 : seen;
  }

  // Snapshots, exact when all threads rest. All but free_count() look at every slot.
  std::uint32_t free_count() const noexcept {
    return listed_from(head_.load(std::memory_order_acquire));
  }
  std::uint32_t held_count() const noexcept {
    std::uint32_t held = 0;
    for (std::uint32_t i = 0; i < capacity_; ++i) held += refs(i) != 0;
    return held;
  }
  // How often a slot became held, and how often one lost its last reference.
  std::uint64_t acquired() const noexcept {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < capacity_; ++i)
      sum += slots_[i].uses.load(std::memory_order_relaxed);
    return sum;
  }

  std::uint64_t released() const noexcept {
    const std::uint64_t held = held_count(), taken = acquired();
    return taken > held ? taken - held : 0;
  }
  // How often acquire() found nothing.
  std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }
  std::uint64_t misuses() const noexcept { return misuses_.load(std::memory_order_relaxed); }

  // The most slots that were in use at once.
  std::uint32_t high_water() const noexcept { return high_water_.load(std::memory_order_relaxed); }
  void raise_high_water(std::uint32_t used) noexcept {
    std::uint32_t peak = high_water_.load(std::memory_order_relaxed);
    while (used > peak &&
           !high_water_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
  }

  // 20 bits of the list's head are the index, and the two highest of those mean none.
  static constexpr std::uint32_t most_slots = 0xFFFFE;

 private:
  static constexpr std::uint64_t nil = 0xFFFFF;
  static constexpr std::uint32_t shut_mark = most_slots;
  static constexpr std::uint32_t listed = 0xFFFFFFFFu;  // in `refs`: on the free list, or retired

  struct alignas(cache_line) slot {
    std::atomic<std::uint32_t> refs;
    std::atomic<std::uint32_t> next;     // on the free list: the slot beneath, or nil
    std::atomic<std::uint32_t> below;    // on the free list: how many are beneath
    std::atomic<std::uint64_t> uses{0};  // how often it became held; written by whoever holds it
  };

  static std::uint32_t top(std::uint64_t head) noexcept {
    return static_cast<std::uint32_t>(head & nil);
  }

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

  void count_use(std::uint32_t index) noexcept {
    std::atomic<std::uint64_t>& uses = slots_[index].uses;
    uses.store(uses.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // The last reference leaves `empty` behind. Not by a store: the exchange is what finds two
  // threads that give up the same reference.
  outcome drop_to(std::uint32_t index, std::uint32_t empty) noexcept {
    if (index >= capacity_) return refuse(), refused;
    std::atomic<std::uint32_t>& refs = slots_[index].refs;
    std::uint32_t seen = refs.load(std::memory_order_relaxed);
    do {
      if (seen == 0 || seen == listed) return refuse(), refused;
    } while (!refs.compare_exchange_weak(seen, seen == 1 ? empty : seen - 1,
                                         std::memory_order_acq_rel, std::memory_order_relaxed));
    return seen == 1 ? freed : kept;
  }

  outcome link(std::uint32_t index) noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    std::uint64_t grown = 0;
    do {
      if (top(head) == shut_mark) return retired;
      slots_[index].next.store(top(head), std::memory_order_relaxed);
      slots_[index].below.store(listed_from(head), std::memory_order_relaxed);
      grown = (head & ~nil) | index;
      CAMKIT_BETWEEN_LOOK_AND_EXCHANGE();
    } while (!head_.compare_exchange_weak(head, grown, std::memory_order_release,
                                          std::memory_order_acquire));
    return freed;
  }

  std::uint32_t listed_from(std::uint64_t head) const noexcept {
    const std::uint32_t first = top(head);
    return first >= shut_mark ? 0 : slots_[first].below.load(std::memory_order_relaxed) + 1;
  }

  slot* slots_ = nullptr;
  std::uint32_t capacity_ = 0;

  // Low 20 bits: the top slot. The rest, the tag: how many were ever taken. To be misled, a thread
  // would have to sleep through 2^44 takings, weeks of them, and wake at exactly that one.
  alignas(contention_span) std::atomic<std::uint64_t> head_{nil};
  std::atomic<std::uint32_t> high_water_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> misuses_{0};
};

}  // namespace camkit

#endif
