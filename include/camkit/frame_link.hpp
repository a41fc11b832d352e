// frame_link: what lies between two threads of a pipeline. One thread pushes, one pops. A link owns
// the frames inside it.
#ifndef CAMKIT_FRAME_LINK_HPP
#define CAMKIT_FRAME_LINK_HPP

#include <cstddef>
#include <cstdint>

#include "camkit/frame.h"
#include "camkit/parker.hpp"
#include "camkit/status.h"

namespace camkit {

class frame_link {
 public:
  frame_link() noexcept = default;
  virtual ~frame_link() = default;
  frame_link(const frame_link&) = delete;
  frame_link& operator=(const frame_link&) = delete;

  // Producer. Hands one reference over, whatever the answer is, except after CAMKIT_TIMEOUT and
  // CAMKIT_END:
  //   CAMKIT_OK       the frame is inside
  //   CAMKIT_DROP     it is, and an older one was released for it (counted `late`)
  //   CAMKIT_FULL     there was no room, the frame was released (counted `link`)
  //   CAMKIT_TIMEOUT  there was no room for timeout_ns; the caller still owns it
  //   CAMKIT_END      the link was aborted; the caller still owns it
  virtual int push(camkit_frame* f, std::int64_t timeout_ns) noexcept = 0;

  // Consumer. CAMKIT_OK with a frame whose reference is the caller's, CAMKIT_TIMEOUT, or
  // CAMKIT_END: closed and empty, or aborted. A negative timeout waits for ever.
  virtual int pop(camkit_frame** out, std::int64_t timeout_ns) noexcept = 0;

  // Consumer. Take up to `count` frames that are there, oldest first, without waiting; return how
  // many. After 0, pop(out, 0) tells whether there will be any.
  virtual std::size_t pop_n(camkit_frame** out, std::size_t count) noexcept = 0;

  // Producer: nothing comes any more. The consumer gets what is inside, then CAMKIT_END.
  virtual void close() noexcept = 0;

  // Any thread: both ends answer CAMKIT_END from now on.
  virtual void abort() noexcept = 0;

  // Any thread: a pop() that waits, or else the next one that would, returns CAMKIT_TIMEOUT soon,
  // so that its thread sees what was changed before this. One may do so that need not.
  virtual void wake() noexcept = 0;

  // Release what is inside and count it. Only when neither end is in use.
  virtual std::size_t discard() noexcept = 0;

  // Consumer, or any thread before it begins: be rung at `bell` from now on when a frame comes or
  // the link ends, so that one thread can sleep on several links; null: at the link's own again.
  // The bell has that one thread as its only waiter, and outlives the link.
  virtual void set_bell(parker* bell) noexcept = 0;

  // Any thread.
  virtual std::size_t size() const noexcept = 0;
  virtual std::size_t depth() const noexcept = 0;
};

}  // namespace camkit

#endif
