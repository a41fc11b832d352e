#include "camkit/device_clock.hpp"

#include <cmath>
#include <memory>

#include "check.hpp"

namespace {

using camkit::device_clock;

constexpr std::int64_t ms = 1'000'000, second = 1000 * ms;
constexpr std::uint32_t hz = 48'000'000;

// A camera at 30 frames a second whose clock runs at `hertz`, and whose transfers take 0.1 ms and
// up to `jitter` more.
struct camera {
  double hertz = hz;
  std::int64_t jitter = 4 * ms;
  std::uint32_t begin = 0xFFFFFF00u;
  random_numbers random{7};

  std::uint32_t ticks(std::int64_t t) const {
    return begin + static_cast<std::uint32_t>(
                       static_cast<std::int64_t>(static_cast<double>(t) / 1e9 * hertz));
  }
  void send(device_clock& clock, std::int64_t t) {
    for (int packet = 0; packet < 5; ++packet, t += ms)
      clock.observe(ticks(t), t + ms / 10 + random.below(static_cast<int>(jitter) + 1));
  }
};

// Run from one second to another; return the worst error of the frames' times, transfers of 0.1 ms
// apart.
std::int64_t worst(device_clock& clock, camera& from, int begin_s, int end_s) {
  std::int64_t worst = 0;
  for (int frame = begin_s * 30; frame < end_s * 30; ++frame) {
    const std::int64_t t = frame * second / 30;
    if (clock.ready()) {
      const std::int64_t error = clock.to_host(from.ticks(t)) - t - ms / 10;
      worst = std::max<std::int64_t>(worst, std::llabs(error));
    }
    from.send(clock, t + 5 * ms);
  }
  return worst;
}

void test_nothing_is_told_too_early() {
  device_clock declared(hz), silent(0);
  for (int i = 0; i < 7; ++i)
    declared.observe(static_cast<std::uint32_t>(i) * hz / 30, i * second / 30);
  CHECK(!declared.ready());
  declared.observe(7u * (hz / 30), 7 * second / 30);
  CHECK(declared.ready());
  for (int i = 0; i < 20; ++i)
    silent.observe(static_cast<std::uint32_t>(i) * hz / 30, i * second / 30);
  CHECK(!silent.ready());
}

// Jitter of 4 ms and a clock that is fast or slow: the times follow it, over many wraps of 89 s.
void test_a_clock_that_runs_wrong() {
  for (const double ppm : {0.0, 100.0, -100.0, 500.0}) {
    auto clock = std::make_unique<device_clock>(hz);
    camera from;
    from.hertz = hz * (1 + ppm * 1e-6);
    worst(*clock, from, 0, 20);
    CHECK(worst(*clock, from, 20, 600) < ms / 4);
    CHECK(std::fabs(clock->rate() * 1e6 - ppm) < 30);
    CHECK(clock->jumps() == 0 && clock->hertz() == hz);
    CHECK(clock->spread_ns() < 2 * ms);
  }
}

// Warming up changes the rate by 40 ppm in a minute.
void test_a_rate_that_changes() {
  auto clock = std::make_unique<device_clock>(hz);
  camera from;
  double ticks = 0;
  for (int frame = 0; frame < 30 * 120; ++frame) {
    const std::int64_t t = frame * second / 30;
    ticks += hz * (1 + 20e-6 * std::sin(frame / 600.0)) / 30;
    const auto now = static_cast<std::uint32_t>(static_cast<std::int64_t>(ticks));
    if (frame > 600) CHECK(std::llabs(clock->to_host(now) - t - ms / 10) < ms / 2);
    clock->observe(now, t + ms / 10 + (frame % 3 ? from.random.below(4 * ms) : 0));
  }
}

void test_a_frequency_that_is_not_the_declared_one() {
  for (const std::uint32_t declared : {0u, 15'000'000u, 96'000'000u, 1000u}) {
    auto clock = std::make_unique<device_clock>(declared);
    camera from;
    worst(*clock, from, 0, 25);
    CHECK(clock->ready() && std::fabs(clock->hertz() * (1 + clock->rate()) / hz - 1) < 100e-6);
    CHECK(worst(*clock, from, 25, 100) < ms / 2);
  }
}

void test_a_clock_that_jumps() {
  auto clock = std::make_unique<device_clock>(hz);
  camera from;
  worst(*clock, from, 0, 20);
  from.begin += 5 * hz;
  worst(*clock, from, 20, 21);
  CHECK(clock->jumps() == 1);
  CHECK(worst(*clock, from, 21, 23) < 3 * ms);
  worst(*clock, from, 23, 40);
  CHECK(worst(*clock, from, 40, 80) < ms / 2 && clock->jumps() == 1);
}

void test_garbled_and_late_readings_are_left_out() {
  auto clock = std::make_unique<device_clock>(hz);
  camera from;
  std::int64_t seen = 0;
  for (int s = 0; s < 60; ++s) {
    const std::int64_t error = worst(*clock, from, s, s + 1);
    if (s > 20) seen = std::max(seen, error);
    const std::int64_t t = (s + 1) * second - 20 * ms;
    clock->observe(static_cast<std::uint32_t>(from.random.next()), t);  // garbled
    clock->observe(from.ticks(t), t + 400 * ms);                        // 0.4 s late
  }
  CHECK(seen < ms / 2 && clock->jumps() <= 1);
}

// Late by up to 80 ms each, as in a machine that is emulated: the declared frequency is still
// believed, and no time is further off than the worst transfer.
void test_a_slow_machine() {
  for (unsigned long long seed = 1; seed < 40; ++seed) {
    auto clock = std::make_unique<device_clock>(hz);
    camera from;
    from.random = random_numbers(seed);
    from.jitter = 80 * ms;
    CHECK(worst(*clock, from, 0, 60) <= 80 * ms);
    CHECK(clock->jumps() == 0 && clock->hertz() == hz);
  }
}

// Nobody read for ten minutes: the clock wrapped six times.
void test_a_pause_longer_than_a_wrap() {
  auto clock = std::make_unique<device_clock>(hz);
  camera from;
  worst(*clock, from, 0, 20);
  from.send(*clock, 620 * second);
  CHECK(clock->jumps() == 0);
  const std::int64_t t = 620 * second + 10 * ms;
  CHECK(std::llabs(clock->to_host(from.ticks(t)) - t) < 50 * ms);
}

void test_a_clock_that_stands_still() {
  device_clock clock(0);
  for (int i = 0; i < 1000; ++i) clock.observe(42, i * second / 30);
  CHECK(!clock.ready());
}

void test_absurd_readings_do_no_harm() {
  auto clock = std::make_unique<device_clock>(1);
  random_numbers random(9);
  std::int64_t host = 0;
  for (int i = 0; i < 200'000; ++i) {
    host += random.below(1000) ? random.below(second) : -random.below(second);
    clock->observe(static_cast<std::uint32_t>(random.next()), host);
    if (clock->ready()) clock->to_host(static_cast<std::uint32_t>(random.next()));
  }
}

}  // namespace

int main() {
  test_nothing_is_told_too_early();
  test_a_clock_that_runs_wrong();
  test_a_rate_that_changes();
  test_a_frequency_that_is_not_the_declared_one();
  test_a_clock_that_jumps();
  test_garbled_and_late_readings_are_left_out();
  test_a_slow_machine();
  test_a_pause_longer_than_a_wrap();
  test_a_clock_that_stands_still();
  test_absurd_readings_do_no_harm();
}
