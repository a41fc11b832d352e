#ifndef CAMKIT_SPSC_RING_HPP
#define CAMKIT_SPSC_RING_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "camkit/cpu.hpp"

namespace camkit {

// A bounded queue between exactly one producing and one consuming thread. Wait-free on both sides.
// Producer: try_push, push_n, reserve, commit. Consumer: try_pop, front, pop, pop_n. Any thread:
// size, empty, capacity, ok.
//
// Each place carries the turn in which it was filled, so that a consumer finds out that an element
// has come and gets it with one and the same cache line, and never polls a line that the producer
// needs for all that it pushes. The other way round an index does: the producer reads it only when
// its copy says full. Indices run freely and are masked on access.
template <class T>
class spsc_ring {
  static_assert(std::is_trivially_copyable_v<T>, "spsc_ring moves its elements as plain bytes");

 public:
  // Holds at most `capacity` elements, exactly. A capacity of 0 or one that cannot be allocated
  // leaves ok() false: such a ring is for ever both full and empty, and every call on it is
  // harmless.
  explicit spsc_ring(std::size_t capacity) noexcept {
    std::size_t rounded = 1;
    while (rounded < capacity && rounded <= max_places / 2) rounded *= 2;
    if (capacity == 0 || rounded < capacity) return;
    // The span behind keeps the last places clear of whatever the heap puts next to them.
    void* memory =
        ::operator new(rounded * sizeof(place) + contention_span, alignment, std::nothrow);
    if (memory == nullptr) return;
    places_ = static_cast<place*>(memory);
    for (std::size_t i = 0; i < rounded; ++i) ::new (static_cast<void*>(places_ + i)) place;
    mask_ = rounded - 1;
    bound_ = capacity;
  }

  ~spsc_ring() {
    if (ok()) ::operator delete(static_cast<void*>(places_), alignment);
  }

  spsc_ring(const spsc_ring&) = delete;
  spsc_ring& operator=(const spsc_ring&) = delete;

  bool ok() const noexcept { return bound_ > 0; }
  std::size_t capacity() const noexcept { return bound_; }

  bool try_push(const T& value) noexcept {
    T* next = reserve();
    if (next == nullptr) return false;
    ::new (static_cast<void*>(next)) T(value);
    commit();
    return true;
  }

  // The place of the next element, to be filled there, or null when the ring is full.
  T* reserve() noexcept {
    return room(1) > 0 ? at(write_.load(std::memory_order_relaxed)).value() : nullptr;
  }

  // Hand over what reserve() gave the place for; without such a place nothing happens.
  void commit() noexcept {
    const std::size_t write = write_.load(std::memory_order_relaxed);
    if (write - seen_read_ < bound_) publish(write);
  }

  // Push as many of the `count` values as fit, in order; return how many.
  std::size_t push_n(const T* values, std::size_t count) noexcept {
    const std::size_t fits = room(count);
    if (count > fits) count = fits;
    const std::size_t write = write_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) {
      ::new (static_cast<void*>(at(write + i).value())) T(values[i]);
      publish(write + i);
    }
    return count;
  }

  bool try_pop(T& value) noexcept {
    const std::size_t read = read_.load(std::memory_order_relaxed);
    if (!filled(read)) return false;
    value = *at(read).value();
    read_.store(read + 1, std::memory_order_release);
    return true;
  }

  // The oldest element, in place, or null when the ring is empty. It stays valid until pop().
  T* front() noexcept {
    const std::size_t read = read_.load(std::memory_order_relaxed);
    if (!filled(read)) return nullptr;
    shown_ = read + 1;
    return at(read).value();
  }

  // Drop what front() showed; without such an element nothing happens.
  void pop() noexcept {
    if (shown_ == read_.load(std::memory_order_relaxed) + 1)
      read_.store(shown_, std::memory_order_release);
  }

  // Pop up to `count` values into `values`, oldest first; return how many.
  std::size_t pop_n(T* values, std::size_t count) noexcept {
    const std::size_t read = read_.load(std::memory_order_relaxed);
    std::size_t taken = 0;
    for (; taken < count && filled(read + taken); ++taken)
      values[taken] = *at(read + taken).value();
    if (taken > 0) read_.store(read + taken, std::memory_order_release);
    return taken;
  }

  // Exact for the two owners when the other side rests; for anyone else a snapshot, never above
  // capacity(), that may count an element which is just being handed over.
  std::size_t size() const noexcept {
    // In this order the difference cannot go below zero; the clamp takes what was pushed between
    // the two loads.
    const std::size_t read = read_.load(std::memory_order_acquire);
    const std::size_t held = write_.load(std::memory_order_acquire) - read;
    return held < bound_ ? held : bound_;
  }

  bool empty() const noexcept { return size() == 0; }

 private:
  struct place {
    std::atomic<std::size_t> turn{0};  // the index of its element, plus one
    alignas(T) unsigned char bytes[sizeof(T)];

    T* value() noexcept { return std::launder(reinterpret_cast<T*>(bytes)); }
  };

  static constexpr std::align_val_t alignment{alignof(place) > contention_span ? alignof(place)
                                                                               : contention_span};
  static constexpr std::size_t max_places = static_cast<std::size_t>(-1) / 4 / sizeof(place);

  // The consumer still has the lines of the lap before: ask for the one after the next in time.
  static constexpr std::size_t ahead = 2 * cache_line / sizeof(place) + 1;

  place& at(std::size_t index) noexcept { return places_[index & mask_]; }

  // At least `wanted` if there is as much.
  std::size_t room(std::size_t wanted) noexcept {
    const std::size_t write = write_.load(std::memory_order_relaxed);
    if (bound_ - (write - seen_read_) < wanted) seen_read_ = read_.load(std::memory_order_acquire);
    return bound_ - (write - seen_read_);
  }

  void publish(std::size_t write) noexcept {
    // First the index: whoever sees the element, and after it the consumer's index, sees an index
    // of ours that is not behind it.
    write_.store(write + 1, std::memory_order_relaxed);
    prefetch_to_write(&at(write + ahead));
    at(write).turn.store(write + 1, std::memory_order_release);
  }

  bool filled(std::size_t read) noexcept {
    return at(read).turn.load(std::memory_order_acquire) == read + 1;
  }

  // Written once, read by both: a line that both cores can keep.
  alignas(contention_span) place* places_ = &none_;
  std::size_t mask_ = 0;
  std::size_t bound_ = 0;

  // The producer's; anyone else reads it for size() only.
  alignas(contention_span) std::atomic<std::size_t> write_{0};
  std::size_t seen_read_ = 0;

  // The consumer's.
  alignas(contention_span) std::atomic<std::size_t> read_{0};
  std::size_t shown_ = 0;  // by front(), plus one

  // Never filled: what a ring has whose memory could not be had.
  place none_;
};

}  // namespace camkit

#endif
