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
  CHECK(pool->slots.high_water() == 1 && pool->adopt(1) != nullptr);
  CHECK(pool->adopt(2) != nullptr && pool->slots.high_water() == 2);
  camkit_frame_release(pool->frame(1));
  camkit_frame_release(pool->frame(2));
  pool->unref();
  CHECK(d.destroyed == 1 && d.returned == 5);
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

// What a holder wrote into the header is gone when the slot is lent again.
void test_a_slot_is_lent_as_it_was_described() {
  driver d;
  frame_pool* pool = new frame_pool(1, nullptr, destroy, &d);
  std::uint8_t pixels[8 * 4 * 3 / 2];
  camkit_frame drawn{};
  const auto nv12 = static_cast<std::uint32_t>(camkit_format_from_v4l2(0x3231564e));
  CHECK(camkit_frame_describe(&drawn, nv12, 8, 4, pixels, sizeof pixels, 8) == 0);
  camkit::frame_picture picture{};
  std::memcpy(picture.planes, drawn.planes, sizeof picture.planes);
  picture.plane_count = drawn.plane_count;
  picture.format = drawn.format;
  picture.width = drawn.width;
  picture.height = drawn.height;
  picture.bytes_used = drawn.bytes_used;
  picture.flags = CAMKIT_FRAME_READ_ONLY;
  picture.memory = CAMKIT_MEMORY_USERPTR;
  pool->pictures = &picture;
  for (int turn = 0; turn < 2; ++turn) {
    camkit_frame* f = pool->acquire();
    CHECK(f->format == nv12 && f->width == 8 && f->height == 4 && f->plane_count == 2);
    CHECK(f->planes[0].data == pixels && f->planes[1].data == pixels + 32);
    CHECK(f->planes[1].size == 16 && f->planes[1].stride == 8 && f->bytes_used == sizeof pixels);
    CHECK(f->flags == CAMKIT_FRAME_READ_ONLY && f->memory == CAMKIT_MEMORY_USERPTR);
    CHECK(f->sequence == 0 && f->timestamp_ns == 0 && f->clock == CAMKIT_CLOCK_UNKNOWN);
    CHECK(f->colour.matrix == CAMKIT_MATRIX_UNKNOWN);
    f->format = f->width = f->height = f->plane_count = f->flags = f->memory = 1;
    f->planes[0].data = nullptr;
    f->planes[1] = camkit_plane{};
    f->bytes_used = f->sequence = 7;
    f->timestamp_ns = 9;
    f->clock = CAMKIT_CLOCK_MONOTONIC;
    f->colour.matrix = CAMKIT_MATRIX_BT709;
    camkit_frame_release(f);
  }
  pool->unref();
}

// `returned` sees every slot before somebody else can have it.
void test_a_slot_is_told_before_it_is_free() {
  driver d;
  frame_pool* pool = new frame_pool(2, nullptr, destroy, &d);
  pool->returned = recycle;
  for (int i = 0; i < 3; ++i) camkit_frame_release(pool->acquire());
  camkit_frame* last = pool->acquire();
  CHECK(d.returned == 3 && d.slots == 1u);
  pool->unref();
  CHECK(d.destroyed == 0);
  camkit_frame_release(last);
  CHECK(d.returned == 4 && d.destroyed == 1);
}

// After close() the memory goes with the last frame, the records with the owner.
void test_a_closed_pool_gives_its_memory_up() {
  driver d;
  frame_pool* pool = new frame_pool(2, nullptr, destroy, &d);
  camkit_frame* f = pool->acquire();
  pool->close();
  pool->close();
  CHECK(pool->acquire() == nullptr && d.destroyed == 0 && pool->slots.held_count() == 1);
  camkit_frame_release(f);
  CHECK(d.destroyed == 1 && pool->slots.acquired() == 1 && pool->slots.released() == 1);
  pool->close();
  pool->unref();
  CHECK(d.destroyed == 1);
  pool = new frame_pool(2, nullptr, destroy, &d);
  pool->close();
  CHECK(d.destroyed == 2);
  pool->unref();
  pool = new frame_pool(0, nullptr, destroy, &d);  // nor does one that could not be made leak
  CHECK(!pool->ok() && pool->acquire() == nullptr);
  pool->unref();
  CHECK(d.destroyed == 3);
  pool = new frame_pool(0, recycle, destroy, &d);
  pool->unref();
  CHECK(d.destroyed == 4 && d.returned == 0);
}

void test_leases_are_counted() {
  frame_pool* pool = new frame_pool(2, nullptr, nullptr, nullptr);
  camkit_frame* f = pool->acquire();
  CHECK(pool->leases(0) == 0 && pool->lent_at(0u) == 0);
  frame_pool::lease(f, 1);
  frame_pool::lease(f, 1);
  pool->lent_at(0, 5);
  CHECK(pool->leases(0) == 2 && pool->leases(1) == 0 && pool->lent_at(0u) == 5);
  frame_pool::lease(f, ~0u);
  frame_pool::lease(f, ~0u);
  CHECK(pool->leases(0) == 0);
  camkit_frame_release(f);
  camkit_frame_release(pool->acquire());
  CHECK(pool->lent_at(0u) == 0);
  pool->unref();
}

// The owner gives the pool up while others take, share and drop its frames: it ends once, with the
// last frame. A touch of the pool after its end is a finding of the sanitizers.
void test_the_last_of_all_ends_the_pool(int rounds, bool told) {
  constexpr std::uint32_t count = 5;
  for (int round = 0; round < rounds; ++round) {
    driver d;
    frame_pool* pool = new frame_pool(count, nullptr, destroy, &d);
    if (told) pool->returned = recycle;
    // Frames that are out when the owner leaves; none in every third round, all in another.
    camkit_frame* out[count] = {};
    const std::uint32_t n = round % 3 == 0 ? 0 : round % 3 == 1 ? count : 2;
    for (std::uint32_t i = 0; i < n; ++i) CHECK((out[i] = pool->acquire()) != nullptr);
    for (std::uint32_t i = 0; i < n; ++i) camkit_frame_retain(out[i]);
    in_threads(3, [&](int role) {
      if (role == 2) {
        if (round % 2) std::this_thread::yield();
        if (round % 4 == 1) pool->close();
        pool->unref();
        return;
      }
      for (std::uint32_t i = 0; i < n; ++i) camkit_frame_release(out[i]);
    });
    CHECK(d.destroyed == 1 && d.returned == (told ? static_cast<int>(n) : 0));
  }
}

}  // namespace

int main() {
  test_a_slot_is_lent_and_comes_back();
  test_frames_outlive_the_owner();
  test_a_driver_slot_goes_back_to_the_driver();
  test_a_slot_is_lent_as_it_was_described();
  test_a_slot_is_told_before_it_is_free();
  test_a_closed_pool_gives_its_memory_up();
  test_leases_are_counted();
  test_nothing_is_recycled_after_stop(400);
  test_the_last_of_all_ends_the_pool(600, false);
  test_the_last_of_all_ends_the_pool(600, true);
}
