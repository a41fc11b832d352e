// frame_matcher: from several streams of frames one, in which each frame of the first stream, the
// reference, comes with the frame of every other one whose timestamp is nearest.
//
// A reference of time t is decided on when, for every other input, it is known which frame is the
// nearest: a later one than t has come; or the next one cannot be nearer, for frames of that input
// have never been so close; or the input has ended; or the reference has waited for `patience`. If
// one input has nothing within `tolerance` the reference is let go, unmatched. Times only grow:
// what is too old for this reference is too old for the next, and is let go at once. Without a
// reference at hand the others' frames wait for `patience` too, and no longer: a silent camera must
// not dry out its neighbours' buffers.
//
// All members belong to one thread, but for the counters and interrupt().
#ifndef CAMKIT_FRAME_MATCHER_HPP
#define CAMKIT_FRAME_MATCHER_HPP

#include <algorithm>
#include <cstdint>

#include "camkit/clock.hpp"
#include "camkit/clock_piece.hpp"
#include "camkit/outlet.hpp"
#include "camkit/status.h"

namespace camkit {

class frame_matcher {
 public:
  static constexpr int most = CAMKIT_MAX_COMPANIONS + 1;
  enum fault { none = 0, other_clock = 1, came_twice = 2 };

  frame_matcher(std::int64_t tolerance_ns, std::int64_t patience_ns) noexcept
      : tolerance_(tolerance_ns), patience_(patience_ns) {}
  frame_matcher(const frame_matcher&) = delete;
  frame_matcher& operator=(const frame_matcher&) = delete;

  // Before the threads begin. The link lives until finish(), and this until the link's producer
  // has gone.
  void add(outlet* from) noexcept {
    inputs_[count_++].from = from;
    from->link->set_bell(&bell_);
  }

  std::uint64_t matched() const noexcept { return matched_.get(); }
  std::uint64_t unmatched(int i) const noexcept { return inputs_[i].unmatched.get(); }
  std::size_t held(int i) const noexcept { return inputs_[i].held.get(); }

  // CAMKIT_OK with a frame and its companions, CAMKIT_TIMEOUT, CAMKIT_INTERRUPTED, CAMKIT_END: an
  // input has ended and no match can come any more; CAMKIT_ERROR: see trouble() and culprit().
  int next(camkit_frame** out, std::int64_t timeout_ns) noexcept {
    const std::int64_t until = timeout_ns < 0 ? INT64_MAX : now_ns() + timeout_ns;
    for (;;) {
      const std::uint32_t key = bell_.prepare();
      const std::int64_t now = now_ns();
      wake_ = until;
      int answer = look(out, now);
      if (answer == CAMKIT_TIMEOUT && interrupted_.exchange(false)) answer = CAMKIT_INTERRUPTED;
      if (answer != CAMKIT_TIMEOUT || now >= until) {
        bell_.cancel();
        return answer;
      }
      bell_.wait(key, wake_ == INT64_MAX ? -1 : std::max<std::int64_t>(wake_ - now, 1));
    }
  }

  // Any thread: make next() return soon.
  void interrupt() noexcept {
    interrupted_.store(true);
    bell_.notify();
  }

  // Let go of what is held, as unmatched. No next() comes after it.
  void finish() noexcept {
    for (int i = 0; i < count_; ++i) {
      let_go(inputs_[i], inputs_[i].older);
      let_go(inputs_[i], inputs_[i].newer);
    }
  }

  fault trouble() const noexcept { return trouble_; }
  int culprit() const noexcept { return culprit_; }
  std::uint64_t sequence() const noexcept { return sequence_; }

 private:
  struct held_frame {
    camkit_frame* frame = nullptr;
    std::int64_t since = 0;
  };
  struct input {
    outlet* from = nullptr;
    held_frame older, newer;  // `older` is the older; only `newer` is used of the reference
    std::int64_t last = 0, shortest = 0;  // time of the latest frame; least distance of two
    bool any = false, ended = false;
    lone_counter unmatched, held;
  };
  enum verdict { found, wait, hopeless };

  // Fill `newer` if it is empty; false: nothing is there.
  bool pull(int i, std::int64_t now) noexcept {
    input& x = inputs_[i];
    if (x.newer.frame) return true;
    if (x.ended || trouble_) return false;
    camkit_frame* f = nullptr;
    const int answer = x.from->link->pop(&f, 0);
    if (answer == CAMKIT_END) x.ended = true;
    if (answer != CAMKIT_OK) return false;
    x.newer = {f, now};
    x.held.add(1);
    if (f->clock != CAMKIT_CLOCK_MONOTONIC) return blame(i, f, other_clock);
    if (x.any) {
      const std::int64_t apart = time_apart(f->timestamp_ns, x.last);
      x.shortest = x.shortest ? std::min(x.shortest, apart) : apart;
    }
    x.any = true;
    x.last = f->timestamp_ns;
    return true;
  }

  bool blame(int i, const camkit_frame* f, fault what) noexcept {
    trouble_ = what;
    culprit_ = i;
    sequence_ = f->sequence;
    return false;
  }

  void let_go(input& x, held_frame& h) noexcept {
    if (!h.frame) return;
    camkit_frame_release(h.frame);
    h.frame = nullptr;
    x.unmatched.add(1);
    x.held.set(x.held.get() - 1);
  }

  int look(camkit_frame** out, std::int64_t now) noexcept {
    input& r = inputs_[0];
    for (;;) {
      if (!pull(0, now)) {
        if (trouble_) return CAMKIT_ERROR;
        if (r.ended) return CAMKIT_END;
        for (int i = 1; i < count_; ++i) {
          let_go_the_old(i, now);
          if (inputs_[i].ended && !inputs_[i].older.frame && !inputs_[i].newer.frame)
            return CAMKIT_END;
        }
        return trouble_ ? CAMKIT_ERROR : CAMKIT_TIMEOUT;
      }
      verdict worst = found;
      for (int i = 1; i < count_; ++i) worst = std::max(worst, judge(i, now));
      if (trouble_) return CAMKIT_ERROR;
      if (worst == wait) {
        wake_ = std::min(wake_, r.newer.since + patience_);
        return CAMKIT_TIMEOUT;
      }
      if (worst == found) return join(out);
      let_go(r, r.newer);
      for (int i = 1; i < count_; ++i)
        if (inputs_[i].ended && !inputs_[i].older.frame && !inputs_[i].newer.frame)
          return CAMKIT_END;
    }
  }

  verdict judge(int i, std::int64_t now) noexcept {
    input& x = inputs_[i];
    const held_frame& r = inputs_[0].newer;
    const std::int64_t t = r.frame->timestamp_ns;
    while (pull(i, now) && x.newer.frame->timestamp_ns <= t) {
      let_go(x, x.older);
      x.older = x.newer;
      x.newer.frame = nullptr;
    }
    if (x.older.frame && distance(x.older, t) > tolerance_) let_go(x, x.older);
    const bool over = x.newer.frame || x.ended || now - r.since >= patience_;
    if (!x.older.frame)
      return x.newer.frame && distance(x.newer, t) <= tolerance_ ? found : over ? hopeless : wait;
    return over || 2 * distance(x.older, t) < x.shortest || x.older.frame->timestamp_ns == t ? found
                                                                                             : wait;
  }

  // Every other input has something within the tolerance: take the nearest, the earlier of two.
  int join(camkit_frame** out) noexcept {
    camkit_frame* f = inputs_[0].newer.frame;
    if (f->companion_count) {
      blame(0, f, came_twice);
      return CAMKIT_ERROR;
    }
    for (int i = 1; i < count_; ++i) {
      input& x = inputs_[i];
      const bool later = x.newer.frame &&
                         (!x.older.frame ||
                          distance(x.newer, f->timestamp_ns) < distance(x.older, f->timestamp_ns));
      held_frame& chosen = later ? x.newer : x.older;
      f->companions[i - 1] = chosen.frame;
      chosen.frame = nullptr;
      x.held.set(x.held.get() - 1);
      if (later) let_go(x, x.older);
    }
    f->companion_count = static_cast<std::uint32_t>(count_ - 1);
    *out = f;
    inputs_[0].newer.frame = nullptr;
    inputs_[0].held.set(0);
    matched_.add(1);
    return CAMKIT_OK;
  }

  void let_go_the_old(int i, std::int64_t now) noexcept {
    input& x = inputs_[i];
    pull(i, now);
    if (x.older.frame && now - x.older.since >= patience_) let_go(x, x.older);
    while (x.newer.frame && now - x.newer.since >= patience_) {
      let_go(x, x.newer);
      pull(i, now);
    }
    const held_frame& oldest = x.older.frame ? x.older : x.newer;
    if (oldest.frame) wake_ = std::min(wake_, oldest.since + patience_);
  }

  static std::int64_t distance(const held_frame& h, std::int64_t t) noexcept {
    return time_apart(h.frame->timestamp_ns, t);
  }

  const std::int64_t tolerance_, patience_;
  input inputs_[most];
  int count_ = 0;
  lone_counter matched_;
  std::int64_t wake_ = 0;  // when to look again though nothing has come
  fault trouble_ = none;
  int culprit_ = 0;
  std::uint64_t sequence_ = 0;
  parker bell_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace camkit

#endif
