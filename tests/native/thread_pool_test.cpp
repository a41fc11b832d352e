#include "camkit/thread_pool.hpp"

#include <memory>
#include <vector>

#include "check.hpp"

namespace {

using camkit::thread_pool;

// A pool with its threads.
struct crew {
  explicit crew(unsigned workers) : pool(workers) {
    CHECK(pool.ok());
    for (unsigned i = 0; i < workers; ++i) threads.emplace_back([this, i] { pool.work(i); });
  }
  ~crew() { leave(false); }

  void leave(bool abandon) {
    pool.stop(abandon);
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }

  thread_pool pool;
  std::vector<std::thread> threads;
};

struct tick_list {
  explicit tick_list(std::size_t n) : ticks(new std::atomic<int>[n]()), count(n) {}
  std::unique_ptr<std::atomic<int>[]> ticks;
  std::size_t count, grain = 0;
};

int tick(std::size_t begin, std::size_t end, void* user) {
  auto* list = static_cast<tick_list*>(user);
  CHECK(begin < end && end <= list->count);
  if (list->grain != 0) {
    CHECK(begin % list->grain == 0);
    CHECK(end - begin == list->grain || end == list->count);
  }
  for (std::size_t i = begin; i < end; ++i) list->ticks[i].fetch_add(1);
  return 0;
}

void test_every_index_once(thread_pool& pool, std::size_t n, std::size_t grain) {
  tick_list list(n);
  list.grain = grain;
  CHECK(pool.parallel_for(tick, &list, n, grain) == 0);
  for (std::size_t i = 0; i < n; ++i) CHECK(list.ticks[i].load() == 1);
}

void test_shapes(unsigned workers) {
  crew team(workers);
  for (std::size_t n : {0, 1, 2, 3, 7, 64, 1000})
    for (std::size_t grain : {0, 1, 2, 5, 999, 1000, 5000})
      test_every_index_once(team.pool, n, grain);
  std::size_t last = 0;
  const camkit::band_fn largest = [](std::size_t, std::size_t end, void* user) {
    *static_cast<std::size_t*>(user) = end;
    return 0;
  };
  CHECK(team.pool.parallel_for(largest, &last, SIZE_MAX, SIZE_MAX) == 0 && last == SIZE_MAX);
}

void test_what_a_band_wrote_is_seen(int rounds) {
  crew team(2);
  std::vector<std::uint64_t> plain(512);  // no atomics: a missing order is a race that TSan tells
  const camkit::band_fn write = [](std::size_t begin, std::size_t end, void* user) {
    for (std::size_t i = begin; i < end; ++i) ++(*static_cast<decltype(plain)*>(user))[i];
    return 0;
  };
  for (int round = 1; round <= rounds; ++round) {
    CHECK(team.pool.parallel_for(write, &plain, plain.size(), 64) == 0);
    for (std::uint64_t value : plain) CHECK(value == static_cast<std::uint64_t>(round));
  }
}

struct failing {
  std::size_t at;
  std::atomic<std::size_t> ran{0};
};

int fail_at(std::size_t begin, std::size_t end, void* user) {
  auto* plan = static_cast<failing*>(user);
  plan->ran.fetch_add(end - begin);
  return begin <= plan->at && plan->at < end ? 42 : 0;
}

void test_a_failure_stops_the_rest() {
  crew team(2);
  for (std::size_t at : {0, 500, 999}) {
    failing plan{at};
    CHECK(team.pool.parallel_for(fail_at, &plan, 1000, 1) == 42);
    CHECK(plan.ran.load() >= 1 && plan.ran.load() <= 1000);
  }
  thread_pool nobody(0);
  failing plan{3};
  CHECK(nobody.parallel_for(fail_at, &plan, 1000, 2) == 42 && plan.ran.load() == 4);
  CHECK(nobody.parallel_for(fail_at, &plan, 2, 1) == 0);
}

struct nesting {
  thread_pool* pool;
  int depth;
  std::atomic<int> leaves{0};
};

int nest(std::size_t begin, std::size_t end, void* user) {
  auto* outer = static_cast<nesting*>(user);
  for (std::size_t i = begin; i < end; ++i) {
    if (outer->depth == 0) {
      outer->leaves.fetch_add(1);
      continue;
    }
    nesting inner{outer->pool, outer->depth - 1};
    CHECK(outer->pool->parallel_for(nest, &inner, 4, 1) == 0);
    outer->leaves.fetch_add(inner.leaves.load());
  }
  return 0;
}

// More calls at once than there are seats, from without and from within.
void test_nested_and_many_callers(int callers, int depth) {
  crew team(3);
  in_threads(callers, [&](int) {
    for (int round = 0; round < 3; ++round) {
      nesting top{&team.pool, depth};
      CHECK(team.pool.parallel_for(nest, &top, 4, 1) == 0);
      int expected = 4;
      for (int i = 0; i < depth; ++i) expected *= 4;
      CHECK(top.leaves.load() == expected);
    }
  });
}

struct shared_work {
  std::atomic<std::size_t> ran{0};
};

int slow(std::size_t begin, std::size_t end, void* user) {
  static_cast<shared_work*>(user)->ran.fetch_add(end - begin);
  std::this_thread::yield();
  return 0;
}

void test_stop_while_callers_work(bool abandon, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    crew team(2);
    shared_work work;
    std::atomic<std::size_t> asked{0}, refused{0};
    std::atomic<int> broken_off{0};
    in_threads(3, [&](int who) {
      if (who == 0) {
        while (work.ran.load() < 50) std::this_thread::yield();
        return team.pool.stop(abandon);
      }
      for (;;) {
        const std::size_t n = 200;
        const std::size_t before = asked.fetch_add(n);
        const int answer = team.pool.parallel_for(slow, &work, n, 1);
        CHECK(answer == 0 || answer == thread_pool::stopped);
        if (answer == 0) continue;
        (void)before;
        broken_off.fetch_add(1);
        if (!abandon) refused.fetch_add(n);  // refused as a whole: none of it ran
        return;
      }
    });
    team.leave(abandon);
    CHECK(broken_off.load() == 2 && !team.pool.accepts());
    const std::size_t abandoned = team.pool.count().abandoned;
    if (abandon) {
      // Each caller's last job was begun and broken off, or not begun at all.
      const std::size_t missing = asked.load() - work.ran.load() - abandoned;
      CHECK(missing == 0 || missing == 200 || missing == 400);
    } else {
      CHECK(abandoned == 0 && work.ran.load() + refused.load() == asked.load());
    }
    CHECK(team.pool.parallel_for(slow, &work, 5, 1) == thread_pool::stopped);
  }
}

void test_idle_workers_sleep_and_wake(int rounds) {
  crew team(2);
  for (int round = 0; round < rounds; ++round) {
    while (team.pool.count().sleeps < 2) std::this_thread::yield();
    std::uint64_t asleep = 0;
    for (int look = 0;; ++look) {  // on a busy machine one may have been about to
      asleep = team.pool.count().sleeps;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (team.pool.count().sleeps == asleep) break;
      CHECK(look < 100);
    }
    test_every_index_once(team.pool, 100, 1);
    while (team.pool.count().sleeps == asleep) test_every_index_once(team.pool, 100, 1);
    for (std::uint64_t before = 0, now = 1; before != now;) {  // until both sleep again
      before = team.pool.count().sleeps;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      now = team.pool.count().sleeps;
    }
  }
  const thread_pool::totals all = team.pool.count();
  CHECK(all.jobs > 0 && all.bands == 100 * all.jobs && all.alone == 0);
}

void test_alone() {
  thread_pool pool(2);  // whose workers never come, as in a forked child
  pool.be_alone();
  test_every_index_once(pool, 100, 3);
  CHECK(pool.count().alone == 1 && pool.count().jobs == 0);
  pool.stop(false);
  pool.be_alone();
  CHECK(!pool.accepts());
  CHECK(!thread_pool(65).ok() && thread_pool(64).ok());
}

}  // namespace

int main() {
  for (unsigned workers : {0, 1, 3}) test_shapes(workers);
  test_what_a_band_wrote_is_seen(2000);
  test_a_failure_stops_the_rest();
  test_nested_and_many_callers(6, 3);
  test_nested_and_many_callers(70, 1);
  test_stop_while_callers_work(false, 20);
  test_stop_while_callers_work(true, 20);
  test_idle_workers_sleep_and_wake(10);
  test_alone();
}
