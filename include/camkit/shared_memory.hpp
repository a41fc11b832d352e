// Memory that other devices and processes can be given: a memfd, the same as dma-bufs (udmabuf), or
// buffers of a dma-heap. Linux only; nothing here runs on a frame's path but sync_dmabuf().
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

inline std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

inline std::size_t whole_pages(std::size_t size) noexcept {
  return (size + page_bytes() - 1) / page_bytes() * page_bytes();
}

// The functions below return 0, or an errno with nothing made; a descriptor that they make is the
// caller's. Sizes are whole pages.

// A file in memory that can be neither shortened nor made longer, for a shorter one would take its
// pages from under those who look at them. With `reserved` it has its pages now.
inline int new_memfd(int& fd, std::size_t size, bool reserved) noexcept {
  fd = memfd_create("camkit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno;
  int error = 0;
  if (ftruncate(fd, static_cast<off_t>(size)) ||
      (reserved && fallocate(fd, 0, 0, static_cast<off_t>(size))) ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
    error = errno;
    close(fd);
    fd = -1;
  }
  return error;
}

// Pages of a memfd as a dma-buf; `udmabuf` is an open /dev/udmabuf.
inline int new_udmabuf(int& dmabuf, int udmabuf, int memfd, std::size_t offset,
                       std::size_t size) noexcept {
  udmabuf_create wish{};
  wish.memfd = static_cast<std::uint32_t>(memfd);
  wish.flags = UDMABUF_FLAGS_CLOEXEC;
  wish.offset = offset;
  wish.size = size;
  dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &wish);
  return dmabuf < 0 ? errno : 0;
}

// A buffer of a dma-heap that is open as `heap`.
inline int new_heap_buffer(int& dmabuf, int heap, std::size_t size) noexcept {
  dma_heap_allocation_data wish{};
  wish.len = size;
  wish.fd_flags = O_RDWR | O_CLOEXEC;
  if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &wish)) return errno;
  dmabuf = static_cast<int>(wish.fd);
  return 0;
}

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
  size = whole_pages(size);
  int fd = -1;
  int error = new_memfd(fd, size, false);
  if (error) return error;
  error = map_shared(out, fd, size);
  if (!error && udmabuf >= 0) error = new_udmabuf(out.dmabuf, udmabuf, fd, 0, size);
  close(fd);
  if (error) free_shared(out);
  return error;
}

// A buffer of a dma-heap that is open as `heap`. Returns 0 or an errno.
inline int allocate_dma_heap(shared_memory& out, std::size_t size, int heap) noexcept {
  out = shared_memory{};
  size = whole_pages(size);
  int error = new_heap_buffer(out.dmabuf, heap, size);
  if (error) return error;
  error = map_shared(out, out.dmabuf, size);
  if (error) free_shared(out);
  return error;
}

// Tell the owner of a dma-buf that the CPU begins (or ends) to read it, or to write it too. Returns
// 0 or an errno.
inline int sync_dmabuf(int dmabuf, bool begin, bool write = false) noexcept {
  dma_buf_sync wish{};
  wish.flags = (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ) |
               (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END);
  while (ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &wish))
    if (errno != EINTR && errno != EAGAIN) return errno;
  return 0;
}

}  // namespace camkit

#endif
