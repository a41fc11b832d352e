#include "camkit/outlet.hpp"

#include <thread>

#include "camkit/frame_pool.hpp"
#include "camkit/frame_queue.hpp"
#include "camkit/tick.hpp"
#include "check.hpp"

namespace {

using namespace camkit;

frame_pool* new_pool() { return new frame_pool(16, nullptr, nullptr, nullptr); }

void test_every_way_a_frame_can_go_is_counted() {
  frame_pool* pool = new_pool();
  frame_queue queue(2, link_policy::drop_newest);
  outlet o;
  o.link = &queue;
  for (std::uint64_t tick = 1; tick <= 3; ++tick) o.push(pool->acquire(), tick * 1'000'000);
  CHECK(o.offered.get() == 3 && o.full.get() == 1 && o.high_water.get() == 2);
  camkit_frame* f = nullptr;
  CHECK(queue.pop(&f, 0) == CAMKIT_OK && o.stamped(f) == 1'000'000);
  camkit_frame_release(f);
  queue.abort();
  CHECK(o.push(pool->acquire(), 5) == CAMKIT_END && o.aborted.get() == 1);
  o.aborted.add(queue.discard());
  CHECK(o.offered.get() == 1 + o.full.get() + o.aborted.get());
  CHECK(pool->slots.free_count() == 16);
  pool->unref();
}

// A list is given up only when the producer looks at a newer one.
void test_lists_are_exchanged_while_a_thread_uses_them(int rounds) {
  frame_pool* pool = new_pool();
  frame_queue left(4, link_policy::drop_newest), right(4, link_policy::drop_newest);
  outlet a, b;
  a.link = &left;
  b.link = &right;
  outlet_switch choice;
  auto* list = new outlet_list(1);
  list->at[0] = &a;
  choice.want(list);
  std::atomic<bool> over{false};
  std::uint64_t pushed = 0;
  std::thread producer([&] {
    while (!over.load()) {
      const outlet_list& to = choice.current();
      camkit_frame* f = pool->acquire();
      for (std::size_t i = 1; i < to.count; ++i) camkit_frame_retain(f);
      for (std::size_t i = 0; i < to.count; ++i) to.at[i]->push(f, 1);
      ++pushed;
    }
  });
  std::thread consumers[2];
  frame_queue* queues[2] = {&left, &right};
  for (int i = 0; i < 2; ++i)
    consumers[i] = std::thread([&, i] {
      camkit_frame* f = nullptr;
      while (queues[i]->pop(&f, -1) == CAMKIT_OK) camkit_frame_release(f);
    });
  for (int round = 0; round < rounds; ++round) {
    auto* next = new outlet_list(1 + round % 2);
    next->at[0] = &a;
    if (round % 2) next->at[1] = &b;
    choice.want(next);
    while (choice.adopted() != next) std::this_thread::yield();
    delete list;
    list = next;
  }
  over.store(true);
  producer.join();
  left.close();
  right.close();
  for (auto& c : consumers) c.join();
  delete list;
  CHECK(a.offered.get() == pushed && b.offered.get() <= pushed && pool->slots.free_count() == 16);
  pool->unref();
}

void test_ticks_are_moments_of_the_monotonic_clock() {
  tick_clock clock;
  std::int64_t last = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t before = now_ns();
    const std::int64_t at = clock.monotonic(clock.now());
    const std::int64_t after = now_ns();
    CHECK(at >= before - 1000 && at <= after + 1000 && at >= last - 1000);
    last = at;
  }
  const std::uint64_t from = clock.now();
  CHECK(clock.between(from, from) == 0 && clock.between(clock.now(), from) <= 0);
}

}  // namespace

int main() {
  test_every_way_a_frame_can_go_is_counted();
  test_lists_are_exchanged_while_a_thread_uses_them(500);
  test_ticks_are_moments_of_the_monotonic_clock();
}
