#ifndef CAMKIT_WORK_DEQUE_HPP
#define CAMKIT_WORK_DEQUE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "camkit/cpu.hpp"

namespace camkit {

// What one thread still has to do, from which others may steal: its owner pushes and pops at the
// bottom, the newest first; everybody else steals at the top, the oldest first. Of fixed capacity:
// push() says when it is full. The algorithm is Chase and Lev's ("Dynamic circular work-stealing
// deque", 2005), the memory orders follow Le, Pop, Cohen and Zappa Nardelli ("Correct and efficient
// work-stealing for weak memory models", 2013) with their fences folded into the accesses beside
// them, since ThreadSanitizer knows no fences.
//
// Why nothing is taken twice. Both indices only ever name elements by their running number, and
// `top` only grows. An element i below the last is popped without a further look only if the owner
// read top < i after it had lowered `bottom` to i; in the single order of all seq_cst accesses a
// thief that may take i read top == i later than that, and so reads the lowered bottom and finds
// nothing. The last element is claimed by a compare-exchange on `top` from both sides: one wins.
// Why what a thief read is what was pushed: push() reuses the place of element i only when it has
// read top > i, and then the thief's compare-exchange from i fails.
template <class T, std::size_t Capacity>
class work_deque {
  using word = std::uintptr_t;
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(word) == 0,
                "elements are read word by word while they may be overwritten");
  static_assert(Capacity > 0 && (Capacity & (Capacity - 1)) == 0, "indices are masked");

 public:
  enum class answer { got, empty, lost };  // lost: another thread was quicker, look again

  work_deque() = default;
  work_deque(const work_deque&) = delete;
  work_deque& operator=(const work_deque&) = delete;

  // Owner. False when it is full.
  bool push(const T& value) noexcept {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    if (bottom - top_.load(std::memory_order_acquire) >= static_cast<std::int64_t>(Capacity))
      return false;
    store(bottom, value);
    // seq_cst and not release alone: whoever pushed may look for sleepers next.
    bottom_.store(bottom + 1, std::memory_order_seq_cst);
    return true;
  }

  // Owner: the newest.
  bool pop(T& out) noexcept {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    bottom_.store(bottom, std::memory_order_seq_cst);
    std::int64_t top = top_.load(std::memory_order_seq_cst);
    if (top > bottom) {
      bottom_.store(bottom + 1, std::memory_order_release);
      return false;
    }
    out = load(bottom);
    if (top < bottom) return true;
    const bool won = top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst,
                                                  std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);
    return won;
  }

  // Any thread: the oldest, if it satisfies `wanted`, which may look at it and follow no pointer in
  // it: it may be gone already.
  template <class Wanted>
  answer steal(T& out, Wanted wanted) noexcept {
    std::int64_t top = top_.load(std::memory_order_seq_cst);
    if (top >= bottom_.load(std::memory_order_seq_cst)) return answer::empty;
    const T seen = load(top);
    if (!wanted(seen)) return answer::empty;
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst,
                                      std::memory_order_relaxed))
      return answer::lost;
    out = seen;
    return answer::got;
  }

  answer steal(T& out) noexcept {
    return steal(out, [](const T&) { return true; });
  }

  // Any thread; true only for a moment.
  bool empty() const noexcept {
    return top_.load(std::memory_order_relaxed) >= bottom_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t words = sizeof(T) / sizeof(word);

  void store(std::int64_t index, const T& value) noexcept {
    word parts[words];
    std::memcpy(parts, &value, sizeof(T));
    for (std::size_t i = 0; i < words; ++i)
      place(index)[i].store(parts[i], std::memory_order_relaxed);
  }

  T load(std::int64_t index) noexcept {
    word parts[words];
    for (std::size_t i = 0; i < words; ++i)
      parts[i] = place(index)[i].load(std::memory_order_relaxed);
    T value;
    std::memcpy(static_cast<void*>(&value), parts, sizeof(T));
    return value;
  }

  std::atomic<word>* place(std::int64_t index) noexcept {
    return places_[static_cast<std::size_t>(index) & (Capacity - 1)];
  }

  alignas(contention_span) std::atomic<std::int64_t> top_{0};
  alignas(contention_span) std::atomic<std::int64_t> bottom_{0};
  alignas(contention_span) std::atomic<word> places_[Capacity][words] = {};
};

}  // namespace camkit

#endif
