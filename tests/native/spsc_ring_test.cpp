#include "camkit/spsc_ring.hpp"

#include <cstdint>
#include <deque>

#include "check.hpp"

namespace {

struct message {
  std::uint64_t number;
  std::uint64_t twice;
  char tail[5];
};

message make(std::uint64_t number) { return {number, number * 2, {1, 2, 3, 4, 5}}; }
bool intact(const message& m) { return m.twice == m.number * 2 && m.tail[4] == 5; }

struct alignas(256) wide {
  int value;
};

void test_bound_is_exact() {
  for (std::size_t depth = 1; depth <= 20; ++depth) {
    camkit::spsc_ring<int> ring(depth);
    CHECK(ring.ok() && ring.capacity() == depth && ring.empty());
    // More than one lap, so that every position of the indices is the full one once.
    for (int lap = 0; lap < 70; ++lap) {
      for (std::size_t i = 0; i < depth; ++i) CHECK(ring.try_push(lap + static_cast<int>(i)));
      CHECK(!ring.try_push(-1) && ring.size() == depth);
      int out = -1;
      for (std::size_t i = 0; i < depth; ++i) {
        CHECK(ring.try_pop(out) && out == lap + static_cast<int>(i));
        CHECK(ring.size() == depth - i - 1);
      }
      CHECK(!ring.try_pop(out) && ring.empty());
      CHECK(ring.try_push(7) && ring.try_pop(out) && out == 7);
    }
  }
}

void test_impossible_capacities() {
  for (const std::size_t capacity : {std::size_t{0}, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8}) {
    camkit::spsc_ring<std::uint64_t> ring(capacity);
    std::uint64_t value = 1;
    CHECK(!ring.ok() && ring.capacity() == 0 && ring.empty() && ring.size() == 0);
    CHECK(!ring.try_push(value) && !ring.try_pop(value) && ring.front() == nullptr);
    ring.pop();
    ring.commit();
    CHECK(ring.reserve() == nullptr && ring.size() == 0);
    CHECK(ring.push_n(&value, 1) == 0 && ring.pop_n(&value, 1) == 0);
  }
}

void test_front_and_pop() {
  camkit::spsc_ring<int> ring(3);
  CHECK(ring.front() == nullptr);
  ring.pop();
  CHECK(ring.empty() && ring.try_push(1) && ring.try_push(2));
  CHECK(*ring.front() == 1 && *ring.front() == 1 && ring.size() == 2);
  ring.pop();
  CHECK(*ring.front() == 2);
  ring.pop();
  ring.pop();
  CHECK(ring.front() == nullptr && ring.empty());
  CHECK(ring.try_push(3) && *ring.front() == 3);
}

void test_reserve_and_commit() {
  camkit::spsc_ring<message> ring(2);
  for (std::uint64_t i = 0; i < 9; ++i) {
    message* next = ring.reserve();
    CHECK(next != nullptr && next == ring.reserve() && ring.front() == nullptr);
    *next = make(i);
    ring.commit();
    CHECK(ring.size() == 1 && ring.front() == next && ring.front()->number == i);
    ring.pop();
  }
  CHECK(ring.try_push(make(1)) && ring.try_push(make(2)) && ring.reserve() == nullptr);
  ring.commit();
  message got{};
  CHECK(ring.size() == 2 && ring.try_pop(got) && got.number == 1);
  CHECK(ring.try_pop(got) && got.number == 2 && !ring.try_pop(got));
}

// What pop() drops is what front() showed, whatever was taken in between.
void test_pop_needs_front() {
  camkit::spsc_ring<int> ring(4);
  int got = 0;
  for (int i = 0; i < 3; ++i) CHECK(ring.try_push(i));
  ring.pop();
  CHECK(ring.size() == 3 && *ring.front() == 0 && ring.try_pop(got) && got == 0);
  ring.pop();
  CHECK(ring.size() == 2 && *ring.front() == 1);
  ring.pop();
  CHECK(ring.size() == 1 && ring.pop_n(&got, 1) == 1 && got == 2);
}

void test_alignment() {
  camkit::spsc_ring<wide> ring(2);
  CHECK(ring.ok() && ring.try_push(wide{4}));
  CHECK(reinterpret_cast<std::uintptr_t>(ring.front()) % 256 == 0 && ring.front()->value == 4);
  static_assert(alignof(camkit::spsc_ring<int>) == camkit::contention_span);
}

void test_against_a_model() {
  for (const int depth : {1, 3, 8, 13}) {
    camkit::spsc_ring<int> ring(static_cast<std::size_t>(depth));
    std::deque<int> model;
    random_numbers random(static_cast<unsigned>(depth));
    int next = 0;
    for (int step = 0; step < 20000; ++step) {
      const int count = random.below(depth + 3);
      int values[32];
      switch (random.below(4)) {
        case 0: {
          for (int i = 0; i < count; ++i) values[i] = next + i;
          const auto pushed =
              static_cast<int>(ring.push_n(values, static_cast<std::size_t>(count)));
          CHECK(pushed == std::min(count, depth - static_cast<int>(model.size())));
          for (int i = 0; i < pushed; ++i) model.push_back(next++);
          break;
        }
        case 1: {
          const auto popped = static_cast<int>(ring.pop_n(values, static_cast<std::size_t>(count)));
          CHECK(popped == std::min(count, static_cast<int>(model.size())));
          for (int i = 0; i < popped; ++i) {
            CHECK(values[i] == model.front());
            model.pop_front();
          }
          break;
        }
        case 2:
          CHECK(ring.try_push(next) == (static_cast<int>(model.size()) < depth));
          if (static_cast<int>(model.size()) < depth) model.push_back(next++);
          break;
        default:
          if (int* oldest = ring.front()) {
            CHECK(!model.empty() && *oldest == model.front());
            ring.pop();
            model.pop_front();
          } else {
            CHECK(model.empty());
          }
      }
      CHECK(ring.size() == model.size() && ring.empty() == model.empty());
    }
  }
}

void test_two_threads(std::size_t depth, std::uint64_t count) {
  camkit::spsc_ring<message> ring(depth);
  in_threads(2, [&](int role) {
    if (role == 0) {
      for (std::uint64_t i = 0; i < count; ++i) {
        if (i % 3 == 0) {
          while (!ring.try_push(make(i))) std::this_thread::yield();
          continue;
        }
        message* next = nullptr;
        while (!(next = ring.reserve())) std::this_thread::yield();
        *next = make(i);
        ring.commit();
      }
    } else {
      message got{};
      for (std::uint64_t i = 0; i < count; ++i) {
        if (i % 3 == 0) {
          while (!ring.try_pop(got)) std::this_thread::yield();
        } else {
          const message* oldest = nullptr;
          while (!(oldest = ring.front())) std::this_thread::yield();
          got = *oldest;
          ring.pop();
        }
        CHECK(got.number == i && intact(got));
      }
    }
  });
  CHECK(ring.empty());
}

// The snapshot falls between steps of the owners, who here are one thread that plays both.
void test_size_from_outside(int rounds) {
  camkit::spsc_ring<int> ring(2);
  std::atomic<bool> over{false};
  in_threads(2, [&](int role) {
    int got = 0;
    if (role == 1)
      while (!over.load()) CHECK(ring.size() <= 2);
    for (int i = 0; role == 0 && i < rounds; ++i)
      CHECK(ring.try_push(i) && ring.try_pop(got) && got == i);
    over.store(true);
  });
}

void test_two_threads_in_batches(std::size_t depth, std::uint64_t count) {
  camkit::spsc_ring<message> ring(depth);
  in_threads(2, [&](int role) {
    random_numbers random(static_cast<unsigned>(role) + 5);
    message batch[9];
    for (std::uint64_t i = 0; i < count;) {
      auto wanted = static_cast<std::size_t>(random.below(9)) + 1;
      if (wanted > count - i) wanted = static_cast<std::size_t>(count - i);
      std::size_t moved = 0;
      if (role == 0) {
        for (std::size_t k = 0; k < wanted; ++k) batch[k] = make(i + k);
        moved = ring.push_n(batch, wanted);
      } else {
        moved = ring.pop_n(batch, wanted);
        for (std::size_t k = 0; k < moved; ++k) CHECK(batch[k].number == i + k && intact(batch[k]));
      }
      if (moved == 0) std::this_thread::yield();
      i += moved;
    }
  });
  CHECK(ring.empty());
}

}  // namespace

int main() {
  test_bound_is_exact();
  test_impossible_capacities();
  test_front_and_pop();
  test_reserve_and_commit();
  test_pop_needs_front();
  test_alignment();
  test_against_a_model();
  for (const std::size_t depth : {1, 3, 64}) {
    test_two_threads(depth, depth == 64 ? 100000 : 4000);
    test_two_threads_in_batches(depth, depth == 64 ? 200000 : 4000);
  }
  test_size_from_outside(200000);
  return 0;
}
