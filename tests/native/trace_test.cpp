#include "camkit/trace.hpp"

#include <atomic>
#include <memory>

#include "check.hpp"

namespace {

using camkit::trace_event;
using camkit::trace_kind;
using camkit::trace_ring;

void put(trace_ring& ring, std::uint64_t i) {
  ring.record(trace_kind::stage, static_cast<std::int32_t>(i % 7), i, 10 * i, 10 * i + 3,
              static_cast<int>(i % 5), i % 1000);
}

void check_event(const trace_event& e, std::uint64_t i) {
  CHECK(e.begin == 10 * i && e.end == 10 * i + 3 && e.frame == i);
  CHECK(e.kind == trace_kind::stage && e.place == static_cast<std::int32_t>(i % 7));
  CHECK(e.answer == i % 5 && e.extra == i % 1000);
}

void test_every_event_comes_back() {
  trace_ring ring(100);
  trace_event e;
  CHECK(ring.ok() && ring.capacity() == 128 && !ring.read(0, &e));
  for (std::uint64_t i = 0; i < 128; ++i) put(ring, i);
  CHECK(ring.recorded() == 128 && ring.lost() == 0);
  for (std::uint64_t i = 0; i < 128; ++i) {
    CHECK(ring.read(i, &e));
    check_event(e, i);
  }
  CHECK(!ring.read(128, &e));
}

void test_the_latest_stay_and_the_rest_is_counted() {
  trace_ring ring(64);
  trace_event e;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    put(ring, i);
    const std::uint64_t first = i < 64 ? 0 : i - 63;
    CHECK(ring.lost() == first && (first == 0 || !ring.read(first - 1, &e)));
    CHECK(ring.read(first, &e));
    check_event(e, first);
  }
}

void test_fields_at_their_ends() {
  trace_ring ring(2);
  trace_event e;
  ring.record(trace_kind::aborted, -1, UINT64_MAX, UINT64_MAX, 0, -1, UINT64_MAX);
  CHECK(ring.read(0, &e) && e.place == -1 && e.frame == UINT64_MAX && e.begin == UINT64_MAX);
  CHECK(e.kind == trace_kind::aborted && e.answer == 255 && e.extra == 0xffff);
}

// A reader beside the writer gets whole events or none.
void test_reading_while_it_goes_round() {
  trace_ring ring(16);
  std::atomic<bool> done{false};
  in_threads(2, [&](int thread) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < 200000; ++i) put(ring, i);
      done = true;
      return;
    }
    trace_event e;
    while (!done) {
      const std::uint64_t end = ring.recorded();
      for (std::uint64_t i = end > 16 ? end - 16 : 0; i < end; ++i)
        if (ring.read(i, &e)) check_event(e, i);
    }
  });
  CHECK(ring.recorded() == 200000);
}

}  // namespace

int main() {
  test_every_event_comes_back();
  test_the_latest_stay_and_the_rest_is_counted();
  test_fields_at_their_ends();
  test_reading_while_it_goes_round();
  return 0;
}
