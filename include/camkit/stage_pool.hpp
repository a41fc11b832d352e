// stage_pool: the slots that a stage writes its pictures into. One thread takes and may sleep until
// a slot comes back; any thread gives back, by dropping the last reference to the frame.
#ifndef CAMKIT_STAGE_POOL_HPP
#define CAMKIT_STAGE_POOL_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/frame.h"
#include "camkit/frame_pool.hpp"
#include "camkit/page_memory.hpp"
#include "camkit/parker.hpp"

#if defined(__linux__)
#include "camkit/shared_memory.hpp"
#endif

namespace camkit {

// The context of its frame_pool: it lives until the owner has called unref() and every frame is
// back.
class stage_pool {
 public:
  static constexpr std::uint32_t most_slots = 64;  // the bits of a word

  using give_up_fn = void (*)(void* owner);

  // Slots for one kind of picture in memory of our own, each beginning at a multiple of
  // `alignment`, a power of two. `bytes` is the room of one where the format is compressed, else it
  // follows from the picture and the stride (0: rows without padding). Null with *error, an errno.
  static stage_pool* make(std::uint32_t slots, std::uint32_t format, std::uint32_t width,
                          std::uint32_t height, std::size_t bytes, int* error,
                          std::size_t stride = 0, std::size_t alignment = 64) noexcept {
    stage_pool* self = begin(slots, format, width, height, bytes, stride, error);
    if (!self) return nullptr;
    const std::size_t pitch = (self->bytes_ + alignment - 1) / alignment * alignment;
    *error = allocate_pages(self->pages_, pitch * slots, alignment, huge_pages::no, true);
    if (*error) {
      delete self;
      return nullptr;
    }
    for (std::uint32_t i = 0; i < slots; ++i)
      self->describe(i, width, height, self->pages_.data + i * pitch, stride, CAMKIT_MEMORY_HEAP,
                     -1);
    return self->finish(error);
  }

  // The same in memory of others: `data` has the beginning of each slot, and where they are
  // dma-bufs `fds` their descriptors and `offsets` the bytes before the picture; else both are
  // null. give_up(owner) is called when the pool and all of its frames are gone, by whichever
  // thread that is; not if this answers null.
  static stage_pool* over(std::uint32_t slots, std::uint32_t format, std::uint32_t width,
                          std::uint32_t height, std::size_t stride, std::uint8_t* const* data,
                          const int* fds, const std::uint32_t* offsets, give_up_fn give_up,
                          void* owner, int* error) noexcept {
    stage_pool* self = begin(slots, format, width, height, 0, stride, error);
    if (!self) return nullptr;
    for (std::uint32_t i = 0; i < slots; ++i) {
      self->describe(i, width, height, data[i], stride,
                     fds ? CAMKIT_MEMORY_DMABUF : CAMKIT_MEMORY_FOREIGN, fds ? fds[i] : -1);
      for (std::uint32_t k = 0; offsets && k < self->pictures_[i].plane_count; ++k)
        self->pictures_[i].planes[k].offset += offsets[i];
    }
    self = self->finish(error);
    if (self) {
      self->give_up_ = give_up;
      self->owner_ = owner;
    }
    return self;
  }

  stage_pool(const stage_pool&) = delete;
  stage_pool& operator=(const stage_pool&) = delete;

  // A slot with one reference; null when none came back within timeout_ns. One thread.
  camkit_frame* take(std::int64_t timeout_ns) noexcept {
    for (;;) {
      if (const std::uint64_t idle = idle_.load(std::memory_order_acquire)) {
        const std::uint64_t lowest = idle & (~idle + 1);
        idle_.fetch_and(~lowest, std::memory_order_relaxed);
        return pool_->adopt(index_of(lowest));
      }
      if (timeout_ns == 0) return nullptr;
      const std::uint32_t key = back_.prepare();
      if (idle_.load(std::memory_order_acquire)) {
        back_.cancel();
        continue;
      }
      if (!back_.wait(key, timeout_ns)) timeout_ns = 0;  // a last look
    }
  }

  // Tell the owner of a slot's dma-buf that the CPU begins to use it, which ends when the slot
  // comes back. A memfd that stands for a dma-buf has no owner to tell.
  void announce(std::uint32_t slot, bool begin) noexcept {
#if defined(__linux__)
    const int fd = pictures_[slot].planes[0].dmabuf_fd;
    if (fd >= 0) sync_dmabuf(fd, begin, true);
#else
    (void)slot, (void)begin;
#endif
  }

  // The owner gives it up.
  void unref() noexcept { pool_->unref(); }

  std::uint8_t* data(std::uint32_t slot) const noexcept { return pictures_[slot].planes[0].data; }
  std::uint32_t capacity() const noexcept { return pool_->slots.capacity(); }
  std::uint32_t high_water() const noexcept { return pool_->slots.high_water(); }

 private:
  explicit stage_pool(std::uint32_t slots) noexcept
      : idle_(slots == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << slots) - 1) {}
  ~stage_pool() = default;

  static stage_pool* begin(std::uint32_t slots, std::uint32_t format, std::uint32_t width,
                           std::uint32_t height, std::size_t bytes, std::size_t stride,
                           int* error) noexcept {
    const camkit_format* row = camkit_format_row(format);
    *error = EINVAL;
    if (!row || !slots || slots > most_slots) return nullptr;
    if (row->model != CAMKIT_MODEL_COMPRESSED)
      bytes = camkit_image_bytes(row, stride ? stride : camkit_row_bytes(row, 0, width), height);
    camkit_frame probe{};
    if (camkit_frame_describe(&probe, format, width, height, nullptr, bytes, stride))
      return nullptr;
    *error = ENOMEM;
    auto* self = new (std::nothrow) stage_pool(slots);
    if (!self) return nullptr;
    self->bytes_ = bytes;
    self->slots_ = slots;
    self->format_ = format;
    return self;
  }

  void describe(std::uint32_t i, std::uint32_t width, std::uint32_t height, std::uint8_t* data,
                std::size_t stride, std::uint32_t memory, int fd) noexcept {
    camkit_frame probe{};
    camkit_frame_describe(&probe, format_, width, height, data, bytes_, stride);
    frame_picture& p = pictures_[i];
    for (std::uint32_t k = 0; k < probe.plane_count; ++k) {
      p.planes[k] = probe.planes[k];
      p.planes[k].dmabuf_fd = fd;
    }
    p.plane_count = probe.plane_count;
    p.format = format_;
    p.width = width;
    p.height = height;
    p.bytes_used = probe.bytes_used;
    p.flags = 0;
    p.memory = memory;
  }

  // Null, and nothing is left of it, without memory for the headers.
  stage_pool* finish(int* error) noexcept {
    *error = 0;
    pool_ = new (std::nothrow) frame_pool(slots_, recycle, destroy, this);
    if (pool_ && pool_->ok()) {
      pool_->pictures = pictures_;
      return this;
    }
    *error = ENOMEM;
    if (pool_)
      pool_->unref();
    else
      destroy(this);
    return nullptr;
  }

  static std::uint32_t index_of(std::uint64_t bit) noexcept {
    std::uint32_t i = 0;
    for (std::uint32_t half = 32; half; half /= 2)
      if (bit >> half) {
        bit >>= half;
        i += half;
      }
    return i;
  }

  static void recycle(void* context, std::uint32_t slot) noexcept {
    auto* self = static_cast<stage_pool*>(context);
    self->announce(slot, false);
    self->idle_.fetch_or(std::uint64_t{1} << slot, std::memory_order_release);
    self->back_.notify();
  }
  static void destroy(void* context) noexcept {
    auto* self = static_cast<stage_pool*>(context);
    const give_up_fn give_up = self->give_up_;
    void* const owner = self->owner_;
    free_pages(self->pages_);
    delete self;
    if (give_up) give_up(owner);
  }

  std::atomic<std::uint64_t> idle_;  // a bit for each slot that nobody holds
  parker back_;
  std::size_t bytes_ = 0;
  std::uint32_t slots_ = 0, format_ = 0;
  page_memory pages_;  // owned, where the slots lie in our own memory
  give_up_fn give_up_ = nullptr;
  void* owner_ = nullptr;
  frame_pool* pool_ = nullptr;
  frame_picture pictures_[most_slots];
};

// Nobody else holds a reference, so nobody can get one: the pixels may be changed in place.
inline bool held_alone(const camkit_frame* f) noexcept {
  return static_cast<const frame_pool*>(f->pool)->slots.refs(f->slot) == 1;
}

}  // namespace camkit

#endif
