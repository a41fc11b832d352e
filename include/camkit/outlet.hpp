// outlet: one link as the thread sees it that pushes into it, and outlet_switch: the outlets of a
// thread, exchanged while frames flow without a lock on their way.
#ifndef CAMKIT_OUTLET_HPP
#define CAMKIT_OUTLET_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/frame_link.hpp"
#include "camkit/lone_value.hpp"

namespace camkit {

// The counters belong to the pushing thread: offered = what the other side gets + link + late +
// aborted, once what is left inside has been counted `aborted`.
struct outlet {
  frame_link* link = nullptr;
  std::int32_t number = 0;  // tells links apart in a trace
  lone_counter offered, full, late, aborted, high_water;

  // The pushing thread: hand one reference over, waiting for room where the policy is to wait; only
  // abort() ends that. Returns what the link answered: CAMKIT_OK, or how a frame was lost.
  int push(camkit_frame* f, std::uint64_t tick) noexcept {
    table_[place(f)].set(tick);
    offered.add(1);
    const int answer = link->push(f, -1);
    if (answer == CAMKIT_END) {
      camkit_frame_release(f);
      aborted.add(1);
    } else if (answer == CAMKIT_FULL) {
      full.add(1);
    } else if (answer == CAMKIT_DROP) {
      late.add(1);
    }
    // To look how full it is costs the other thread a cache line: not with every one of a million.
    if (tick - watched_ > watch_ticks) {
      watched_ = tick;
      high_water.raise(link->size());
    }
    return answer;
  }

  // When a frame was put in. Not in the frame, which may be in other links at the same time. Two
  // pools' frames may meet in one place, and then one duration is wrong; two of one pool's do not.
  std::uint64_t stamped(const camkit_frame* f) const noexcept { return table_[place(f)].get(); }

  // Before any frame, for the ends of a link that has several: look at one table. The other outlet
  // must outlive this.
  void stamp_as(const outlet& other) noexcept { table_ = other.table_; }

 private:
  static constexpr std::size_t places = 1024;
  static constexpr std::uint64_t watch_ticks = 50'000;

  static std::size_t place(const camkit_frame* f) noexcept {
    const auto pool = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(f->pool));
    return static_cast<std::size_t>(f->slot + (pool * 0x9E3779B97F4A7C15u >> 48)) % places;
  }
  lone_counter stamps_[places];
  lone_counter* table_ = stamps_;
  std::uint64_t watched_ = 0;
};

struct outlet_list {
  std::size_t count = 0;
  outlet** at = nullptr;  // owned

  explicit outlet_list(std::size_t n) noexcept : count(n), at(new (std::nothrow) outlet*[n + 1]) {}
  ~outlet_list() { delete[] at; }
  outlet_list(const outlet_list&) = delete;
  outlet_list& operator=(const outlet_list&) = delete;
  bool ok() const noexcept { return at != nullptr; }
};

class outlet_switch {
 public:
  // Any thread, one at a time: what the pushing thread is to use from its next frame on. It may
  // look at the list of before until adopted() is the new one.
  void want(outlet_list* list) noexcept { wanted_.store(list, std::memory_order_release); }
  const outlet_list* adopted() const noexcept { return adopted_.load(std::memory_order_acquire); }

  // The pushing thread.
  const outlet_list& current() noexcept {
    const outlet_list* wanted = wanted_.load(std::memory_order_acquire);
    if (wanted != adopted_.load(std::memory_order_relaxed))
      adopted_.store(wanted, std::memory_order_release);
    return *wanted;
  }

 private:
  std::atomic<const outlet_list*> wanted_{nullptr}, adopted_{nullptr};
};

}  // namespace camkit

#endif
