#ifndef CAMKIT_ORDERED_MAP_HPP
#define CAMKIT_ORDERED_MAP_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/clock.hpp"
#include "camkit/cpu.hpp"
#include "camkit/frame_link.hpp"
#include "camkit/parker.hpp"

namespace camkit {

// A link with work inside: what goes in from one thread is taken by several workers, and what they
// make of it comes out to one thread in the order in which it went in.
//
// In front stands a link of any policy. One worker at a time leads: it waits there for a frame,
// gives it the next number and goes to work, while another takes the lead, so all waiting and
// dropping is the front link's own. A finished frame waits in a ring, at the place of its number,
// until it is its turn; no number is given out for which the ring has no place, so at most
// `in_flight` frames are under work or wait for their turn, and the front link fills up behind.
class ordered_map final : public frame_link {
 public:
  static constexpr unsigned max_workers = 64;

  // `front` is borrowed, and must outlive this.
  ordered_map(frame_link* front, unsigned workers, std::size_t in_flight) noexcept
      : front_(front), workers_(workers), bound_(in_flight) {
    std::size_t places = 1;
    while (places < in_flight) places *= 2;
    if (workers == 0 || workers > max_workers || in_flight == 0) return;
    places_ = new (std::nothrow) place[places];
    bells_ = new (std::nothrow) bell[workers];
    mask_ = places - 1;
  }

  ~ordered_map() override {
    if (ok()) ordered_map::discard();
    delete[] places_;
    delete[] bells_;
  }

  bool ok() const noexcept { return places_ != nullptr && bells_ != nullptr; }
  bool aborted() const noexcept { return aborted_.load(std::memory_order_acquire); }

  // Worker `index`. CAMKIT_OK with a frame, whose reference is the caller's, and its number, which
  // put() must get back; CAMKIT_TIMEOUT; CAMKIT_END: nothing comes any more.
  int take(unsigned index, camkit_frame** out, std::uint64_t* number,
           std::int64_t timeout_ns) noexcept {
    const std::int64_t until = timeout_ns < 0 ? 0 : now_ns() + timeout_ns;
    const auto left = [&] {
      if (timeout_ns < 0) return std::int64_t{-1};
      const std::int64_t ns = until - now_ns();
      return ns > 0 ? ns : 0;
    };
    for (;;) {
      if (over()) return CAMKIT_END;
      if (!led_.exchange(true, std::memory_order_seq_cst)) {
        const int answer = lead(out, number, left);
        led_.store(false, std::memory_order_seq_cst);
        // After a timeout the caller comes again at once, and so does every other of its own.
        if (answer == CAMKIT_OK) wake_workers(1);
        if (answer == CAMKIT_END) wake_workers(max_workers);
        return answer;
      }
      parker& mine = bells_[index].ring;
      const std::uint64_t bit = std::uint64_t{1} << index;
      const std::uint32_t key = mine.prepare();
      idle_.fetch_or(bit, std::memory_order_seq_cst);
      bool timed_out = false;
      if (over() || !led_.load(std::memory_order_seq_cst))
        mine.cancel();
      else
        timed_out = !mine.wait(key, left());
      idle_.fetch_and(~bit, std::memory_order_relaxed);
      if (timed_out) return CAMKIT_TIMEOUT;
    }
  }

  // What became of frame `number`: one reference, which is the map's now, or null if nothing is to
  // come out.
  void put(std::uint64_t number, camkit_frame* f) noexcept {
    place& mine = places_[number & mask_];
    mine.frame = f;
    mine.done.store(true, std::memory_order_seq_cst);
    // Either this sees that it is number's turn, or the consumer, who first says so and looks then,
    // sees that it is done.
    if (next_out_.load(std::memory_order_seq_cst) == number) ring();
  }

  int push(camkit_frame* f, std::int64_t timeout_ns) noexcept override {
    return front_->push(f, timeout_ns);
  }

  int pop(camkit_frame** out, std::int64_t timeout_ns) noexcept override {
    const std::int64_t until = timeout_ns < 0 ? 0 : now_ns() + timeout_ns;
    for (bool looked = false;; looked = true) {
      parker& bell = *bell_.load(std::memory_order_relaxed);
      const std::uint32_t key = looked ? bell.prepare() : 0;
      int answer = CAMKIT_TIMEOUT;
      const bool closed = closed_.load(std::memory_order_acquire);  // before looking for the last
      if (aborted())
        answer = CAMKIT_END;
      else if (next(out))
        answer = CAMKIT_OK;
      else if (closed && all_out())
        answer = CAMKIT_END;
      const std::int64_t left = timeout_ns < 0 ? -1 : until - now_ns();
      if (answer != CAMKIT_TIMEOUT || timeout_ns == 0 || (timeout_ns > 0 && left <= 0) ||
          (looked && woken_.exchange(false, std::memory_order_seq_cst))) {
        if (looked) bell.cancel();
        return answer;
      }
      if (looked) bell.wait(key, left);
    }
  }

  std::size_t pop_n(camkit_frame** out, std::size_t count) noexcept override {
    std::size_t n = 0;
    if (!aborted())
      while (n < count && next(out + n)) ++n;
    return n;
  }

  // Workers finish what is inside, then get CAMKIT_END, and the consumer after the last frame.
  void close() noexcept override { front_->close(); }

  void abort() noexcept override {
    aborted_.store(true, std::memory_order_seq_cst);
    front_->abort();
    room_.notify();
    wake_workers(max_workers);
    ring();
  }

  void wake() noexcept override {
    woken_.store(true, std::memory_order_seq_cst);
    ring();
  }

  // Only when no worker is at it either.
  std::size_t discard() noexcept override {
    std::size_t n = front_->discard();
    for (std::size_t i = 0; i <= mask_; ++i) {
      if (places_[i].done.load(std::memory_order_acquire) && places_[i].frame != nullptr) {
        camkit_frame_release(places_[i].frame);
        ++n;
      }
      places_[i].frame = nullptr;
    }
    return n;
  }

  void set_bell(parker* bell) noexcept override {
    bell_.store(bell ? bell : &filled_, std::memory_order_seq_cst);
    // As announcing a wait: either ring() sees the new bell or the next look sees the frame.
    filled_.prepare();
    filled_.cancel();
  }

  std::size_t size() const noexcept override {
    return front_->size() + static_cast<std::size_t>(next_in_.load(std::memory_order_acquire) -
                                                     next_out_.load(std::memory_order_acquire));
  }
  std::size_t depth() const noexcept override { return front_->depth() + bound_; }

 private:
  struct alignas(cache_line) place {
    camkit_frame* frame = nullptr;
    std::atomic<bool> done{false};
  };
  struct alignas(contention_span) bell {
    parker ring;
  };

  template <class Left>
  int lead(camkit_frame** out, std::uint64_t* number, Left left) noexcept {
    const std::uint64_t mine = next_in_.load(std::memory_order_relaxed);
    // A notification may come late, of a place that was taken again before this wait began.
    for (bool timed_out = false; !has_room(mine);) {
      if (over()) return CAMKIT_END;
      if (timed_out) return CAMKIT_TIMEOUT;
      const std::uint32_t key = room_.prepare();
      if (has_room(mine) || aborted_.load(std::memory_order_seq_cst))
        room_.cancel();
      else
        timed_out = !room_.wait(key, left());
    }
    const int answer = front_->pop(out, left());
    if (answer == CAMKIT_OK) {
      next_in_.store(mine + 1, std::memory_order_release);
      *number = mine;
    } else if (answer == CAMKIT_END) {
      closed_.store(true, std::memory_order_seq_cst);
      ring();
    }
    return answer;
  }

  bool has_room(std::uint64_t number) const noexcept {
    return number - next_out_.load(std::memory_order_acquire) < bound_;
  }

  // For workers.
  bool over() const noexcept {
    return aborted_.load(std::memory_order_seq_cst) || closed_.load(std::memory_order_seq_cst);
  }

  bool all_out() const noexcept {
    return next_in_.load(std::memory_order_acquire) == next_out_.load(std::memory_order_relaxed);
  }

  // Consumer: the next frame in order, if it is there; numbers without a frame are passed over.
  bool next(camkit_frame** out) noexcept {
    for (;;) {
      const std::uint64_t number = next_out_.load(std::memory_order_relaxed);
      place& at = places_[number & mask_];
      if (!at.done.load(std::memory_order_seq_cst)) return false;
      camkit_frame* const f = at.frame;
      at.frame = nullptr;
      at.done.store(false, std::memory_order_relaxed);
      next_out_.store(number + 1, std::memory_order_seq_cst);
      room_.notify();
      if (f == nullptr) continue;
      *out = f;
      return true;
    }
  }

  void wake_workers(unsigned count) noexcept {
    for (std::uint64_t idle = idle_.load(std::memory_order_seq_cst); idle != 0 && count > 0;) {
      unsigned chosen = 0;
      while (!(idle >> chosen & 1)) ++chosen;
      const std::uint64_t rest = idle & ~(std::uint64_t{1} << chosen);
      if (!idle_.compare_exchange_weak(idle, rest, std::memory_order_seq_cst)) continue;
      bells_[chosen].ring.notify();
      idle = rest;
      --count;
    }
  }

  void ring() noexcept {
    filled_.notify();
    parker* const bell = bell_.load(std::memory_order_acquire);
    if (bell != &filled_) bell->notify();
  }

  frame_link* const front_;
  const unsigned workers_;
  const std::size_t bound_;
  std::size_t mask_ = 0;
  place* places_ = nullptr;  // owned, and with it the frames inside
  bell* bells_ = nullptr;    // owned; a bell for each worker
  std::atomic<bool> closed_{false}, aborted_{false}, woken_{false};
  parker filled_, room_;  // the consumer's, and the leader's
  std::atomic<parker*> bell_{&filled_};
  alignas(contention_span) std::atomic<bool> led_{false};
  std::atomic<std::uint64_t> next_in_{0};  // the leader's: the number of the next frame
  alignas(contention_span) std::atomic<std::uint64_t> idle_{0};      // a bit for each worker asleep
  alignas(contention_span) std::atomic<std::uint64_t> next_out_{0};  // the consumer's
};

}  // namespace camkit

#endif
