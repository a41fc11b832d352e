#include "camkit/clock_map.hpp"

#include <atomic>
#include <cmath>
#include <memory>

#include "check.hpp"

namespace {

using camkit::clock_map;

constexpr std::int64_t ms = 1'000'000, second = 1000 * ms;

struct answer {
  std::int64_t ns = 0, error = 0;
};

answer ask(const clock_map& map, std::int64_t t) {
  answer a;
  CHECK(map.convert(t, a.ns, a.error));
  return a;
}

void test_nothing_known() {
  const clock_map map(false);
  std::int64_t ns = 0, error = 0;
  CHECK(!map.convert(5, ns, error));
}

// Every reading says where the offset may lie; the truth is in all of them.
void test_readings_narrow_the_offset_down() {
  clock_map map(false);
  random_numbers random(1);
  constexpr std::int64_t offset = 1'700'000'000 * second + 123;
  std::int64_t last = INT64_MAX;
  for (int i = 1; i <= 1000; ++i) {
    const std::int64_t width = 100 + random.below(100'000),
                       skew = random.below(static_cast<int>(width));
    const std::int64_t from = i * second / 100;
    map.observe(from, from + offset + skew - width / 2, width / 2 + 1);
    const answer now = ask(map, from);
    CHECK(std::llabs(now.ns - (from + offset)) <= now.error);
    CHECK(now.error <= last);
    last = now.error;
  }
  CHECK(last < 100);
  CHECK(map.steps() == 0);
  // No sum of small errors: a day later it is as good.
  const answer later = ask(map, 86'400 * second);
  CHECK(later.error == last && std::llabs(later.ns - 86'400 * second - offset) <= last);
}

void test_a_clock_that_is_set() {
  clock_map map(false);
  for (int i = 1; i <= 10; ++i) map.observe(i * second, i * second + 1000 * second, 50);
  for (int i = 11; i <= 20; ++i) map.observe(i * second, i * second + 4000 * second, 50);
  CHECK(map.steps() == 1);
  const answer before = ask(map, 7 * second), after = ask(map, 15 * second);
  CHECK(before.ns == 1007 * second && before.error <= 51);
  CHECK(after.ns == 4015 * second && after.error <= 51);
  // In between it is one or the other, and the error says so.
  const answer between = ask(map, 10 * second + second / 2);
  for (const std::int64_t truth : {1000 * second, 4000 * second})
    CHECK(std::llabs(between.ns - (10 * second + second / 2 + truth)) <= between.error);
  CHECK(ask(map, 30 * second).error <= 51);
  CHECK(ask(map, 0).error == clock_map::no_bound);
}

// The clock that is asked by was set back: an hour is there twice.
void test_times_that_were_there_twice() {
  clock_map map(false);
  for (int i = 0; i <= 100; ++i) map.observe((1000 + i) * second, i * second, 20);
  for (int i = 101; i <= 150; ++i) map.observe((950 + i) * second, i * second, 20);
  CHECK(map.steps() == 1);
  const answer first = ask(map, 1010 * second);
  CHECK(first.ns == 10 * second && first.error <= 21);
  const answer twice = ask(map, 1070 * second);
  CHECK(twice.ns == 120 * second && twice.error >= 50 * second);
  CHECK(ask(map, 1103 * second).ns == 153 * second);
}

void test_many_steps_are_forgotten_last_first() {
  clock_map map(false);
  for (int i = 1; i <= 500; ++i) map.observe(i * second, i * 3 * second, 10);
  CHECK(map.steps() == 499);
  CHECK(ask(map, 500 * second).ns == 1500 * second);
  CHECK(ask(map, 450 * second).error < 4 * second);
  CHECK(ask(map, 100 * second).error == clock_map::no_bound);
}

// A clock 80 ppm fast whose readings are off by up to 20 us, for ten minutes.
void test_a_clock_with_a_rate_of_its_own() {
  clock_map map(true);
  random_numbers random(2);
  const auto truth = [](std::int64_t t) {
    return t + 55 * second + static_cast<std::int64_t>(static_cast<double>(t) * 80e-6);
  };
  for (int i = 1; i <= 60'000; ++i) {
    const std::int64_t from = i * second / 100;
    const std::int64_t off = random.below(20'001) - 10'000;
    map.observe(from, truth(from) + off, 10'000);
    if (i % 100) continue;
    for (const std::int64_t age :
         {std::int64_t{-50'000'000}, std::int64_t{5'000'000}, second, 10 * second}) {
      const std::int64_t t = std::max(from - age, second / 100);
      const answer a = ask(map, t);
      CHECK(std::llabs(a.ns - truth(t)) <= a.error);
      if (i > 300) CHECK(a.error < 200'000);
    }
  }
  CHECK(map.steps() == 0);
  CHECK(std::fabs(map.rate() - 80e-6) < 2e-6);
}

void test_a_clock_of_its_own_that_jumps() {
  clock_map map(true);
  for (int i = 1; i <= 50; ++i) map.observe(i * second / 10, i * second / 10, 1000);
  for (int i = 51; i <= 100; ++i) map.observe(i * second / 10, i * second / 10 - 3 * second, 1000);
  CHECK(map.steps() == 1);
  CHECK(std::llabs(ask(map, 4 * second).ns - 4 * second) <= 2000);
  CHECK(std::llabs(ask(map, 8 * second).ns - 5 * second) <= 2000);
  CHECK(ask(map, 5 * second + second / 20).error >= 3 * second);
}

void test_a_clock_of_its_own_that_is_set_back() {
  clock_map map(true);
  for (int i = 1; i <= 50; ++i) map.observe((100 + i) * second, i * second, 1000);
  map.observe(150 * second, 50 * second, 1000);  // the same again is no step
  CHECK(map.steps() == 0);
  for (int i = 51; i <= 60; ++i) map.observe((70 + i) * second, i * second, 1000);
  CHECK(map.steps() == 1);
  CHECK(std::llabs(ask(map, 135 * second).ns - 65 * second) <= 30 * second);
  CHECK(std::llabs(ask(map, 129 * second).ns - 59 * second) <= 2000);
  CHECK(ask(map, 129 * second).error >= 30 * second);  // it was 129 twice
  CHECK(ask(map, 110 * second).ns / ms == 10'000 && ask(map, 110 * second).error <= 2000);
}

void test_absurd_times_do_no_harm() {
  for (const bool own_rate : {false, true}) {
    clock_map map(own_rate);
    CHECK(map.observe(0, 0, 1));
    for (const std::int64_t absurd : {INT64_MIN, INT64_MAX - 5}) {
      CHECK(!map.observe(absurd, 0, 1) && !map.observe(0, absurd, 1) && !map.observe(0, 0, absurd));
    }
    for (const std::int64_t far : {-4'000'000'000 * second, 4'000'000'000 * second})
      CHECK(map.observe(far, -far, second) && map.observe(far, far, 1));
    for (const std::int64_t t : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX})
      ask(map, t);
  }
}

// A reader sees one state or the next one, never parts of both: what it asks for is about to be
// overwritten, and is either answered right or is forgotten.
void test_readers_beside_the_writer() {
  auto map = std::make_unique<clock_map>(false);
  std::atomic<std::int64_t> newest{0};
  constexpr std::int64_t end = 300'000, apart = 100;
  const auto write = [&map](std::int64_t i) {
    for (const std::int64_t t : {i * apart, i * apart + 50}) map->observe(t, t + (i << 32), 0);
  };
  for (std::int64_t i = 0; i < 100; ++i) write(i);
  newest = 99;
  in_threads(3, [&](int thread) {
    if (thread == 0) {
      for (std::int64_t i = 100; i <= end; ++i) {
        write(i);
        newest.store(i, std::memory_order_relaxed);
      }
      return;
    }
    for (std::int64_t last = 0; last < end;) {
      last = newest.load(std::memory_order_relaxed);
      const std::int64_t i = last - (clock_map::most_pieces - 2), t = i * apart + 25;
      const answer a = ask(*map, t);
      CHECK(a.error == clock_map::no_bound || (a.ns == t + (i << 32) && a.error == 1));
    }
  });
  CHECK(ask(*map, end * apart + 10).ns == end * apart + 10 + (end << 32));
}

}  // namespace

int main() {
  test_nothing_known();
  test_readings_narrow_the_offset_down();
  test_a_clock_that_is_set();
  test_times_that_were_there_twice();
  test_many_steps_are_forgotten_last_first();
  test_a_clock_with_a_rate_of_its_own();
  test_a_clock_of_its_own_that_jumps();
  test_a_clock_of_its_own_that_is_set_back();
  test_absurd_times_do_no_harm();
  test_readers_beside_the_writer();
}
