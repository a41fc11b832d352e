// frame_pool: a fixed set of slots, each with its camkit_frame header and its memory. Every kind of
// memory is a pool: our own pages, the driver's mapped buffers, a foreign buffer. What differs is
// only where a free slot goes (the free list, or back to the driver) and how the memory is given up
// at the end: two function pointers.
//
// Life: the owner holds one reference to the pool and every slot in use holds another, so frames
// may outlive the camera and the Python objects; the last reference of all calls `destroy`. All
// members are safe from any thread except start, stop and the constructor, which belong to the
// owner.
#ifndef CAMKIT_FRAME_POOL_HPP
#define CAMKIT_FRAME_POOL_HPP

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "camkit/frame.h"
#include "camkit/gate.hpp"
#include "camkit/slot_pool.hpp"

namespace camkit {

struct frame_pool {
  // Gives slot `slot` back to the driver. Runs on whichever thread dropped the last reference,
  // never after stop().
  using recycle_fn = void (*)(void* context, std::uint32_t slot);
  using destroy_fn = void (*)(void* context);

  slot_pool slots;
  camkit_frame* frames = nullptr;
  gate recycling;  // closed: a slot whose last reference drops is retired instead of recycled
  recycle_fn recycle = nullptr;
  destroy_fn destroy = nullptr;
  void* context = nullptr;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<std::int64_t> references{1};

  // With `recycle` the slots begin in the driver's hands and adopt() takes them; without, on the
  // free list.
  frame_pool(std::uint32_t n, recycle_fn r, destroy_fn d, void* c) noexcept
      : slots(n, r != nullptr), recycle(r), destroy(d), context(c) {
    frames = static_cast<camkit_frame*>(std::calloc(n ? n : 1, sizeof(camkit_frame)));
    if (!frames) return;
    for (std::uint32_t i = 0; i < n; ++i) {
      frames[i].ops = ops();
      frames[i].pool = this;
      frames[i].slot = i;
      for (auto& p : frames[i].planes) p.dmabuf_fd = -1;
    }
  }
  frame_pool(const frame_pool&) = delete;
  frame_pool& operator=(const frame_pool&) = delete;

  bool ok() const noexcept { return frames && slots.ok(); }

  // A free slot with one reference, or null when none is free.
  camkit_frame* acquire() noexcept {
    const std::int32_t i = slots.acquire();
    return i < 0 ? nullptr : lend(static_cast<std::uint32_t>(i));
  }
  // The driver handed slot `i` over: it has one reference now. Null if somebody holds it still,
  // which would mean that the driver returned a buffer it was not given.
  camkit_frame* adopt(std::uint32_t i) noexcept { return slots.adopt(i) ? lend(i) : nullptr; }

  void unref() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (destroy) destroy(context);
    std::free(frames);
    delete this;
  }

  // No slot is recycled after this returns, whoever drops it and whenever: the device may be closed
  // now.
  void stop() noexcept { recycling.close_and_wait(); }

  static const camkit_frame_ops* ops() noexcept {
    static const camkit_frame_ops table = {
        [](camkit_frame* f) { static_cast<frame_pool*>(f->pool)->slots.retain(f->slot); },
        [](camkit_frame* f) { static_cast<frame_pool*>(f->pool)->release(f->slot); }};
    return &table;
  }

 private:
  camkit_frame* lend(std::uint32_t i) noexcept {
    references.fetch_add(1, std::memory_order_relaxed);
    camkit_frame* f = &frames[i];
    f->generation = generation.load(std::memory_order_relaxed);
    f->flags = 0;
    f->gap = 0;
    f->hardware_ns = 0;
    f->driver.type = 0;
    f->stage_count = 0;
    return f;
  }

  void release(std::uint32_t i) noexcept {
    // drop() refuses and counts a release too many. The header may be reused the moment the slot is
    // free, so nothing of it is read after that.
    if (slots.drop(i) != 1) return;
    if (!recycle) {
      slots.push_free(i);
    } else if (recycling.enter()) {
      recycle(context, i);
      recycling.leave();
    }
    unref();
  }
};

}  // namespace camkit

#endif
