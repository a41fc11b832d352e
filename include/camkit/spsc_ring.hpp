#ifndef CAMKIT_SPSC_RING_HPP
#define CAMKIT_SPSC_RING_HPP

#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>

#include "camkit/cpu.hpp"

namespace camkit {

// A bounded queue between exactly one producing and one consuming thread. Wait-free on both sides.
// Producer: try_push, push_n. Consumer: try_pop, front, pop, pop_n. Any thread: size, empty,
// capacity, ok.
//
// The indices run freely and are masked on access, so that full and empty differ without a wasted
// slot. Each side works on private copies, of its own index and of the other's, and reads the
// shared one only when the copy says full (or empty): the shared indices are alone on their lines,
// written by one side and polled by the other, and a poll never delays the side that writes.
template <class T>
class spsc_ring {
  static_assert(std::is_trivially_copyable_v<T>, "spsc_ring moves its elements as plain bytes");

 public:
  // Holds at most `capacity` elements, exactly. A capacity of 0 or one that cannot be allocated
  // leaves ok() false: such a ring is for ever both full and empty, and every call on it is
  // harmless.
  explicit spsc_ring(std::size_t capacity) noexcept {
    std::size_t rounded = 1;
    while (rounded < capacity && rounded <= max_slots / 2) rounded *= 2;
    if (capacity == 0 || rounded < capacity) return;
    // The line behind keeps the last slots clear of whatever the heap puts next to them.
    slots_ =
        static_cast<T*>(::operator new(rounded * sizeof(T) + cache_line, alignment, std::nothrow));
    if (slots_ == nullptr) return;
    mask_ = rounded - 1;
    bound_ = capacity;
  }

  ~spsc_ring() { ::operator delete(slots_, alignment); }

  spsc_ring(const spsc_ring&) = delete;
  spsc_ring& operator=(const spsc_ring&) = delete;

  bool ok() const noexcept { return slots_ != nullptr; }
  std::size_t capacity() const noexcept { return bound_; }

  bool try_push(const T& value) noexcept {
    const std::size_t write = next_write_;
    if (write - seen_read_ >= bound_) {
      seen_read_ = read_.load(std::memory_order_acquire);
      if (write - seen_read_ >= bound_) return false;
    }
    ::new (static_cast<void*>(slots_ + (write & mask_))) T(value);
    next_write_ = write + 1;
    write_.store(write + 1, std::memory_order_release);
    return true;
  }

  // Push as many of the `count` values as fit, in order; return how many. The consumer sees them
  // all at once.
  std::size_t push_n(const T* values, std::size_t count) noexcept {
    const std::size_t write = next_write_;
    if (bound_ - (write - seen_read_) < count) seen_read_ = read_.load(std::memory_order_acquire);
    const std::size_t room = bound_ - (write - seen_read_);
    if (count > room) count = room;
    if (count == 0) return 0;
    const std::size_t first = run_length(write, count);
    std::memcpy(static_cast<void*>(slots_ + (write & mask_)), values, first * sizeof(T));
    if (first < count)
      std::memcpy(static_cast<void*>(slots_), values + first, (count - first) * sizeof(T));
    next_write_ = write + count;
    write_.store(write + count, std::memory_order_release);
    return count;
  }

  bool try_pop(T& value) noexcept {
    const T* oldest = front();
    if (oldest == nullptr) return false;
    value = *oldest;
    pop();
    return true;
  }

  // The oldest element, in place, or null when the ring is empty. It stays valid until pop().
  T* front() noexcept {
    const std::size_t read = next_read_;
    if (read == seen_write_) {
      seen_write_ = write_.load(std::memory_order_acquire);
      if (read == seen_write_) return nullptr;
    }
    return slots_ + (read & mask_);
  }

  // Drop what front() showed; without such an element nothing happens.
  void pop() noexcept {
    const std::size_t read = next_read_;
    if (read == seen_write_) return;
    next_read_ = read + 1;
    read_.store(read + 1, std::memory_order_release);
  }

  // Pop up to `count` values into `values`, oldest first; return how many.
  std::size_t pop_n(T* values, std::size_t count) noexcept {
    const std::size_t read = next_read_;
    if (seen_write_ - read < count) seen_write_ = write_.load(std::memory_order_acquire);
    const std::size_t held = seen_write_ - read;
    if (count > held) count = held;
    if (count == 0) return 0;
    const std::size_t first = run_length(read, count);
    std::memcpy(static_cast<void*>(values), slots_ + (read & mask_), first * sizeof(T));
    if (first < count)
      std::memcpy(static_cast<void*>(values + first), slots_, (count - first) * sizeof(T));
    next_read_ = read + count;
    read_.store(read + count, std::memory_order_release);
    return count;
  }

  // Exact for the two owners when the other side rests; for anyone else a snapshot, never above
  // capacity().
  std::size_t size() const noexcept {
    // In this order the difference cannot go below zero; the clamp takes what was pushed between
    // the two loads.
    const std::size_t read = read_.load(std::memory_order_acquire);
    const std::size_t held = write_.load(std::memory_order_acquire) - read;
    return held < bound_ ? held : bound_;
  }

  bool empty() const noexcept { return size() == 0; }

 private:
  static constexpr std::align_val_t alignment{alignof(T) > cache_line ? alignof(T) : cache_line};
  static constexpr std::size_t max_slots = static_cast<std::size_t>(-1) / 4 / sizeof(T);

  std::size_t run_length(std::size_t index, std::size_t count) const noexcept {
    const std::size_t to_end = mask_ + 1 - (index & mask_);
    return count < to_end ? count : to_end;
  }

  // Written once, read by both: a line that both cores can keep.
  alignas(contention_span) T* slots_ = nullptr;
  std::size_t mask_ = 0;
  std::size_t bound_ = 0;

  alignas(contention_span) std::atomic<std::size_t> write_{0};
  alignas(contention_span) std::atomic<std::size_t> read_{0};

  // The producer's alone.
  alignas(contention_span) std::size_t next_write_ = 0;
  std::size_t seen_read_ = 0;

  // The consumer's alone.
  alignas(contention_span) std::size_t next_read_ = 0;
  std::size_t seen_write_ = 0;
};

}  // namespace camkit

#endif
