#include "camkit/ordered_map.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "camkit/frame_pool.hpp"
#include "camkit/frame_queue.hpp"
#include "camkit/map_lane.hpp"
#include "check.hpp"

namespace {

using camkit::frame_pool;
using camkit::frame_queue;
using camkit::link_policy;
using camkit::ordered_map;

constexpr std::int64_t forever = -1, at_once = 0, a_while = 2000000;

struct scene {
  frame_pool* pool;
  explicit scene(std::uint32_t slots) : pool(new frame_pool(slots, nullptr, nullptr, nullptr)) {}
  ~scene() {
    CHECK(pool->slots.free_count() == pool->slots.capacity() && pool->slots.misuses() == 0);
    pool->unref();
  }
  camkit_frame* numbered(std::uint64_t n) {
    camkit_frame* f = nullptr;
    while ((f = pool->acquire()) == nullptr) std::this_thread::yield();
    f->sequence = n;
    f->gap = 0;
    return f;
  }
};

void delay(random_numbers& random) {
  for (int n = random.below(30); n > 0; --n) std::this_thread::yield();
  if (random.below(200) == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
}

void delay_until_asleep() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

void test_order_bound_and_ends() {
  scene s(8);
  frame_queue front(2, link_policy::block);
  ordered_map map(&front, 2, 3);
  CHECK(map.ok() && map.depth() == 5 && !ordered_map(&front, 0, 1).ok() &&
        !ordered_map(&front, 65, 1).ok() && !ordered_map(&front, 1, 0).ok());
  camkit_frame *f[4] = {}, *out = nullptr;
  std::uint64_t number[4] = {};
  CHECK(map.take(0, &f[0], &number[0], at_once) == CAMKIT_TIMEOUT);
  CHECK(map.take(1, &f[0], &number[0], a_while) == CAMKIT_TIMEOUT);
  for (int i = 0; i < 3; ++i) {
    CHECK(map.push(s.numbered(i), at_once) == CAMKIT_OK);
    CHECK(map.take(i % 2, &f[i], &number[i], at_once) == CAMKIT_OK);
    CHECK(number[i] == static_cast<std::uint64_t>(i) && f[i]->sequence == number[i]);
  }
  CHECK(map.push(s.numbered(3), at_once) == CAMKIT_OK);
  CHECK(map.take(0, &f[3], &number[3], at_once) == CAMKIT_TIMEOUT && map.size() == 4);
  CHECK(map.push(s.numbered(4), at_once) == CAMKIT_OK);
  camkit_frame* refused = s.numbered(5);
  CHECK(map.push(refused, at_once) == CAMKIT_TIMEOUT);
  camkit_frame_release(refused);

  map.put(number[2], f[2]);
  map.put(number[1], nullptr);
  camkit_frame_release(f[1]);
  CHECK(map.pop(&out, at_once) == CAMKIT_TIMEOUT && map.pop(&out, a_while) == CAMKIT_TIMEOUT);
  CHECK(map.pop_n(f + 1, 1) == 0);
  map.put(number[0], f[0]);
  CHECK(map.pop(&out, forever) == CAMKIT_OK && out->sequence == 0);
  camkit_frame_release(out);
  CHECK(map.pop_n(f, 4) == 1 && f[0]->sequence == 2);
  camkit_frame_release(f[0]);

  map.close();
  for (int i = 3; i < 5; ++i)
    CHECK(map.take(0, &f[i - 3], &number[i - 3], at_once) == CAMKIT_OK &&
          f[i - 3]->sequence == static_cast<std::uint64_t>(i));
  CHECK(map.pop(&out, at_once) == CAMKIT_TIMEOUT);
  CHECK(map.take(1, &out, &number[3], forever) == CAMKIT_END);
  CHECK(map.take(0, &out, &number[3], forever) == CAMKIT_END);
  map.put(number[0], f[0]);
  map.put(number[1], nullptr);
  camkit_frame_release(f[1]);
  CHECK(map.pop(&out, forever) == CAMKIT_OK && out->sequence == 3);
  camkit_frame_release(out);
  CHECK(map.pop(&out, at_once) == CAMKIT_END && map.pop(&out, forever) == CAMKIT_END);
}

// A worker that got a frame hands the lead on: each holds its frame until all have one.
void test_workers_work_at_the_same_time(int workers) {
  scene s(8);
  frame_queue front(1, link_policy::block);
  ordered_map map(&front, static_cast<unsigned>(workers), 4);
  std::atomic<int> holding{0};
  in_threads(workers + 1, [&](int who) {
    if (who == workers) {
      for (int i = 0; i < workers; ++i) {
        delay_until_asleep();
        CHECK(map.push(s.numbered(1), forever) == CAMKIT_OK);
      }
      return map.close();
    }
    camkit_frame* f = nullptr;
    std::uint64_t number = 0;
    CHECK(map.take(static_cast<unsigned>(who), &f, &number, forever) == CAMKIT_OK);
    holding.fetch_add(1);
    while (holding.load() < workers) std::this_thread::yield();
    map.put(number, f);
  });
  CHECK(map.discard() == static_cast<std::size_t>(workers));
}

// As a link's own test: the consumer sees what was changed before wake(), at its own bell or the
// map's.
void test_a_waiting_pop_is_called_off(int rounds, bool own_bell) {
  frame_queue front(2, link_policy::block);
  ordered_map map(&front, 2, 2);
  camkit::parker bell;
  if (own_bell) map.set_bell(&bell);
  std::atomic<int> wanted{0}, adopted{0};
  in_threads(2, [&](int who) {
    if (who == 0) {
      camkit_frame* f = nullptr;
      for (int answer; (answer = map.pop(&f, forever)) != CAMKIT_END;) {
        CHECK(answer == CAMKIT_TIMEOUT);
        adopted.store(wanted.load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
      return;
    }
    for (int round = 1; round <= rounds; ++round) {
      wanted.store(round, std::memory_order_relaxed);
      map.wake();
      while (adopted.load(std::memory_order_relaxed) != round) std::this_thread::yield();
    }
    map.abort();
  });
}

struct outcome {
  std::uint64_t pushed = 0, lost = 0, got = 0, last = 0;
  std::atomic<std::uint64_t> dropped{0};
};

// One producer, `workers`, one consumer that may sleep at a bell of its own; every tenth frame is
// dropped by its worker, and every seventh replaced by another.
void test_random_delays(unsigned workers, std::size_t in_flight, link_policy policy,
                        std::uint64_t count, bool own_bell) {
  scene s(16);
  frame_queue front(2, policy);
  ordered_map map(&front, workers, in_flight);
  camkit::parker bell;
  if (own_bell) map.set_bell(&bell);
  outcome o;
  in_threads(static_cast<int>(workers) + 2, [&](int who) {
    random_numbers random(static_cast<unsigned>(who) + 11);
    if (who == 0) {
      for (; o.pushed < count; ++o.pushed) {
        if (random.below(4) == 0) delay(random);
        const int answer = map.push(s.numbered(o.pushed + 1), forever);
        CHECK(answer == CAMKIT_OK || answer == CAMKIT_DROP || answer == CAMKIT_FULL);
        o.lost += answer != CAMKIT_OK;
      }
      map.close();
    } else if (who == 1) {
      camkit_frame* batch[4] = {};
      for (;;) {
        std::size_t n = map.pop_n(batch, 4);
        if (n == 0 && own_bell) {
          const std::uint32_t key = bell.prepare();
          const int answer = map.pop(batch, at_once);
          if (answer == CAMKIT_TIMEOUT) {
            bell.wait(key, forever);
            continue;
          }
          bell.cancel();
          if (answer == CAMKIT_END) return;
          n = 1;
        } else if (n == 0) {
          if (map.pop(batch, forever) == CAMKIT_END) return;
          n = 1;
        }
        for (std::size_t i = 0; i < n; ++i) {
          CHECK(batch[i]->sequence > o.last && batch[i]->gap == 77);
          o.last = batch[i]->sequence;
          ++o.got;
          camkit_frame_release(batch[i]);
        }
        if (random.below(50) == 0) delay(random);
      }
    } else {
      camkit_frame* f = nullptr;
      std::uint64_t number = 0;
      for (;;) {
        const int answer = map.take(static_cast<unsigned>(who - 2), &f, &number, forever);
        if (answer == CAMKIT_END) return;
        CHECK(answer == CAMKIT_OK);
        delay(random);
        if (f->sequence % 10 == 0) {
          camkit_frame_release(f);
          f = nullptr;
          o.dropped.fetch_add(1);
        } else if (f->sequence % 7 == 0) {
          camkit_frame* other = s.numbered(f->sequence);
          camkit_frame_release(f);
          f = other;
        }
        if (f != nullptr) f->gap = 77;
        map.put(number, f);
      }
    }
  });
  CHECK(o.got + o.dropped.load() + o.lost == count && map.size() == 0);
  if (policy == link_policy::block) CHECK(o.lost == 0 && o.dropped.load() == count / 10);
  CHECK(map.discard() == 0);
}

// A worker that only knows links: what it does not hand on is passed over, and its end is not the
// others'.
void test_lanes() {
  scene s(8);
  frame_queue front(4, link_policy::block);
  ordered_map map(&front, 2, 4);
  camkit::lane_inlet first(&map, 0), second(&map, 1);
  camkit::lane_outlet first_out(&first), second_out(&second);
  camkit_frame *f = nullptr, *g = nullptr, *out = nullptr;
  for (std::uint64_t n = 0; n < 4; ++n) CHECK(map.push(s.numbered(n), forever) == CAMKIT_OK);
  CHECK(first.pop(&f, forever) == CAMKIT_OK && f->sequence == 0);
  CHECK(second.pop(&g, forever) == CAMKIT_OK && g->sequence == 1);
  CHECK(second_out.push(g, forever) == CAMKIT_OK);
  CHECK(second_out.push(g, forever) == CAMKIT_END);  // there is no number for it
  CHECK(second.pop(&g, forever) == CAMKIT_OK && g->sequence == 2);
  CHECK(map.pop(&out, at_once) == CAMKIT_TIMEOUT);
  camkit_frame_release(f);
  map.close();
  CHECK(first.pop(&f, forever) == CAMKIT_OK && f->sequence == 3);  // frame 0 was dropped
  CHECK(map.pop(&out, at_once) == CAMKIT_OK && out->sequence == 1);
  camkit_frame_release(out);
  CHECK(first_out.push(f, forever) == CAMKIT_OK);
  CHECK(first.pop(&f, forever) == CAMKIT_END);
  first.abort();
  first_out.close();
  CHECK(map.pop(&out, at_once) == CAMKIT_TIMEOUT);
  CHECK(second_out.push(g, forever) == CAMKIT_OK && second.pop(&g, forever) == CAMKIT_END);
  for (std::uint64_t n = 2; n < 4; ++n) {
    CHECK(map.pop(&out, at_once) == CAMKIT_OK && out->sequence == n);
    camkit_frame_release(out);
  }
  CHECK(map.pop(&out, forever) == CAMKIT_END);
}

void test_a_lane_that_fails_ends_all() {
  scene s(4);
  frame_queue front(2, link_policy::block);
  ordered_map map(&front, 2, 2);
  camkit::lane_inlet first(&map, 0), second(&map, 1);
  camkit::lane_outlet second_out(&second);
  camkit_frame *f = nullptr, *g = nullptr;
  for (std::uint64_t n = 0; n < 2; ++n) CHECK(map.push(s.numbered(n), forever) == CAMKIT_OK);
  CHECK(first.pop(&f, forever) == CAMKIT_OK && second.pop(&g, forever) == CAMKIT_OK);
  camkit_frame_release(f);
  first.abort();
  CHECK(second_out.push(g, forever) == CAMKIT_END && second.pop(&f, forever) == CAMKIT_END);
  camkit_frame_release(g);
  CHECK(map.pop(&f, forever) == CAMKIT_END && map.push(f, forever) == CAMKIT_END);
}

// Broken off at any moment: everybody is told, and each frame is in one place.
void test_abort_during_work(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    scene s(8);
    frame_queue front(2, link_policy::block);
    ordered_map map(&front, 2, 1 + round % 4);
    in_threads(5, [&](int who) {
      random_numbers random(static_cast<unsigned>(round * 5 + who));
      camkit_frame* f = nullptr;
      std::uint64_t number = 0;
      if (who == 0) {
        for (;;) {
          f = s.pool->acquire();
          if (f == nullptr) continue;
          if (map.push(f, forever) == CAMKIT_END) return camkit_frame_release(f);
        }
      } else if (who == 1) {
        if (round % 3 != 0)
          while (map.pop(&f, forever) == CAMKIT_OK) camkit_frame_release(f);
      } else if (who == 2) {
        for (int n = random.below(200); n > 0; --n) std::this_thread::yield();
        map.abort();
        CHECK(map.pop_n(&f, 1) == 0);
      } else {
        while (map.take(static_cast<unsigned>(who - 3), &f, &number, forever) == CAMKIT_OK) {
          delay(random);
          if (random.below(3) == 0)
            camkit_frame_release(f);  // as a worker does that fails: its number never comes back
          else
            map.put(number, f);
        }
      }
    });
    camkit_frame* none = nullptr;
    CHECK(map.pop(&none, at_once) == CAMKIT_END);
    map.discard();
    CHECK(map.discard() == 0);
  }
}

}  // namespace

int main() {
  test_order_bound_and_ends();
  for (int workers = 1; workers <= 4; ++workers) test_workers_work_at_the_same_time(workers);
  for (unsigned workers : {1u, 2u, 4u})
    for (std::size_t in_flight : {1, 3, 8})
      test_random_delays(workers, in_flight, link_policy::block, 1000, workers == 2);
  test_random_delays(3, 4, link_policy::drop_newest, 3000, false);
  test_random_delays(3, 4, link_policy::latest, 3000, true);
  test_a_waiting_pop_is_called_off(2000, false);
  test_a_waiting_pop_is_called_off(2000, true);
  test_lanes();
  test_a_lane_that_fails_ends_all();
  test_abort_during_work(100);
}
