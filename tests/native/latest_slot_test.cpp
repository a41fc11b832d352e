#include "camkit/latest_slot.hpp"

#include "check.hpp"

namespace {

struct item {
  int number = 0;
  int fate = 0;  // plain on purpose: a pointer handed out twice is a race on it
};

void test_newest_wins() {
  camkit::latest_slot<item*> slot;
  item a, b, c;
  CHECK(slot.empty() && slot.take() == nullptr);
  CHECK(slot.put(&a) == nullptr && !slot.empty());
  CHECK(slot.put(&b) == &a && slot.put(&c) == &b);
  CHECK(slot.take() == &c && slot.empty() && slot.take() == nullptr);
  CHECK(slot.put(&a) == nullptr && slot.put(nullptr) == &a && slot.empty());
}

// Each item is either taken or handed back, once, and the takes are in order.
void test_two_threads(int count) {
  camkit::latest_slot<item*> slot;
  std::vector<item> items(static_cast<std::size_t>(count));
  int taken = 0, handed_back = 0;
  std::atomic<int> started{0};
  in_threads(2, [&](int role) {
    started.fetch_add(1);
    while (started.load() < 2) std::this_thread::yield();
    if (role == 0) {
      for (int i = 0; i < count; ++i) {
        item& next = items[static_cast<std::size_t>(i)];
        next.number = i + 1;
        if (item* old = slot.put(&next)) {
          CHECK(old->number > 0 && old->number <= i && old->fate == 0);
          old->fate = 1;
          ++handed_back;
        }
        if (i % 256 == 0) std::this_thread::yield();
      }
      return;
    }
    int idle = 0;
    for (int newest = 0; newest < count;) {
      item* got = slot.take();
      if (got == nullptr) {
        if (++idle % 64 == 0) std::this_thread::yield();
        continue;
      }
      CHECK(got->number > newest && got->fate == 0);
      got->fate = 2;
      newest = got->number;
      ++taken;
    }
  });
  CHECK(slot.empty() && taken + handed_back == count && taken > 0);
  for (const item& one : items) CHECK(one.fate != 0);
}

}  // namespace

int main() {
  test_newest_wins();
  test_two_threads(300000);
  return 0;
}
