#include "camkit/frame_pool.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include "check.hpp"

namespace {

using camkit::frame_pool;

// Stands for a driver: counts what comes back, and must hear nothing once it is closed.
struct driver {
  int open = 1;  // plain: only the pool orders its last use before the close
  std::atomic<int> returned{0}, destroyed{0};
  std::atomic<unsigned> slots{0};
};

void recycle(void* context, std::uint32_t slot) {
  driver* d = static_cast<driver*>(context);
  CHECK(d->open == 1);
  d->slots.fetch_or(1u << slot);
  d->returned.fetch_add(1);
}

void destroy(void* context) { static_cast<driver*>(context)->destroyed.fetch_add(1); }

void test_a_slot_is_lent_and_comes_back() {
  driver d;
  frame_pool* pool = new frame_pool(2, nullptr, destroy, &d);
  CHECK(pool->ok());
  pool->generation.store(7);
  camkit_frame* a = pool->acquire();
  camkit_frame* b = pool->acquire();
  CHECK(a && b && a != b && a->slot != b->slot && pool->acquire() == nullptr);
  CHECK(a->generation == 7 && a->pool == pool && a->flags == 0 && a->gap == 0);
  CHECK(a->planes[0].dmabuf_fd == -1 && a->planes[CAMKIT_MAX_PLANES - 1].dmabuf_fd == -1);
  a->flags = CAMKIT_FRAME_CORRUPT;
  a->gap = 3;
  a->stage_count = 1;
  const std::uint32_t slot = a->slot;
  camkit_frame_retain(a);
  camkit_frame_release(a);
  CHECK(pool->acquire() == nullptr);
  camkit_frame_release(a);
  a = pool->acquire();
  CHECK(a && a->slot == slot && a->flags == 0 && a->gap == 0 && a->stage_count == 0);
  camkit_frame_release(a);
  camkit_frame_release(a);  // one too many: refused and counted
  CHECK(pool->slots.misuses() == 1);
  camkit_frame_release(b);
  pool->unref();
  CHECK(d.destroyed == 1 && d.returned == 0);
}

void test_frames_outlive_the_owner() {
  driver d;
  frame_pool* pool = new frame_pool(2, recycle, destroy, &d);
  camkit_frame* f = pool->adopt(1);
  CHECK(f && f->slot == 1 && pool->adopt(1) == nullptr && pool->acquire() == nullptr);
  pool->stop();
  d.open = 0;
  pool->unref();
  CHECK(d.destroyed == 0);
  camkit_frame_release(f);  // retired, not recycled
  CHECK(d.destroyed == 1 && d.returned == 0);
}

void test_a_driver_slot_goes_back_to_the_driver() {
  driver d;
  frame_pool* pool = new frame_pool(3, recycle, destroy, &d);
  for (std::uint32_t i = 0; i < 3; ++i) camkit_frame_release(pool->adopt(i));
  CHECK(d.returned == 3 && d.slots == 7u);
  CHECK(pool->adopt(2) != nullptr);
  camkit_frame_release(&pool->frames[2]);
  pool->unref();
  CHECK(d.destroyed == 1 && d.returned == 4);
}

// Frames drop on many threads while the stream is stopped and the device closed.
void test_nothing_is_recycled_after_stop(int rounds) {
  constexpr std::uint32_t count = 16;
  for (int round = 0; round < rounds; ++round) {
    driver d;
    frame_pool* pool = new frame_pool(count, recycle, destroy, &d);
    camkit_frame* frames[count];
    for (std::uint32_t i = 0; i < count; ++i) frames[i] = pool->adopt(i);
    in_threads(5, [&](int role) {
      if (role == 4) {
        if (round % 2) std::this_thread::yield();
        pool->stop();
        d.open = 0;
        pool->unref();
        return;
      }
      for (std::uint32_t i = static_cast<std::uint32_t>(role); i < count; i += 4) {
        camkit_frame_retain(frames[i]);
        camkit_frame_release(frames[i]);
        camkit_frame_release(frames[i]);
      }
    });
    CHECK(d.destroyed == 1 && d.returned <= static_cast<int>(count));
  }
}

}  // namespace

int main() {
  test_a_slot_is_lent_and_comes_back();
  test_frames_outlive_the_owner();
  test_a_driver_slot_goes_back_to_the_driver();
  test_nothing_is_recycled_after_stop(400);
}
