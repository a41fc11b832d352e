#include "camkit/stage_pool.hpp"

#include <atomic>
#include <thread>

#include "camkit/spsc_ring.hpp"
#include "check.hpp"

namespace {

using camkit::held_alone;
using camkit::stage_pool;

stage_pool* make(std::uint32_t slots) {
  int error = -1;
  stage_pool* pool = stage_pool::make(slots, CAMKIT_FORMAT_GREY, 64, 2, 0, &error);
  CHECK(pool && error == 0 && pool->capacity() == slots);
  return pool;
}

void test_what_cannot_be_made_is_refused() {
  int error = 0;
  CHECK(!stage_pool::make(0, CAMKIT_FORMAT_GREY, 64, 2, 0, &error) && error == EINVAL);
  CHECK(!stage_pool::make(65, CAMKIT_FORMAT_GREY, 64, 2, 0, &error) && error == EINVAL);
  CHECK(!stage_pool::make(4, 9999, 64, 2, 0, &error) && error == EINVAL);
}

void test_every_slot_is_lent_once(std::uint32_t slots) {
  stage_pool* pool = make(slots);
  camkit_frame* lent[stage_pool::most_slots];
  std::uint64_t seen = 0;
  for (std::uint32_t i = 0; i < slots; ++i) {
    lent[i] = pool->take(0);
    CHECK(lent[i] && lent[i]->width == 64 && lent[i]->planes[0].data);
    CHECK(!(seen >> lent[i]->slot & 1));
    seen |= std::uint64_t{1} << lent[i]->slot;
  }
  CHECK(pool->take(0) == nullptr && pool->take(1'000'000) == nullptr);
  camkit_frame_release(lent[slots - 1]);
  CHECK(pool->take(0) == lent[slots - 1]);
  pool->unref();  // the frames keep their memory
  for (std::uint32_t i = 0; i < slots; ++i) {
    lent[i]->planes[0].data[0] = 1;
    camkit_frame_release(lent[i]);
  }
}

void test_whoever_is_alone_may_write() {
  stage_pool* pool = make(1);
  camkit_frame* f = pool->take(0);
  CHECK(held_alone(f));
  camkit_frame_retain(f);
  CHECK(!held_alone(f));
  camkit_frame_release(f);
  CHECK(held_alone(f));
  camkit_frame_release(f);
  pool->unref();
}

// The taker sleeps for want of a slot nearly every time, and the frame is written again at once:
// what the holder read of it must have been before that, and no wake-up may be missed.
void test_slots_come_back_from_another_thread(std::uint32_t slots, int frames) {
  stage_pool* pool = make(slots);
  camkit::spsc_ring<camkit_frame*> link(4);
  std::thread holder([&] {
    for (int i = 0; i < frames; ++i) {
      camkit_frame* f = nullptr;
      while (!link.try_pop(f)) std::this_thread::yield();
      CHECK(f->planes[0].data[0] == static_cast<unsigned char>(i));
      camkit_frame_release(f);
    }
  });
  for (int i = 0; i < frames; ++i) {
    camkit_frame* f = pool->take(-1);
    CHECK(f);
    f->planes[0].data[0] = static_cast<unsigned char>(i);
    while (!link.try_push(f)) std::this_thread::yield();
  }
  holder.join();
  CHECK(pool->high_water() <= slots);
  pool->unref();
}

// Copy on write: as soon as the other thread has let go, the pixels may change under nobody's eyes.
void test_a_look_at_the_count_comes_after_what_others_read(int turns) {
  stage_pool* pool = make(1);
  camkit_frame* f = pool->take(0);
  std::atomic<int> lent{0};
  std::thread reader([&] {
    for (int i = 1; i <= turns; ++i) {
      while (lent.load(std::memory_order_acquire) != i) std::this_thread::yield();
      CHECK(f->planes[0].data[0] == static_cast<unsigned char>(i));
      camkit_frame_release(f);
    }
  });
  for (int i = 1; i <= turns; ++i) {
    while (!held_alone(f)) std::this_thread::yield();
    f->planes[0].data[0] = static_cast<unsigned char>(i);
    camkit_frame_retain(f);
    lent.store(i, std::memory_order_release);
  }
  reader.join();
  camkit_frame_release(f);
  pool->unref();
}

}  // namespace

int main() {
  test_what_cannot_be_made_is_refused();
  for (const std::uint32_t slots : {1u, 3u, 64u}) test_every_slot_is_lent_once(slots);
  test_whoever_is_alone_may_write();
  test_slots_come_back_from_another_thread(1, 20000);
  test_slots_come_back_from_another_thread(3, 20000);
  test_a_look_at_the_count_comes_after_what_others_read(5000);
}
