#include "camkit/parker.hpp"

#include "camkit/spsc_ring.hpp"
#include "check.hpp"

namespace {

using camkit::parker;

constexpr std::int64_t for_ever = -1;

void test_alone(std::uint32_t spins) {
  parker bell(spins);
  CHECK(bell.spins() == spins);

  for (const std::int64_t timeout : {0, 1, 1000, 2000000})
    CHECK(!bell.wait(bell.prepare(), timeout));

  std::uint32_t key = bell.prepare();
  bell.notify();
  CHECK(bell.wait(key, for_ever));

  // What came before prepare() is the condition's business, and one notification ends one wait.
  bell.notify();
  CHECK(!bell.wait(bell.prepare(), 1000));
  key = bell.prepare();
  bell.notify();
  bell.notify();
  CHECK(bell.wait(key, 0) && !bell.wait(bell.prepare(), 1000));

  // After cancel() nobody waits, and a notification leaves the word as it was.
  key = bell.prepare();
  bell.cancel();
  bell.notify();
  CHECK(bell.prepare() == key && !bell.wait(key, 1000));

  // A timeout too long for the clock must not come out as one in the past.
  key = bell.prepare();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    bell.notify();
  });
  CHECK(bell.wait(key, INT64_MAX));
  other.join();
}

void wait_pop(camkit::spsc_ring<int>& ring, parker& bell, int& got) {
  while (!ring.try_pop(got)) {
    const std::uint32_t key = bell.prepare();
    if (ring.try_pop(got)) return bell.cancel();
    CHECK(bell.wait(key, for_ever));
  }
}

// Nothing but the notification ends these waits: one lost and the test hangs.
void test_ping_pong(std::uint32_t spins, int rounds) {
  camkit::spsc_ring<int> there(1), back(1);
  parker there_bell(spins), back_bell(spins);
  in_threads(2, [&](int role) {
    int got = 0;
    for (int i = 0; i < rounds; ++i) {
      if (role == 0) {
        CHECK(there.try_push(i));
        there_bell.notify();
        wait_pop(back, back_bell, got);
        CHECK(got == i);
      } else {
        wait_pop(there, there_bell, got);
        CHECK(back.try_push(got));
        back_bell.notify();
      }
    }
  });
}

// Three threads ring for one waiter, whose timeouts expire in the midst of it.
void test_many_notifiers(std::uint32_t spins, int rounds) {
  parker bell(spins);
  std::atomic<int> pending{0};
  in_threads(4, [&](int role) {
    random_numbers random(static_cast<unsigned>(role) + 1);
    if (role > 0) {
      for (int i = 0; i < rounds; ++i) {
        pending.fetch_add(1, std::memory_order_release);
        bell.notify();
        for (int pause = random.below(40); pause > 0; --pause) camkit::cpu_relax();
        if (i % 32 == 0) std::this_thread::yield();
      }
      return;
    }
    for (int seen = 0; seen < 3 * rounds;) {
      const std::uint32_t key = bell.prepare();
      const int fresh = pending.exchange(0, std::memory_order_acquire);
      seen += fresh;
      if (fresh > 0) {
        bell.cancel();
      } else {
        const std::int64_t timeout = random.below(3) == 0 ? random.below(30000) : for_ever;
        CHECK(bell.wait(key, timeout) || timeout != for_ever);
      }
    }
  });
  CHECK(pending.load() == 0);
}

}  // namespace

int main() {
  parker usual;
  CHECK(usual.spins() == parker::default_spins());
  for (const std::uint32_t spins : {0u, 100u}) {
    test_alone(spins);
    test_ping_pong(spins, 3000);
    test_many_notifiers(spins, 5000);
  }
  return 0;
}
