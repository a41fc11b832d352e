// frame_queue: the usual link. A ring of frames (or the newest frame only), with a policy for a
// consumer that is too slow, and waiting that costs little while frames flow.
#ifndef CAMKIT_FRAME_QUEUE_HPP
#define CAMKIT_FRAME_QUEUE_HPP

#include <atomic>
#include <cstdint>

#include "camkit/clock.hpp"
#include "camkit/evicting_ring.hpp"
#include "camkit/frame_link.hpp"
#include "camkit/latest_slot.hpp"
#include "camkit/spsc_ring.hpp"

namespace camkit {

// What happens when there is no room.
enum class link_policy {
  block = 0,        // the producer waits
  drop_newest = 1,  // the frame that comes is released
  drop_oldest = 2,  // the oldest inside is
  latest = 3        // likewise, and there is room for one only
};

class frame_queue final : public frame_link {
 public:
  // Who has to wait looks `spins` times before it sleeps; UINT32_MAX: it never does.
  frame_queue(std::size_t depth, link_policy policy,
              std::uint32_t spins = parker::default_spins()) noexcept
      : ring_(policy <= link_policy::drop_newest ? depth : 0),
        evicting_(policy == link_policy::drop_oldest ? depth : 0),
        depth_(policy == link_policy::latest ? 1 : depth),
        policy_(policy),
        spins_(spins) {}

  ~frame_queue() override { frame_queue::discard(); }

  bool ok() const noexcept {
    return ring_.ok() || evicting_.ok() || policy_ == link_policy::latest;
  }
  link_policy policy() const noexcept { return policy_; }
  std::size_t depth() const noexcept override { return depth_; }
  std::size_t size() const noexcept override {
    switch (policy_) {
      case link_policy::latest:
        return latest_.empty() ? 0 : 1;
      case link_policy::drop_oldest:
        return evicting_.size();
      default:
        return ring_.size();
    }
  }

  int push(camkit_frame* f, std::int64_t timeout_ns) noexcept override {
    if (aborted_.load(std::memory_order_acquire)) return CAMKIT_END;
    if (policy_ >= link_policy::drop_oldest) {
      camkit_frame* old = policy_ == link_policy::latest ? latest_.put(f) : evicting_.put(f);
      if (old) camkit_frame_release(old);
      ring();
      return old ? CAMKIT_DROP : CAMKIT_OK;
    }
    if (!ring_.try_push(f)) {
      if (policy_ == link_policy::drop_newest) {
        camkit_frame_release(f);
        return CAMKIT_FULL;
      }
      const int waited = wait(room_, false, timeout_ns, [&] { return ring_.try_push(f); });
      if (waited != CAMKIT_OK) return waited;
    }
    ring();
    return CAMKIT_OK;
  }

  int pop(camkit_frame** out, std::int64_t timeout_ns) noexcept override {
    parker& bell = *bell_.load(std::memory_order_relaxed);
    const int waited = wait(bell, true, timeout_ns, [&] { return take(out); });
    if (waited == CAMKIT_OK && policy_ == link_policy::block) room_.notify();
    return waited;
  }

  std::size_t pop_n(camkit_frame** out, std::size_t count) noexcept override {
    if (aborted_.load(std::memory_order_acquire)) return 0;
    if (policy_ <= link_policy::drop_newest) {
      count = ring_.pop_n(out, count);
      if (count > 0 && policy_ == link_policy::block) room_.notify();
      return count;
    }
    std::size_t taken = 0;
    while (taken < count && take(out + taken)) ++taken;
    return taken;
  }

  void close() noexcept override {
    closed_.store(true, std::memory_order_release);
    ring();
  }

  void abort() noexcept override {
    aborted_.store(true, std::memory_order_release);
    ring();
    room_.notify();
  }

  void wake() noexcept override {
    woken_.store(true, std::memory_order_release);
    ring();
  }

  std::size_t discard() noexcept override {
    std::size_t n = 0;
    for (camkit_frame* f = nullptr; take(&f); ++n) camkit_frame_release(f);
    return n;
  }

  void set_bell(parker* bell) noexcept override {
    bell_.store(bell ? bell : &filled_, std::memory_order_release);
    // Orders this against a push under way, as announcing a wait does: either ring() sees the new
    // bell or the consumer's next look sees the frame.
    filled_.prepare();
    filled_.cancel();
  }

 private:
  void ring() noexcept {
    filled_.notify();
    parker* bell = bell_.load(std::memory_order_acquire);
    if (bell != &filled_) bell->notify();
  }

  bool take(camkit_frame** out) noexcept {
    if (policy_ <= link_policy::drop_newest) return ring_.try_pop(*out);
    *out = policy_ == link_policy::latest ? latest_.take() : evicting_.take();
    return *out != nullptr;
  }

  template <class Ready>
  int wait(parker& where, bool consumer, std::int64_t timeout_ns, Ready ready) noexcept {
    if (aborted_.load(std::memory_order_acquire)) return CAMKIT_END;
    if (ready()) return CAMKIT_OK;
    if (timeout_ns == 0) return ended(consumer) ? end(ready) : CAMKIT_TIMEOUT;
    const std::int64_t until = timeout_ns < 0 ? 0 : now_ns() + timeout_ns;
    // The peer of a busy link comes soon, and looking costs it nothing; an announced wait would.
    for (std::uint32_t turn = 0; turn < spins_ || spins_ == UINT32_MAX; ++turn) {
      cpu_relax();
      if (ready()) return CAMKIT_OK;
      if (ended(consumer)) return end(ready);
      if (consumer && called_off()) return CAMKIT_TIMEOUT;
      if (timeout_ns >= 0 && turn % 256 == 255 && now_ns() >= until) return CAMKIT_TIMEOUT;
    }
    for (;;) {
      const std::uint32_t key = where.prepare();
      const bool over = ended(consumer);
      if (!aborted_.load(std::memory_order_acquire) && ready()) {
        where.cancel();
        return CAMKIT_OK;
      }
      if (over) {
        where.cancel();
        return CAMKIT_END;
      }
      const std::int64_t left = timeout_ns < 0 ? -1 : until - now_ns();
      if ((timeout_ns >= 0 && left <= 0) || (consumer && called_off())) {
        where.cancel();
        return CAMKIT_TIMEOUT;
      }
      where.wait(key, left);
    }
  }

  // wake() was called: once for each wait, however often.
  bool called_off() noexcept {
    return woken_.load(std::memory_order_relaxed) &&
           woken_.exchange(false, std::memory_order_acquire);
  }

  // A closed queue ends only its consumer: what was pushed before close() is seen once `closed_`
  // is.
  bool ended(bool consumer) const noexcept {
    return aborted_.load(std::memory_order_acquire) ||
           (consumer && closed_.load(std::memory_order_acquire));
  }

  template <class Ready>
  int end(Ready ready) noexcept {
    return !aborted_.load(std::memory_order_acquire) && ready() ? CAMKIT_OK : CAMKIT_END;
  }

  // One of the three is in use.
  spsc_ring<camkit_frame*> ring_;
  evicting_ring<camkit_frame*> evicting_;
  latest_slot<camkit_frame*> latest_;
  parker filled_{0}, room_{0};
  std::atomic<parker*> bell_{&filled_};
  std::size_t depth_;
  link_policy policy_;
  std::uint32_t spins_;
  std::atomic<bool> closed_{false}, aborted_{false}, woken_{false};
};

}  // namespace camkit

#endif
