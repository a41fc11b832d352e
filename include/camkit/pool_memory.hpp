// The memory of a FramePool's slots: pages of our own, memory that can be shared, or somebody
// else's. It is the context of the pool's frame_pool, so that frames may outlive the Python object.
#ifndef CAMKIT_POOL_MEMORY_HPP
#define CAMKIT_POOL_MEMORY_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "camkit/frame_pool.hpp"
#include "camkit/page_memory.hpp"

#if defined(__linux__)
#include "camkit/shared_memory.hpp"
#endif

namespace camkit {

enum class sharing { memfd, udmabuf, dma_heap };

struct pool_memory {
  using give_up_fn = void (*)(void* owner);

  std::uint32_t count = 0;
  std::size_t pitch = 0;
  std::uint8_t* data = nullptr;  // of slot 0, those after it `pitch` apart; null: somebody else's
  page_memory pages;             // owned, where it is ours alone
  void* mapping = nullptr;       // owned, where it is shared
  std::size_t mapped = 0;
  int memfd = -1;                     // owned; slot i begins at i * pitch
  int* dmabufs = nullptr;             // owned, one a slot; null: none
  frame_picture* pictures = nullptr;  // owned, one a slot
  give_up_fn give_up = nullptr;       // called with owner at the very end
  void* owner = nullptr;
  bool inherited = false;                  // by a forked child, of whom the exporter must not hear
  std::atomic<std::uint64_t> unsynced{0};  // times that the CPU's access could not be announced
  std::atomic<int> unsynced_errno{0};

  // Null without memory for the records.
  static pool_memory* make(std::uint32_t count, std::size_t pitch) noexcept {
    auto* m = new (std::nothrow) pool_memory;
    if (!m) return nullptr;
    m->count = count;
    m->pitch = pitch;
    m->pictures = static_cast<frame_picture*>(std::calloc(count, sizeof(frame_picture)));
    if (m->pictures) return m;
    delete m;
    return nullptr;
  }

  // The two hooks of a frame_pool whose context it is.
  static void destroy(void* context) noexcept { delete static_cast<pool_memory*>(context); }
  static void returned(void* context, std::uint32_t slot) noexcept {
    static_cast<pool_memory*>(context)->announce(slot, false);
  }

  // Tell the exporter of a slot's dma-buf that the CPU begins, or ends, to use it.
  void announce(std::uint32_t slot, bool begin) noexcept {
#if defined(__linux__)
    if (!dmabufs || inherited) return;
    const int error = sync_dmabuf(dmabufs[slot], begin, true);
    if (!error) return;
    unsynced.fetch_add(1, std::memory_order_relaxed);
    unsynced_errno.store(error, std::memory_order_relaxed);
#else
    (void)slot, (void)begin;
#endif
  }

  // Say how slot `i` looks when it is lent: as `like`, which lies over its memory.
  void describe(std::uint32_t i, const camkit_frame& like, std::uint32_t flags,
                std::uint32_t kind) noexcept {
    frame_picture& p = pictures[i];
    for (std::uint32_t k = 0; k < like.plane_count; ++k) {
      p.planes[k] = like.planes[k];
      p.planes[k].dmabuf_fd = dmabufs ? dmabufs[i] : -1;
    }
    p.plane_count = like.plane_count;
    p.format = like.format;
    p.width = like.width;
    p.height = like.height;
    p.bytes_used = like.bytes_used;
    p.flags = flags;
    p.memory = kind;
  }

  // Get the slots' memory of a kind that can be shared; `device` is an open /dev/udmabuf or
  // dma-heap where the kind needs one, `alignment` a power of two. Returns 0, or an errno with
  // `step` in words.
  int share(sharing kind, int device, std::size_t alignment, bool reserved,
            const char** step) noexcept {
#if defined(__linux__)
    const std::size_t bytes = whole_pages(pitch * count);
    const std::size_t slack = alignment > page_bytes() ? alignment : 0;
    if (kind != sharing::memfd) {
      *step = "keep a descriptor for each slot";
      dmabufs = static_cast<int*>(std::malloc(sizeof(int) * count));
      if (!dmabufs) return ENOMEM;
      for (std::uint32_t i = 0; i < count; ++i) dmabufs[i] = -1;
    }
    // As if it were to be used, so that the system refuses here what it has not got: a memfd takes
    // whatever it is told, until there is no memory left for anybody.
    *step = "reserve addresses";
    void* p =
        mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return errno;
    mapping = p;
    mapped = bytes + slack;
    const auto start = reinterpret_cast<std::uintptr_t>(p);
    auto* base = reinterpret_cast<std::uint8_t*>((start + alignment - 1) / alignment * alignment);
    if (kind != sharing::dma_heap) {
      *step = "make a memfd";
      int error = new_memfd(memfd, bytes, reserved);
      if (error) return error;
      *step = "map the memfd";
      if ((error = map_at(base, bytes, memfd, reserved))) return error;
    }
    for (std::uint32_t i = 0; dmabufs && i < count; ++i) {
      *step = "make a dma-buf of a slot";
      int error = kind == sharing::udmabuf
                      ? new_udmabuf(dmabufs[i], device, memfd, pitch * i, pitch)
                      : new_heap_buffer(dmabufs[i], device, pitch);
      if (error) return error;
      *step = "map a slot's dma-buf";
      if (kind == sharing::dma_heap &&
          (error = map_at(base + pitch * i, pitch, dmabufs[i], reserved)))
        return error;
    }
    data = base;
    return 0;
#else
    (void)kind, (void)device, (void)alignment, (void)reserved;
    *step = "share memory";
    return ENOSYS;
#endif
  }

 private:
  pool_memory() = default;

  ~pool_memory() {
    free_pages(pages);
#if defined(__linux__)
    if (mapping) munmap(mapping, mapped);
    for (std::uint32_t i = 0; dmabufs && i < count; ++i)
      if (dmabufs[i] >= 0) close(dmabufs[i]);
    if (memfd >= 0) close(memfd);
#endif
    std::free(dmabufs);
    std::free(pictures);
    if (give_up) give_up(owner);
  }

#if defined(__linux__)
  static int map_at(std::uint8_t* where, std::size_t bytes, int fd, bool populate) noexcept {
    const int flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
    return mmap(where, bytes, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ? errno : 0;
  }
#endif
};

}  // namespace camkit

#endif
