#include "camkit/frame_matcher.hpp"

#include <thread>
#include <vector>

#include "camkit/frame_pool.hpp"
#include "camkit/frame_queue.hpp"
#include "check.hpp"

namespace {

using namespace camkit;

constexpr std::int64_t ms = 1'000'000;

// Two inputs and a matcher; times in milliseconds.
struct rig {
  frame_pool* pool = new frame_pool(256, nullptr, nullptr, nullptr);
  frame_queue left{64, link_policy::block}, right{64, link_policy::block};
  outlet from_left, from_right;
  frame_matcher matcher;

  explicit rig(std::int64_t tolerance, std::int64_t patience = 10'000)
      : matcher(tolerance * ms, patience * ms) {
    from_left.link = &left;
    from_right.link = &right;
    matcher.add(&from_left);
    matcher.add(&from_right);
  }
  ~rig() {
    matcher.finish();
    left.discard();
    right.discard();
    CHECK(pool->slots.free_count() == 256);
    pool->unref();
  }
  camkit_frame* frame(std::int64_t at) {
    camkit_frame* f = pool->acquire();
    f->clock = CAMKIT_CLOCK_MONOTONIC;
    f->timestamp_ns = at * ms;
    f->sequence = static_cast<std::uint64_t>(at);
    return f;
  }
  void give(frame_queue& to, std::initializer_list<std::int64_t> times) {
    for (const std::int64_t at : times) to.push(frame(at), -1);
  }
  // The time of the companion that comes with the reference of time `at`; -1: nothing comes.
  std::int64_t partner(std::int64_t at, std::int64_t timeout_ns = 0) {
    camkit_frame* f = nullptr;
    if (matcher.next(&f, timeout_ns) != CAMKIT_OK) return -1;
    CHECK(f->timestamp_ns == at * ms && f->companion_count == 1);
    const std::int64_t found = f->companions[0]->timestamp_ns / ms;
    camkit_frame_release(f);
    return found;
  }
};

void test_the_nearest_is_taken_and_the_others_let_go() {
  rig r(20);
  r.give(r.left, {100, 200});
  r.give(r.right, {90, 97, 104, 199});
  CHECK(r.partner(100) == 97);
  CHECK(r.matcher.unmatched(1) == 1);  // 90; 104 may yet be near to the next one
  r.give(r.right, {300});
  CHECK(r.partner(200) == 199);
  CHECK(r.matcher.unmatched(1) == 2 && r.matcher.unmatched(0) == 0 && r.matcher.matched() == 2);
}

void test_of_two_at_one_distance_the_earlier_is_taken() {
  rig r(20);
  r.give(r.left, {100});
  r.give(r.right, {95, 105});
  CHECK(r.partner(100) == 95);
}

void test_a_later_one_may_be_nearer() {
  rig r(20);
  r.give(r.left, {100});
  r.give(r.right, {90});
  CHECK(r.partner(100) == -1);  // 109 may come
  r.give(r.right, {101});
  CHECK(r.partner(100) == 101);
  CHECK(r.matcher.unmatched(1) == 1);
}

void test_frames_that_never_came_so_close_need_no_look_at_the_next() {
  rig r(20);
  r.give(r.left, {0, 100, 203});
  r.give(r.right, {1, 101});
  CHECK(r.partner(0) == 1 && r.partner(100) == 101);
  r.give(r.right, {200});
  CHECK(r.partner(203) == 200);
}

void test_what_is_too_far_apart_is_unmatched_at_once() {
  rig r(5);
  r.give(r.left, {100, 200});
  r.give(r.right, {110, 120, 200, 300});
  CHECK(r.partner(200) == 200);
  CHECK(r.matcher.unmatched(0) == 1 && r.matcher.unmatched(1) == 2);
}

void test_nobody_waits_longer_than_there_is_patience() {
  rig r(20, 5);
  r.give(r.left, {100});
  CHECK(r.partner(100, 50 * ms) == -1);
  CHECK(r.matcher.unmatched(0) == 1);
  r.give(r.right, {500});
  CHECK(r.partner(500, 50 * ms) == -1);
  CHECK(r.matcher.unmatched(1) == 1);  // though no reference came
  r.give(r.left, {600});
  r.give(r.right, {590});
  CHECK(r.partner(600, 50 * ms) == 590);  // the nearest that came in time
}

void test_an_input_that_ends_ends_the_match_after_its_last_frame() {
  rig r(20);
  r.give(r.left, {100, 200, 300});
  r.give(r.right, {99, 210});
  r.right.close();
  CHECK(r.partner(100) == 99 && r.partner(200) == 210);
  camkit_frame* f = nullptr;
  CHECK(r.matcher.next(&f, -1) == CAMKIT_END);
}

void test_faults_name_the_input_and_the_frame() {
  camkit_frame* f = nullptr;
  {
    rig r(20);
    r.give(r.left, {100});
    camkit_frame* strange = r.frame(7);
    strange->clock = CAMKIT_CLOCK_COPY;
    r.right.push(strange, -1);
    CHECK(r.matcher.next(&f, 0) == CAMKIT_ERROR);
    CHECK(r.matcher.trouble() == frame_matcher::other_clock && r.matcher.culprit() == 1);
    CHECK(r.matcher.sequence() == 7);
  }
  rig r(20);
  camkit_frame* twice = r.frame(100);
  camkit_frame_retain(twice);
  r.left.push(twice, -1);
  r.give(r.right, {100});
  CHECK(r.partner(100) == 100);
  r.give(r.right, {100});
  r.left.push(twice, -1);
  CHECK(r.matcher.next(&f, 0) == CAMKIT_ERROR);
  CHECK(r.matcher.trouble() == frame_matcher::came_twice && r.matcher.culprit() == 0);
}

void test_producers_in_threads_lose_and_double_nothing(std::int64_t frames) {
  rig r(2, 1000);
  std::vector<std::thread> producers;
  for (frame_queue* to : {&r.left, &r.right})
    producers.emplace_back([&r, to, frames] {
      // Every seventh frame of one and every eleventh of the other is missing.
      const std::int64_t gap = to == &r.left ? 7 : 11;
      for (std::int64_t i = 1; i <= frames; ++i)
        if (i % gap) to->push(r.frame(i * 10), -1);
      to->close();
    });
  std::int64_t last = 0, sets = 0;
  camkit_frame* f = nullptr;
  while (r.matcher.next(&f, -1) == CAMKIT_OK) {
    CHECK(f->timestamp_ns == f->companions[0]->timestamp_ns && f->timestamp_ns > last);
    last = f->timestamp_ns;
    camkit_frame_release(f);
    ++sets;
  }
  r.left.abort();
  r.right.abort();
  for (auto& p : producers) p.join();
  std::int64_t both = 0;
  for (std::int64_t i = 1; i <= frames; ++i) both += i % 7 && i % 11;
  CHECK(sets == both && r.matcher.matched() == static_cast<std::uint64_t>(sets));
}

void test_interrupt_wakes_it() {
  rig r(20);
  std::thread other([&] { r.matcher.interrupt(); });
  camkit_frame* f = nullptr;
  CHECK(r.matcher.next(&f, -1) == CAMKIT_INTERRUPTED);
  other.join();
}

}  // namespace

int main() {
  test_the_nearest_is_taken_and_the_others_let_go();
  test_of_two_at_one_distance_the_earlier_is_taken();
  test_a_later_one_may_be_nearer();
  test_frames_that_never_came_so_close_need_no_look_at_the_next();
  test_what_is_too_far_apart_is_unmatched_at_once();
  test_nobody_waits_longer_than_there_is_patience();
  test_an_input_that_ends_ends_the_match_after_its_last_frame();
  test_faults_name_the_input_and_the_frame();
  test_producers_in_threads_lose_and_double_nothing(5000);
  test_interrupt_wakes_it();
}
