// frame_pool: a fixed set of slots, each with its camkit_frame header and its memory. Every kind of
// memory is a pool: our own pages, the driver's mapped buffers, a foreign buffer. What differs is
// only where a free slot goes (the free list, or back to the driver) and how the memory is given up
// at the end: two function pointers.
//
// Life: frames may outlive the camera and the Python objects. `destroy` gives the memory up: with
// the last frame after close() or unref(), whichever thread that is on. The records go with unref()
// or that frame, whatever comes later. All members are safe from any thread except stop, unref and
// the constructor, which belong to the owner.
#ifndef CAMKIT_FRAME_POOL_HPP
#define CAMKIT_FRAME_POOL_HPP

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "camkit/frame.h"
#include "camkit/gate.hpp"
#include "camkit/slot_pool.hpp"

namespace camkit {

// What a header says of a slot that has just been lent, whatever its last holder wrote into it.
struct frame_picture {
  camkit_plane planes[CAMKIT_MAX_PLANES];
  std::uint32_t plane_count, format, width, height;
  std::size_t bytes_used;
  std::uint32_t flags, memory;
};

struct frame_pool {
  // Gives slot `slot` back to the driver. Runs on whichever thread dropped the last reference,
  // never after stop().
  using recycle_fn = void (*)(void* context, std::uint32_t slot);
  using destroy_fn = void (*)(void* context);

  slot_pool slots;
  gate recycling;  // closed: a slot whose last reference drops is retired instead of recycled
  recycle_fn recycle = nullptr;
  destroy_fn destroy = nullptr;
  void* context = nullptr;
  // Set before the first acquire(), or left null. `pictures`: one a slot, borrowed from context.
  // `returned`: called with each slot before it is free again.
  const frame_picture* pictures = nullptr;
  recycle_fn returned = nullptr;
  std::atomic<std::uint64_t> generation{0};

  // With `recycle` the slots begin in the driver's hands and adopt() takes them; without, on the
  // free list.
  frame_pool(std::uint32_t n, recycle_fn r, destroy_fn d, void* c) noexcept
      : slots(n, r != nullptr), recycle(r), destroy(d), context(c) {
    remaining_.store(owner + (r ? 0 : slots.capacity()), std::memory_order_relaxed);
    headers_ = static_cast<header*>(::operator new(
        sizeof(header) * slots.capacity(), std::align_val_t{alignof(header)}, std::nothrow));
    if (!headers_) return;
    for (std::uint32_t i = 0; i < slots.capacity(); ++i) {
      camkit_frame& f = (::new (static_cast<void*>(headers_ + i)) header)->frame;
      f.ops = ops();
      f.pool = this;
      f.slot = i;
      for (auto& p : f.planes) p.dmabuf_fd = -1;
    }
  }
  frame_pool(const frame_pool&) = delete;
  frame_pool& operator=(const frame_pool&) = delete;

  bool ok() const noexcept { return headers_ && slots.ok(); }

  camkit_frame* frame(std::uint32_t i) noexcept { return &headers_[i].frame; }

  // For who holds what: how many of a slot's references are Python frames, and since when it has
  // been lent, where somebody has said so (monotonic, else 0).
  static void lease(camkit_frame* f, std::uint32_t change) noexcept {
    header& h = static_cast<frame_pool*>(f->pool)->headers_[f->slot];
    h.leases.fetch_add(change, std::memory_order_relaxed);
  }
  std::uint32_t leases(std::uint32_t i) const noexcept { return headers_[i].leases.load(); }
  void lent_at(std::uint32_t i, std::int64_t now_ns) noexcept {
    headers_[i].lent_ns.store(now_ns, std::memory_order_relaxed);
  }
  std::int64_t lent_at(std::uint32_t i) const noexcept { return headers_[i].lent_ns.load(); }

  // A free slot with one reference, or null when none is free or close() was called. Only while the
  // owner has not given the pool up.
  camkit_frame* acquire() noexcept {
    const std::int32_t i = slots.acquire();
    return i < 0 ? nullptr : lend(static_cast<std::uint32_t>(i));
  }
  // The driver handed slot `i` over: it has one reference now. Null if somebody holds it still,
  // which would mean that the driver returned a buffer it was not given.
  camkit_frame* adopt(std::uint32_t i) noexcept {
    if (!slots.adopt(i)) return nullptr;
    const auto held = remaining_.fetch_add(1, std::memory_order_relaxed) - owner + 1;
    // A slot may come here again before the release that gave it back has counted it off.
    slots.raise_high_water(std::min(static_cast<std::uint32_t>(held), slots.capacity()));
    return lend(i);
  }

  // Lend nothing of the free list any more. A pool of driver's slots goes on until unref().
  void close() noexcept {
    if (const std::uint32_t idle = recycle ? 0 : slots.shut()) leave(idle);
  }

  // The owner gives the pool up.
  void unref() noexcept {
    close();
    leave(owner);
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
  // Neighbours are written by different threads.
  struct alignas(contention_span) header {
    camkit_frame frame{};
    std::atomic<std::uint32_t> leases{0};
    std::atomic<std::int64_t> lent_ns{0};
  };

  ~frame_pool() = default;

  camkit_frame* lend(std::uint32_t i) noexcept {
    camkit_frame* f = frame(i);
    f->generation = generation.load(std::memory_order_relaxed);
    f->gap = 0;
    f->hardware_ns = 0;
    f->driver.type = 0;
    f->stage_count = 0;
    f->companion_count = 0;
    lent_at(i, 0);
    if (!pictures) {
      f->flags = 0;
      return f;
    }
    const frame_picture& p = pictures[i];
    for (std::uint32_t k = 0; k < p.plane_count; ++k) f->planes[k] = p.planes[k];
    f->plane_count = p.plane_count;
    f->format = p.format;
    f->width = p.width;
    f->height = p.height;
    f->bytes_used = p.bytes_used;
    f->flags = p.flags;
    f->memory = p.memory;
    f->colour = {CAMKIT_PRIMARIES_UNKNOWN, CAMKIT_TRANSFER_UNKNOWN, CAMKIT_MATRIX_UNKNOWN,
                 CAMKIT_RANGE_UNKNOWN};
    f->clock = CAMKIT_CLOCK_UNKNOWN;
    f->stamp = CAMKIT_STAMP_UNKNOWN;
    f->timestamp_ns = 0;
    f->dequeue_ns = 0;
    f->sequence = 0;
    return f;
  }

  // give() and drop() refuse and count a release too many. The header may be reused the moment the
  // slot is free, so nothing of it is read after that.
  void release(std::uint32_t i) noexcept {
    if (!recycle && !returned && !frame(i)->companion_count) {
      if (slots.give(i) == slot_pool::retired) leave(1);
      return;
    }
    if (slots.drop(i) != 1) return;
    camkit_frame* f = frame(i);
    for (std::uint32_t n = f->companion_count; n > 0; --n)
      camkit_frame_release(f->companions[n - 1]);
    f->companion_count = 0;
    if (recycle) {
      if (recycling.enter()) {
        recycle(context, i);
        recycling.leave();
      }
      leave(1);
      return;
    }
    if (returned) returned(context, i);
    if (slots.push_free(i) == slot_pool::retired) leave(1);
  }

  void leave(std::int64_t n) noexcept {
    // Whatever is needed after the subtraction is read before it: unless this was the last to
    // leave, the records may be gone.
    const destroy_fn give_up = destroy;
    void* const memory = context;
    const bool listed = !recycle, empty = slots.capacity() == 0;
    const std::int64_t left = remaining_.fetch_sub(n, std::memory_order_acq_rel) - n;
    const bool last_slot = listed && !empty ? n < owner && left % owner == 0 : left == 0;
    if (last_slot && give_up) give_up(memory);
    if (left != 0) return;
    ::operator delete(headers_, std::align_val_t{alignof(header)});
    delete this;
  }

  header* headers_ = nullptr;
  // The owner, and: with `recycle` the slots that are held; without, those that close() has not
  // found idle and nobody has freed since, so that nothing is counted while the pool is open.
  static constexpr std::int64_t owner = std::int64_t{1} << 32;
  std::atomic<std::int64_t> remaining_{owner};
};

}  // namespace camkit

#endif
