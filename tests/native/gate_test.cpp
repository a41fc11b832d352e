#include "camkit/gate.hpp"

#include "check.hpp"

namespace {

void test_states() {
  camkit::gate gate;
  CHECK(gate.is_open() && gate.inside() == 0);
  CHECK(gate.enter() && gate.enter() && gate.inside() == 2);
  gate.leave();
  gate.leave();
  gate.close_and_wait();
  CHECK(!gate.is_open() && !gate.enter() && !gate.enter() && gate.inside() == 0);
  gate.close_and_wait();
  gate.open();
  CHECK(gate.enter());
  gate.leave();
  gate.open();
  CHECK(gate.is_open() && gate.inside() == 0);

  camkit::gate shut(true);
  CHECK(!shut.is_open() && !shut.enter());
  shut.open();
  CHECK(shut.enter() && shut.inside() == 1);
}

void test_close_waits_for_those_inside() {
  camkit::gate gate;
  bool left = false;  // plain: only the gate orders the two threads
  CHECK(gate.enter());
  std::thread closer([&] {
    gate.close_and_wait();
    CHECK(left);
  });
  while (gate.is_open()) std::this_thread::yield();
  CHECK(!gate.enter() && gate.inside() == 1);
  // Long enough for the closer to fall asleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  left = true;
  gate.leave();
  closer.join();
}

// `descriptor` is plain: a use that overlaps a close is a data race, and a wrong value without the
// sanitizer.
void test_torn_down_under_load(int rounds) {
  camkit::gate gate;
  int descriptor = 1;
  std::atomic<bool> over{false};
  std::atomic<long> used{0};
  in_threads(4, [&](int role) {
    if (role < 3) {
      while (!over.load(std::memory_order_relaxed)) {
        if (gate.enter()) {
          CHECK(descriptor > 0);
          used.fetch_add(1, std::memory_order_relaxed);
          gate.leave();
        }
        std::this_thread::yield();
      }
      return;
    }
    for (int i = 1; i <= rounds; ++i) {
      const long before = used.load(std::memory_order_relaxed);
      while (used.load(std::memory_order_relaxed) == before) std::this_thread::yield();
      gate.close_and_wait();
      descriptor = -1;
      CHECK(gate.inside() <= 3);
      std::this_thread::yield();
      descriptor = i;
      gate.open();
    }
    over.store(true);
  });
  CHECK(gate.inside() == 0 && gate.is_open());
}

// Two closers at once: neither returns while somebody is inside.
void test_two_closers(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    camkit::gate gate;
    std::atomic<int> inside{1};
    CHECK(gate.enter());
    in_threads(3, [&](int role) {
      if (role == 0) {
        while (gate.is_open()) std::this_thread::yield();
        inside.store(0);
        gate.leave();
      } else {
        gate.close_and_wait();
        CHECK(inside.load() == 0);
      }
    });
  }
}

}  // namespace

int main() {
  test_states();
  test_close_waits_for_those_inside();
  test_torn_down_under_load(200);
  test_two_closers(50);
  return 0;
}
