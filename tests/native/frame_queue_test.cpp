#include "camkit/frame_queue.hpp"

#include <atomic>
#include <thread>

#include "camkit/frame_pool.hpp"
#include "check.hpp"

namespace {

using camkit::frame_pool;
using camkit::frame_queue;
using camkit::link_policy;

constexpr link_policy every_policy[] = {link_policy::block, link_policy::drop_newest,
                                        link_policy::drop_oldest, link_policy::latest};
constexpr std::int64_t forever = -1, at_once = 0, a_while = 2000000;

camkit_frame* numbered(frame_pool* pool, std::uint64_t n) {
  camkit_frame* f = pool->acquire();
  if (f) f->sequence = n;
  return f;
}

struct scene {
  frame_pool* pool;
  explicit scene(std::uint32_t slots) : pool(new frame_pool(slots, nullptr, nullptr, nullptr)) {}
  ~scene() {
    CHECK(pool->slots.free_count() == pool->slots.capacity() && pool->slots.misuses() == 0);
    pool->unref();
  }
};

void test_order_bound_and_policies() {
  scene s(8);
  frame_queue block(2, link_policy::block), newest(2, link_policy::drop_newest),
      latest(9, link_policy::latest);
  CHECK(block.ok() && block.depth() == 2 && latest.depth() == 1);
  camkit_frame* f = nullptr;
  CHECK(block.pop(&f, at_once) == CAMKIT_TIMEOUT && block.pop(&f, a_while) == CAMKIT_TIMEOUT);
  CHECK(block.push(numbered(s.pool, 1), forever) == CAMKIT_OK);
  CHECK(block.push(numbered(s.pool, 2), forever) == CAMKIT_OK && block.size() == 2);
  camkit_frame* third = numbered(s.pool, 3);
  CHECK(block.push(third, at_once) == CAMKIT_TIMEOUT);
  CHECK(block.push(third, a_while) == CAMKIT_TIMEOUT);
  camkit_frame_release(third);  // it stayed ours
  for (std::uint64_t n = 1; n <= 2; ++n) {
    CHECK(block.pop(&f, forever) == CAMKIT_OK && f->sequence == n);
    camkit_frame_release(f);
  }
  for (std::uint64_t n = 0; n < 4; ++n)
    CHECK(newest.push(numbered(s.pool, n), forever) == (n < 2 ? CAMKIT_OK : CAMKIT_FULL));
  for (std::uint64_t n = 0; n < 3; ++n)
    CHECK(latest.push(numbered(s.pool, n), forever) == (n < 1 ? CAMKIT_OK : CAMKIT_DROP));
  CHECK(latest.pop(&f, at_once) == CAMKIT_OK && f->sequence == 2);
  camkit_frame_release(f);
  frame_queue oldest(3, link_policy::drop_oldest);
  for (std::uint64_t n = 0; n < 5; ++n)
    CHECK(oldest.push(numbered(s.pool, n), forever) == (n < 3 ? CAMKIT_OK : CAMKIT_DROP));
  CHECK(oldest.pop(&f, at_once) == CAMKIT_OK && f->sequence == 2 && oldest.size() == 2);
  camkit_frame_release(f);
  CHECK(newest.discard() == 2 && oldest.discard() == 2 && latest.discard() == 0);
}

// A wait that never sleeps ends in time as well, and when the other side does.
void test_spinning_waits_end() {
  scene s(2);
  frame_queue queue(1, link_policy::block, UINT32_MAX);
  camkit_frame* f = nullptr;
  CHECK(queue.pop(&f, a_while) == CAMKIT_TIMEOUT);
  CHECK(queue.push(numbered(s.pool, 1), a_while) == CAMKIT_OK);
  camkit_frame* second = numbered(s.pool, 2);
  CHECK(queue.push(second, a_while) == CAMKIT_TIMEOUT);
  in_threads(2, [&](int role) {
    if (role == 0) {
      CHECK(queue.push(second, forever) == CAMKIT_END);
    } else {
      std::this_thread::yield();
      queue.abort();
    }
  });
  camkit_frame_release(second);
}

void test_ends() {
  scene s(4);
  camkit_frame* f = nullptr;
  for (link_policy policy : every_policy) {
    frame_queue closed(2, policy), aborted(2, policy);
    CHECK(closed.push(numbered(s.pool, 5), forever) == CAMKIT_OK);
    closed.close();
    CHECK(closed.pop(&f, at_once) == CAMKIT_OK && f->sequence == 5);
    camkit_frame_release(f);
    CHECK(closed.pop(&f, at_once) == CAMKIT_END && closed.pop(&f, forever) == CAMKIT_END);

    CHECK(aborted.push(numbered(s.pool, 6), forever) == CAMKIT_OK);
    aborted.abort();
    CHECK(aborted.pop(&f, at_once) == CAMKIT_END && aborted.pop(&f, forever) == CAMKIT_END);
    camkit_frame* kept = numbered(s.pool, 7);
    CHECK(aborted.push(kept, forever) == CAMKIT_END);
    camkit_frame_release(kept);
  }  // what an aborted queue holds goes back with it
}

// The consumer is to see what was changed before wake(), whatever it does at that moment; a lost
// one leaves both threads waiting.
void test_a_waiting_pop_is_called_off(link_policy policy, std::uint32_t spins, int rounds) {
  scene s(2);
  frame_queue queue(2, policy, spins);
  camkit_frame* f = nullptr;
  queue.wake();
  queue.wake();
  CHECK(queue.pop(&f, forever) == CAMKIT_TIMEOUT);
  CHECK(queue.pop(&f, a_while) == CAMKIT_TIMEOUT);  // by the clock: both were one
  queue.wake();
  CHECK(queue.push(numbered(s.pool, 1), forever) == CAMKIT_OK);
  CHECK(queue.pop(&f, forever) == CAMKIT_OK);  // not instead of a frame
  camkit_frame_release(f);
  std::atomic<int> wanted{0}, adopted{0};
  in_threads(2, [&](int role) {
    if (role == 0) {
      camkit_frame* g = nullptr;
      int answer;
      while ((answer = queue.pop(&g, forever)) != CAMKIT_END) {
        CHECK(answer == CAMKIT_TIMEOUT);
        adopted.store(wanted.load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
    } else {
      for (int round = 1; round <= rounds; ++round) {
        wanted.store(round, std::memory_order_relaxed);
        queue.wake();
        while (adopted.load(std::memory_order_relaxed) != round) std::this_thread::yield();
      }
      queue.close();
    }
  });
}

void test_two_threads(link_policy policy, std::uint64_t count, std::uint32_t spins) {
  scene s(6);
  frame_queue queue(2, policy, spins);
  std::uint64_t got = 0, last = 0, lost = 0;
  std::thread consumer([&] {
    camkit_frame* f = nullptr;
    while (queue.pop(&f, forever) == CAMKIT_OK) {
      CHECK(f->sequence > last);
      last = f->sequence;
      ++got;
      camkit_frame_release(f);
    }
  });
  for (std::uint64_t n = 1; n <= count; ++n) {
    camkit_frame* f = numbered(s.pool, n);
    CHECK(f != nullptr);
    const int answer = queue.push(f, forever);
    CHECK(answer == CAMKIT_OK || answer == CAMKIT_FULL || answer == CAMKIT_DROP);
    lost += answer != CAMKIT_OK;
  }
  queue.close();
  consumer.join();
  CHECK(got + lost == count);
  CHECK(policy != link_policy::block || lost == 0);
  CHECK(policy < link_policy::drop_oldest || last == count);
}

void test_abort_wakes_both_ends(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    scene s(3);
    frame_queue queue(1, link_policy::block);
    in_threads(2, [&](int role) {
      if (role == 0) {
        if (round % 2) {
          camkit_frame* f = nullptr;
          while (queue.pop(&f, forever) == CAMKIT_OK) camkit_frame_release(f);
        } else {
          for (camkit_frame* f; (f = numbered(s.pool, 1));)
            if (queue.push(f, forever) == CAMKIT_END) return camkit_frame_release(f);
        }
      } else {
        std::this_thread::yield();
        queue.abort();
      }
    });
    queue.discard();
  }
}

// One thread sleeps on two links, through one bell; the bell is set while frames flow already.
void test_one_bell_for_two_links(link_policy policy, std::uint64_t count) {
  scene s(9);
  camkit::parker bell(0);
  frame_queue queues[2] = {{2, policy}, {2, policy}};
  in_threads(3, [&](int role) {
    if (role < 2) {
      for (std::uint64_t n = 1; n <= count;) {
        camkit_frame* f = numbered(s.pool, n);
        if (!f) {
          std::this_thread::yield();
          continue;
        }
        CHECK(queues[role].push(f, forever) != CAMKIT_END);
        ++n;
        if (n % 64 == 0) std::this_thread::yield();
      }
      return queues[role].close();
    }
    std::uint64_t last[2] = {0, 0};
    for (frame_queue& queue : queues) queue.set_bell(&bell);
    for (int open = 2; open > 0;) {
      const std::uint32_t key = bell.prepare();
      int seen = 0;
      open = 0;
      for (int i = 0; i < 2; ++i) {
        camkit_frame* got[3];
        const std::size_t n = queues[i].pop_n(got, 3);
        for (std::size_t k = 0; k < n; ++k) {
          CHECK(got[k]->sequence > last[i] &&
                (last[i] + 1 == got[k]->sequence || policy != link_policy::block));
          last[i] = got[k]->sequence;
          camkit_frame_release(got[k]);
        }
        seen += static_cast<int>(n);
        camkit_frame* more = nullptr;
        const int answer = queues[i].pop(&more, at_once);
        if (answer == CAMKIT_OK) {
          last[i] = more->sequence;
          camkit_frame_release(more);
          ++seen;
        }
        open += answer != CAMKIT_END;
      }
      if (seen > 0 || open == 0) {
        bell.cancel();
      } else {
        CHECK(bell.wait(key, forever));
      }
    }
    for (const std::uint64_t newest : last)
      CHECK(policy == link_policy::drop_newest || newest == count);
  });
}

void test_pop_n() {
  scene s(4);
  frame_queue queue(3, link_policy::block);
  camkit_frame* got[4];
  CHECK(queue.pop_n(got, 4) == 0);
  for (std::uint64_t n = 0; n < 3; ++n)
    CHECK(queue.push(numbered(s.pool, n), forever) == CAMKIT_OK);
  CHECK(queue.pop_n(got, 2) == 2 && got[0]->sequence == 0 && got[1]->sequence == 1);
  CHECK(queue.pop_n(got + 2, 2) == 1 && got[2]->sequence == 2 && queue.pop_n(got, 0) == 0);
  for (int i = 0; i < 3; ++i) camkit_frame_release(got[i]);
  CHECK(queue.push(numbered(s.pool, 9), forever) == CAMKIT_OK);
  queue.abort();
  CHECK(queue.pop_n(got, 1) == 0 && queue.size() == 1);
}

}  // namespace

int main() {
  test_order_bound_and_policies();
  test_ends();
  for (link_policy policy : every_policy) {
    test_two_threads(policy, 20000, camkit::parker::default_spins());
    test_two_threads(policy, 3000, 0);
    test_a_waiting_pop_is_called_off(policy, 0, 2000);
    test_a_waiting_pop_is_called_off(policy, camkit::parker::default_spins(), 2000);
    if (std::thread::hardware_concurrency() > 1) {
      test_two_threads(policy, 3000, UINT32_MAX);
      test_a_waiting_pop_is_called_off(policy, UINT32_MAX, 50);
    }
  }
  test_abort_wakes_both_ends(200);
  test_spinning_waits_end();
  test_pop_n();
  for (link_policy policy : every_policy) test_one_bell_for_two_links(policy, 5000);
}
