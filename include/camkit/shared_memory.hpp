// Memory that other devices can be given: a memfd mapped here, the same as a dma-buf (udmabuf), or
// a buffer of a dma-heap. Linux only; nothing here runs on a frame's path but sync_dmabuf().
#ifndef CAMKIT_SHARED_MEMORY_HPP
#define CAMKIT_SHARED_MEMORY_HPP

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace camkit {

struct shared_memory {
  std::uint8_t* data = nullptr;  // owned mapping, readable and writable
  std::size_t size = 0;          // whole pages
  int dmabuf = -1;               // owned
};

constexpr std::size_t page_bytes = 4096;

inline void free_shared(shared_memory& m) noexcept {
  if (m.data) munmap(m.data, m.size);
  if (m.dmabuf >= 0) close(m.dmabuf);
  m = shared_memory{};
}

inline int map_shared(shared_memory& out, int fd, std::size_t size) noexcept {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (p == MAP_FAILED) return errno;
  out.data = static_cast<std::uint8_t*>(p);
  out.size = size;
  return 0;
}

// Pages of a memfd; with `udmabuf` (an open /dev/udmabuf, else -1) as a dma-buf too. Returns 0 or
// an errno.
inline int allocate_memfd(shared_memory& out, std::size_t size, int udmabuf) noexcept {
  out = shared_memory{};
  size = (size + page_bytes - 1) / page_bytes * page_bytes;
  const int fd = memfd_create("camkit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno;
  int error = ftruncate(fd, static_cast<off_t>(size)) ? errno : map_shared(out, fd, size);
  if (!error && udmabuf >= 0) {
    // Pages that a device writes to must not be taken away by a shorter file.
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) error = errno;
    udmabuf_create wish{};
    wish.memfd = static_cast<std::uint32_t>(fd);
    wish.flags = UDMABUF_FLAGS_CLOEXEC;
    wish.size = size;
    if (!error && (out.dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &wish)) < 0) error = errno;
  }
  close(fd);
  if (error) free_shared(out);
  return error;
}

// A buffer of a dma-heap that is open as `heap`. Returns 0 or an errno.
inline int allocate_dma_heap(shared_memory& out, std::size_t size, int heap) noexcept {
  out = shared_memory{};
  size = (size + page_bytes - 1) / page_bytes * page_bytes;
  dma_heap_allocation_data wish{};
  wish.len = size;
  wish.fd_flags = O_RDWR | O_CLOEXEC;
  if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &wish)) return errno;
  out.dmabuf = static_cast<int>(wish.fd);
  const int error = map_shared(out, out.dmabuf, size);
  if (error) free_shared(out);
  return error;
}

// Tell the owner of a dma-buf that the CPU begins (or ends) to read it. Returns 0 or an errno.
inline int sync_dmabuf(int dmabuf, bool begin) noexcept {
  dma_buf_sync wish{};
  wish.flags = DMA_BUF_SYNC_READ | (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END);
  while (ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &wish))
    if (errno != EINTR && errno != EAGAIN) return errno;
  return 0;
}

}  // namespace camkit

#endif
