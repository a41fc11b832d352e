// What a driver with hardware behind it does, on a clock alone: frames come due at exact times,
// each takes the buffer that has waited longest, and one that finds none is lost. All of it is
// worked out when somebody asks, from the times at which the buffers came back, so no thread is
// needed.
#ifndef CAMKIT_SYNTHETIC_HPP
#define CAMKIT_SYNTHETIC_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "camkit/clock.hpp"
#include "camkit/page_memory.hpp"
#include "camkit/parker.hpp"

namespace camkit {

// Which frames a fault hits: those listed, or a share of all, the same ones for the same seed.
struct fault {
  std::vector<std::uint64_t> numbers;  // sorted
  double share = 0;
  std::uint64_t seed = 0;

  bool hits(std::uint64_t number) const noexcept {
    if (!numbers.empty()) return std::binary_search(numbers.begin(), numbers.end(), number);
    if (share <= 0) return false;
    std::uint64_t h = (number + seed * 0x9E3779B97F4A7C15u) ^ 0x2545F4914F6CDD1Du;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return static_cast<double>((h ^ (h >> 31)) >> 11) / 9007199254740992.0 < share;
  }
};

constexpr std::uint32_t most_buffers = 32;

// The context of a stream's frame_pool: it lives as long as a frame of the stream does.
struct synthetic_buffers {
  page_memory pages;                 // owned; none where the caller lends the memory
  void* lender = nullptr;            // who owns it then
  void (*give_up)(void*) = nullptr;  // tells him, on any thread, that it is done with
  std::uint8_t* data[most_buffers] = {};
  std::uint32_t count = 0;
  std::atomic<std::int64_t> since[most_buffers] =
      {};                                 // when the buffer came (back) to the driver; 0: it is out
  std::int64_t box_x[most_buffers] = {};  // where the box was drawn last, -1: draw everything
  parker* bell = nullptr;                 // borrowed: the reader's, good until the pool is stopped

  static void recycle(void* context, std::uint32_t slot) noexcept {
    auto* self = static_cast<synthetic_buffers*>(context);
    self->since[slot].store(now_ns(), std::memory_order_release);
    self->bell->notify();
  }
  static void destroy(void* context) noexcept {
    auto* self = static_cast<synthetic_buffers*>(context);
    free_pages(self->pages);
    if (self->lender != nullptr) self->give_up(self->lender);
    delete self;
  }

  // All buffers go to the driver at the start of a stream.
  void hand_over(std::int64_t now) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) since[i].store(now, std::memory_order_release);
  }

  // Buffers that the driver had at a time.
  std::uint32_t here(std::int64_t at) const noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int64_t t = since[i].load(std::memory_order_acquire);
      n += t != 0 && t <= at;
    }
    return n;
  }

  std::uint32_t take() noexcept {
    std::uint32_t best = most_buffers;
    std::int64_t oldest = INT64_MAX;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int64_t t = since[i].load(std::memory_order_acquire);
      if (t != 0 && t < oldest) {
        oldest = t;
        best = i;
      }
    }
    if (best < most_buffers) since[best].store(0, std::memory_order_relaxed);
    return best;
  }
};

// The driver's side of one stream; the thread that reads from the camera calls it.
struct synthetic_driver {
  struct filled {
    std::uint64_t index;
    std::int64_t time, arrival;
  };

  double period = 0;  // ns
  bool realtime = true;
  std::uint64_t first = 0;            // number of the first frame
  std::uint64_t frames = UINT64_MAX;  // after so many the stream ends
  fault drop, damage;
  std::vector<std::pair<std::uint64_t, std::int64_t>> delays;  // sorted by number
  synthetic_buffers* buffers = nullptr;                        // borrowed from the stream's pool

  void begin(synthetic_buffers* b, std::int64_t now) noexcept {
    buffers = b;
    start_ = now;
    last_arrival_ = 0;
    next_ = 0;
    head_ = count_ = 0;
  }

  // When to look: `now` or before = pop() has a frame, negative = the stream is over.
  std::int64_t look(std::int64_t now) noexcept {
    fill(now);
    if (count_) return ring_[head_].arrival;
    if (next_ >= frames) return -1;
    if (realtime) return due(next_);
    // No buffer, or a long run of dropped numbers.
    return now + 500000;
  }

  filled pop() noexcept {
    const filled f = ring_[head_];
    head_ = (head_ + 1) % most_buffers;
    --count_;
    return f;
  }

 private:
  std::int64_t start_ = 0, last_arrival_ = 0;
  std::uint64_t next_ = 0;
  filled ring_[most_buffers];
  std::uint32_t head_ = 0, count_ = 0;

  // From the start each time: an error of rounding does not grow.
  std::int64_t due(std::uint64_t index) const noexcept {
    return start_ + static_cast<std::int64_t>(static_cast<double>(index) * period);
  }

  std::int64_t delay(std::uint64_t number) const noexcept {
    const auto at =
        std::lower_bound(delays.begin(), delays.end(), std::make_pair(number, INT64_MIN));
    return at != delays.end() && at->first == number ? at->second : 0;
  }

  void push(std::int64_t time) noexcept {
    // Frames come out in order: a late one holds up those behind it.
    last_arrival_ = std::max(last_arrival_, time + delay(first + next_));
    ring_[(head_ + count_++) % most_buffers] = {next_, time, last_arrival_};
  }

  void fill(std::int64_t now) noexcept {
    // A bound on the work of one call: a caller may have slept for an hour, or drop nearly all
    // frames.
    for (int turn = 0; turn < 100000 && next_ < frames; ++turn, ++next_) {
      if (realtime ? due(next_) > now : count_ > 0) return;
      if (drop.hits(first + next_)) continue;
      if (!realtime) {
        if (!buffers->here(INT64_MAX)) return;
        push(now);
      } else if (buffers->here(due(next_)) > count_) {
        push(due(next_));
      } else if (buffers->here(now) <= count_) {
        // Full until now: all that came due is lost.
        const auto passed = static_cast<std::uint64_t>(static_cast<double>(now - start_) / period);
        if (passed > next_) next_ = std::min(passed, frames) - 1;
      }
    }
  }
};

}  // namespace camkit

#endif
