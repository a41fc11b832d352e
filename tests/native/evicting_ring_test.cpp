#include "camkit/evicting_ring.hpp"

#include <deque>

#include "check.hpp"

namespace {

struct item {
  int number = 0;
  int fate = 0;  // plain on purpose: a pointer handed out twice is a race on it
};

void test_impossible_capacities() {
  item a;
  for (const std::uint64_t capacity : {std::uint64_t{0}, UINT64_MAX, UINT64_MAX / 2}) {
    camkit::evicting_ring<item*> ring(capacity);
    CHECK(!ring.ok() && ring.capacity() == 0 && ring.size() == 0);
    CHECK(ring.put(&a) == &a && ring.take() == nullptr && ring.size() == 0);
  }
}

void test_against_a_model() {
  item items[20];
  for (const int depth : {1, 2, 3, 5, 8}) {
    camkit::evicting_ring<item*> ring(static_cast<std::uint64_t>(depth));
    CHECK(ring.ok() && ring.capacity() == static_cast<std::size_t>(depth));
    std::deque<item*> model;
    random_numbers random(static_cast<unsigned>(depth));
    for (int step = 0; step < 20000; ++step) {
      if (random.below(5) < 3) {
        item* fresh = &items[random.below(20)];
        item* expected = nullptr;
        if (static_cast<int>(model.size()) == depth) {
          expected = model.front();
          model.pop_front();
        }
        model.push_back(fresh);
        CHECK(ring.put(fresh) == expected);
      } else {
        item* expected = model.empty() ? nullptr : model.front();
        if (expected) model.pop_front();
        CHECK(ring.take() == expected);
      }
      CHECK(ring.size() == model.size());
    }
  }
}

// Each item is taken or evicted, once; what is taken comes in order, and so does what is evicted.
void test_two_threads(std::uint64_t depth, int count) {
  camkit::evicting_ring<item*> ring(depth);
  std::vector<item> items(static_cast<std::size_t>(count));
  int taken = 0, evicted = 0;
  std::atomic<bool> over{false};
  in_threads(2, [&](int role) {
    random_numbers random(static_cast<unsigned>(role) + static_cast<unsigned>(depth));
    if (role == 0) {
      int newest = 0;
      for (int i = 0; i < count; ++i) {
        item& next = items[static_cast<std::size_t>(i)];
        next.number = i + 1;
        if (item* old = ring.put(&next)) {
          CHECK(old->number > newest && old->fate == 0);
          newest = old->number;
          old->fate = 1;
          ++evicted;
        }
        for (int pause = random.below(30); pause > 0; --pause) camkit::cpu_relax();
        if (i % 256 == 0) std::this_thread::yield();
      }
      over.store(true);
      return;
    }
    for (int newest = 0, idle = 0;;) {
      const bool last = over.load();
      if (item* got = ring.take()) {
        CHECK(got->number > newest && got->fate == 0);
        newest = got->number;
        got->fate = 2;
        ++taken;
        for (int pause = random.below(40); pause > 0; --pause) camkit::cpu_relax();
        continue;
      }
      if (last) break;
      if (++idle % 64 == 0) std::this_thread::yield();
    }
  });
  CHECK(ring.size() == 0 && taken + evicted == count && taken > 0);
  CHECK(items.back().fate == 2);  // the newest is never the one that makes room
  for (const item& one : items) CHECK(one.fate != 0);
}

}  // namespace

int main() {
  test_impossible_capacities();
  test_against_a_model();
  for (const std::uint64_t depth : {1, 2, 3, 8}) test_two_threads(depth, 60000);
  return 0;
}
