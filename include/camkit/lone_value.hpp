// lone_value: a number that one thread writes and any thread reads. No locked instruction, for
// there is nobody to race with; a reader gets a whole value, of now or of a moment ago.
#ifndef CAMKIT_LONE_VALUE_HPP
#define CAMKIT_LONE_VALUE_HPP

#include <atomic>
#include <cstdint>

namespace camkit {

template <class T>
class lone_value {
 public:
  T get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(T n) noexcept { set(get() + n); }
  void raise(T value) noexcept {
    if (value > get()) set(value);
  }

 private:
  std::atomic<T> value_{0};
};

using lone_counter = lone_value<std::uint64_t>;

}  // namespace camkit

#endif
