#include "camkit/pool_memory.hpp"

#include <cstring>

#include "check.hpp"

namespace {

using camkit::pool_memory;
using camkit::sharing;

int given_up = 0;
void give_up(void* owner) { given_up += owner == &given_up; }

// Frames over `memory`, whose owner is told at the very end.
camkit::frame_pool* pool_of(pool_memory* memory) {
  auto* pool = new camkit::frame_pool(memory->count, nullptr, pool_memory::destroy, memory);
  CHECK(pool->ok());
  camkit_frame like{};
  like.plane_count = 1;
  for (std::uint32_t i = 0; i < memory->count; ++i) {
    like.planes[0].data = memory->data + i * memory->pitch;
    like.planes[0].size = memory->pitch;
    memory->describe(i, like, 0, CAMKIT_MEMORY_MEMFD);
  }
  pool->pictures = memory->pictures;
  memory->give_up = give_up;
  memory->owner = &given_up;
  return pool;
}

void test_pages_live_as_long_as_the_last_frame() {
  given_up = 0;
  pool_memory* memory = pool_memory::make(3, 8192);
  CHECK(memory &&
        !camkit::allocate_pages(memory->pages, 3 * 8192, 4096, camkit::huge_pages::no, false));
  memory->data = memory->pages.data;
  camkit::frame_pool* pool = pool_of(memory);
  camkit_frame* first = pool->acquire();
  camkit_frame* second = pool->acquire();
  CHECK(second->planes[0].data - first->planes[0].data == 8192);
  pool->close();
  camkit_frame_release(first);
  std::memset(second->planes[0].data, 1, second->planes[0].size);
  CHECK(given_up == 0);
  camkit_frame_release(second);
  CHECK(given_up == 1);
  pool->unref();
  CHECK(given_up == 1);
}

#if defined(__linux__)
void test_a_memfd_is_mapped_where_it_is_aligned() {
  given_up = 0;
  const char* step = nullptr;
  for (const std::size_t alignment : {std::size_t{64}, std::size_t{1} << 21}) {
    pool_memory* memory = pool_memory::make(2, 1 << 21);
    CHECK(memory && memory->share(sharing::memfd, -1, alignment, true, &step) == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(memory->data) % alignment == 0 && memory->memfd >= 0);
    camkit::frame_pool* pool = pool_of(memory);
    camkit_frame* f = pool->acquire();
    std::memset(f->planes[0].data, 7, f->planes[0].size);
    char seen = 0;
    CHECK(pread(memory->memfd, &seen, 1, static_cast<off_t>(f->slot * memory->pitch)) == 1 &&
          seen == 7);
    camkit_frame_release(f);
    pool->unref();
  }
  CHECK(given_up == 2);
}

void test_what_is_half_made_is_given_back() {
  const int before = dup(0);
  close(before);
  const char* step = nullptr;
  const int none = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const sharing kind : {sharing::udmabuf, sharing::dma_heap}) {
    pool_memory* memory = pool_memory::make(4, 4096);
    CHECK(memory && memory->share(kind, none, 4096, false, &step) == ENOTTY);
    CHECK(std::strstr(step, "dma-buf") && memory->data == nullptr);
    pool_memory::destroy(memory);
  }
  pool_memory* memory = pool_memory::make(2, std::size_t{1} << 62);
  CHECK(memory && memory->share(sharing::memfd, -1, 4096, false, &step) == ENOMEM);
  pool_memory::destroy(memory);
  close(none);
  const int after = dup(0);
  CHECK(after == before);  // the lowest free descriptor is the one it was
  close(after);
}
#endif

}  // namespace

int main() {
  test_pages_live_as_long_as_the_last_frame();
#if defined(__linux__)
  test_a_memfd_is_mapped_where_it_is_aligned();
  test_what_is_half_made_is_given_back();
#endif
}
