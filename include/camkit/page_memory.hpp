// Page-granular memory for pools: aligned, touched in advance, in huge pages when asked, with a
// true report of what the system gave. Nothing here runs on a frame's path.
#ifndef CAMKIT_PAGE_MEMORY_HPP
#define CAMKIT_PAGE_MEMORY_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#if defined(_WIN32)
#include <malloc.h>
#else
#include <sys/mman.h>
#endif

namespace camkit {

enum class huge_pages { no = 0, wanted = 1 };

struct page_memory {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  void* mapping = nullptr;  // what to give back: data may start later, to be aligned
  std::size_t mapped = 0;
  bool hugetlb = false;   // pages of the hugetlbfs pool: huge for certain
  bool advised = false;   // MADV_HUGEPAGE was accepted: the kernel may or may not have done it
  int hugetlb_errno = 0;  // why the hugetlbfs pool refused
  int advise_errno = 0;   // why MADV_HUGEPAGE was refused
};

constexpr std::size_t huge_page_bytes = std::size_t{1} << 21;

inline void touch(page_memory& m) noexcept {
  // One write a 4 KiB page makes every later access free of page faults; a huge page is simply
  // touched often.
  for (std::size_t i = 0; i < m.size; i += 4096) m.data[i] = 0;
}

// Returns 0 or an errno. `alignment` is a power of two up to 2 MiB.
inline int allocate_pages(page_memory& out, std::size_t size, std::size_t alignment,
                          huge_pages huge, bool prefault) noexcept {
  out = page_memory{};
#if defined(_WIN32)
  (void)huge;
  void* p = _aligned_malloc(size, alignment < 4096 ? 4096 : alignment);
  if (!p) return ENOMEM;
  out.data = static_cast<std::uint8_t*>(p);
  out.mapping = p;
  out.size = out.mapped = size;
#else
  const std::size_t want =
      huge == huge_pages::wanted && alignment < huge_page_bytes ? huge_page_bytes : alignment;
  const std::size_t rounded = (size + 4095) / 4096 * 4096;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_HUGETLB)
  if (huge == huge_pages::wanted) {
    const std::size_t whole = (size + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    void* p = mmap(nullptr, whole, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
    if (p != MAP_FAILED) {
      out.mapping = p;
      out.data = static_cast<std::uint8_t*>(p);
      out.mapped = whole;
      out.size = size;
      out.hugetlb = true;
      if (prefault) touch(out);
      return 0;
    }
    out.hugetlb_errno = errno;
  }
#endif
  const std::size_t total = rounded + (want > 4096 ? want : 0);
  void* p = mmap(nullptr, total, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (p == MAP_FAILED) return errno;
  const auto start = reinterpret_cast<std::uintptr_t>(p);
  const auto aligned = (start + want - 1) / want * want;
  out.mapping = p;
  out.mapped = total;
  out.data = reinterpret_cast<std::uint8_t*>(aligned);
  out.size = size;
#if defined(MADV_HUGEPAGE)
  if (huge == huge_pages::wanted) {
    out.advised = madvise(out.data, rounded, MADV_HUGEPAGE) == 0;
    if (!out.advised) out.advise_errno = errno;
  }
#endif
#endif
  if (prefault) touch(out);
  return 0;
}

inline void free_pages(page_memory& m) noexcept {
  if (!m.mapping) return;
#if defined(_WIN32)
  _aligned_free(m.mapping);
#else
  munmap(m.mapping, m.mapped);
#endif
  m = page_memory{};
}

// Bytes of [data, data + size) that lie in transparent huge pages now, from the kernel's own count;
// -1: not told.
inline std::int64_t transparent_huge_bytes(const page_memory& m) noexcept {
#if defined(__linux__)
  std::FILE* f = std::fopen("/proc/self/smaps", "re");
  if (!f) return -1;
  const auto lo = reinterpret_cast<std::uintptr_t>(m.data), hi = lo + m.size;
  char line[512];
  bool inside = false;
  std::int64_t total = 0;
  while (std::fgets(line, sizeof line, f)) {
    unsigned long a = 0, b = 0, kib = 0;
    if (std::sscanf(line, "%lx-%lx ", &a, &b) == 2)
      inside = a < hi && b > lo;
    else if (inside && std::sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
      total += static_cast<std::int64_t>(kib) * 1024;
  }
  std::fclose(f);
  return total;
#else
  (void)m;
  return -1;
#endif
}

}  // namespace camkit

#endif
