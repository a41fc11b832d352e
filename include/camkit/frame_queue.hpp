// frame_queue: the link between two threads of a pipeline. A ring of frames (or the newest frame
// only), with a policy for a consumer that is too slow, and waiting that costs nothing while frames
// flow. It owns the frames inside it.
#ifndef CAMKIT_FRAME_QUEUE_HPP
#define CAMKIT_FRAME_QUEUE_HPP

#include <atomic>
#include <cstdint>

#include "camkit/clock.hpp"
#include "camkit/frame.h"
#include "camkit/latest_slot.hpp"
#include "camkit/parker.hpp"
#include "camkit/spsc_ring.hpp"
#include "camkit/status.h"

namespace camkit {

enum class link_policy { block = 0, drop_newest = 1, latest = 2 };

class frame_queue {
 public:
  frame_queue(std::size_t depth, link_policy policy) noexcept
      : ring_(policy == link_policy::latest ? 1 : depth), depth_(depth), policy_(policy) {}

  ~frame_queue() { discard(); }

  frame_queue(const frame_queue&) = delete;
  frame_queue& operator=(const frame_queue&) = delete;

  bool ok() const noexcept { return ring_.ok(); }
  link_policy policy() const noexcept { return policy_; }
  std::size_t depth() const noexcept { return policy_ == link_policy::latest ? 1 : depth_; }
  std::size_t size() const noexcept {
    return policy_ == link_policy::latest ? (latest_.empty() ? 0 : 1) : ring_.size();
  }

  // Producer. Hands one reference over, whatever the answer is, except after CAMKIT_TIMEOUT and
  // CAMKIT_END:
  //   CAMKIT_OK       the frame is in the queue
  //   CAMKIT_DROP     it is, and took the place of an older one that nobody had looked at
  //   (`latest`) CAMKIT_FULL     there was no room, the frame was released (`drop_newest`)
  //   CAMKIT_TIMEOUT  there was no room for timeout_ns (`block`); the caller still owns it
  //   CAMKIT_END      the queue was aborted; the caller still owns it
  int push(camkit_frame* f, std::int64_t timeout_ns) noexcept {
    if (aborted_.load(std::memory_order_acquire)) return CAMKIT_END;
    int answer = CAMKIT_OK;
    if (policy_ == link_policy::latest) {
      if (camkit_frame* old = latest_.put(f)) {
        camkit_frame_release(old);
        answer = CAMKIT_DROP;
      }
    } else if (!ring_.try_push(f)) {
      if (policy_ == link_policy::drop_newest) {
        camkit_frame_release(f);
        return CAMKIT_FULL;
      }
      const int waited = wait(room_, timeout_ns, [&] { return ring_.try_push(f); });
      if (waited != CAMKIT_OK) return waited;
    }
    filled_.notify();
    return answer;
  }

  // Consumer. CAMKIT_OK with a frame whose reference is the caller's, CAMKIT_TIMEOUT, or
  // CAMKIT_END: closed and empty.
  int pop(camkit_frame** out, std::int64_t timeout_ns) noexcept {
    const int waited = wait(filled_, timeout_ns, [&] { return take(out); });
    if (waited == CAMKIT_OK) room_.notify();
    return waited;
  }

  // Producer: nothing comes any more. The consumer gets what is inside, then CAMKIT_END.
  void close() noexcept {
    closed_.store(true, std::memory_order_release);
    filled_.notify();
  }

  // Any thread: both ends answer CAMKIT_END from now on.
  void abort() noexcept {
    aborted_.store(true, std::memory_order_release);
    filled_.notify();
    room_.notify();
  }

  // Release what is inside and count it. Only when neither end is in use.
  std::size_t discard() noexcept {
    std::size_t n = 0;
    for (camkit_frame* f = nullptr; take(&f); ++n) camkit_frame_release(f);
    return n;
  }

 private:
  bool take(camkit_frame** out) noexcept {
    if (policy_ != link_policy::latest) return ring_.try_pop(*out);
    *out = latest_.take();
    return *out != nullptr;
  }

  template <class Ready>
  int wait(parker& where, std::int64_t timeout_ns, Ready ready) noexcept {
    if (aborted_.load(std::memory_order_acquire)) return CAMKIT_END;
    if (ready()) return CAMKIT_OK;
    if (timeout_ns == 0) return ended(where) ? end(ready) : CAMKIT_TIMEOUT;
    const std::int64_t until = timeout_ns < 0 ? 0 : now_ns() + timeout_ns;
    for (;;) {
      const std::uint32_t key = where.prepare();
      const bool over = ended(where);
      if (!aborted_.load(std::memory_order_acquire) && ready()) {
        where.cancel();
        return CAMKIT_OK;
      }
      if (over) {
        where.cancel();
        return CAMKIT_END;
      }
      const std::int64_t left = timeout_ns < 0 ? -1 : until - now_ns();
      if (timeout_ns >= 0 && left <= 0) {
        where.cancel();
        return CAMKIT_TIMEOUT;
      }
      where.wait(key, left);
    }
  }

  // A closed queue ends only its consumer: what was pushed before close() is seen once `closed_`
  // is.
  bool ended(const parker& where) const noexcept {
    return aborted_.load(std::memory_order_acquire) ||
           (&where == &filled_ && closed_.load(std::memory_order_acquire));
  }

  template <class Ready>
  int end(Ready ready) noexcept {
    return !aborted_.load(std::memory_order_acquire) && ready() ? CAMKIT_OK : CAMKIT_END;
  }

  spsc_ring<camkit_frame*> ring_;
  latest_slot<camkit_frame*> latest_;
  parker filled_, room_;
  std::size_t depth_;
  link_policy policy_;
  std::atomic<bool> closed_{false}, aborted_{false};
};

}  // namespace camkit

#endif
