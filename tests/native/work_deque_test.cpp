#include "camkit/work_deque.hpp"

#include <atomic>
#include <memory>

#include "check.hpp"

namespace {

struct item {
  std::uintptr_t number, twice, thrice;
};

using deque = camkit::work_deque<item, 8>;

item numbered(std::uintptr_t n) { return {n, 2 * n, 3 * n}; }

bool whole(const item& seen) {
  return seen.twice == 2 * seen.number && seen.thrice == 3 * seen.number;
}

void test_ends_and_bound() {
  deque d;
  item out{};
  CHECK(d.empty() && !d.pop(out) && d.steal(out) == deque::answer::empty);
  for (std::uintptr_t n = 0; n < 8; ++n) CHECK(d.push(numbered(n)));
  CHECK(!d.push(numbered(9)) && !d.empty());
  CHECK(d.pop(out) && out.number == 7);
  CHECK(d.steal(out) == deque::answer::got && out.number == 0);
  const auto only_five = [](const item& seen) { return seen.number == 5; };
  CHECK(d.steal(out, only_five) == deque::answer::empty && out.number == 0);
  for (int round = 0; round < 100; ++round) {
    CHECK(d.push(numbered(100)) && d.pop(out) && out.number == 100);
    CHECK(d.push(numbered(100)) && d.steal(out) == deque::answer::got && out.number < 101);
  }
  while (d.pop(out)) CHECK(whole(out));
  CHECK(d.empty() && d.steal(out) == deque::answer::empty);
}

// Every element comes out once, whole, whoever takes it, though places are used again and again.
void test_nothing_is_lost_torn_or_taken_twice(int thieves, std::uintptr_t count) {
  deque d;
  std::unique_ptr<std::atomic<int>[]> taken(new std::atomic<int>[count]());
  std::atomic<bool> over{false};
  const auto take = [&](const item& seen) {
    CHECK(seen.number < count && whole(seen));
    CHECK(taken[seen.number].fetch_add(1, std::memory_order_relaxed) == 0);
  };
  in_threads(thieves + 1, [&](int who) {
    item out{};
    if (who != 0) {
      while (!over.load(std::memory_order_acquire))
        if (d.steal(out) == deque::answer::got) take(out);
      return;
    }
    random_numbers random(7);
    for (std::uintptr_t n = 0; n < count;) {
      for (int burst = random.below(5); burst >= 0 && n < count; --burst)
        if (d.push(numbered(n))) ++n;
      for (int burst = random.below(4); burst > 0; --burst)
        if (d.pop(out)) take(out);
    }
    while (d.pop(out)) take(out);
    over.store(true, std::memory_order_release);
  });
  for (std::uintptr_t n = 0; n < count; ++n) CHECK(taken[n].load() == 1);
}

}  // namespace

int main() {
  test_ends_and_bound();
  test_nothing_is_lost_torn_or_taken_twice(1, 100000);
  test_nothing_is_lost_torn_or_taken_twice(3, 100000);
}
