#include <chrono>
#include <functional>
#include <set>

namespace {
thread_local std::function<void()> between;
}

#define CAMKIT_BETWEEN_LOOK_AND_EXCHANGE() \
  do {                                     \
    if (between) between();                \
  } while (0)
#include "camkit/slot_pool.hpp"
#include "camkit/spsc_ring.hpp"
#include "check.hpp"

namespace {

using camkit::slot_pool;

std::uint32_t take(slot_pool& pool) {
  const std::int32_t slot = pool.acquire();
  CHECK(slot >= 0 && static_cast<std::uint32_t>(slot) < pool.capacity());
  return static_cast<std::uint32_t>(slot);
}

void give(slot_pool& pool, std::uint32_t slot) { CHECK(pool.give(slot) == slot_pool::freed); }

void test_every_slot_once() {
  slot_pool pool(5);
  CHECK(pool.ok() && pool.capacity() == 5 && pool.free_count() == 5 && pool.held_count() == 0);
  std::set<std::uint32_t> taken;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const std::uint32_t slot = take(pool);
    CHECK(taken.insert(slot).second && pool.refs(slot) == 1);
    CHECK(pool.free_count() == 4 - i && pool.held_count() == i + 1 && pool.high_water() == i + 1);
  }
  CHECK(pool.acquire() == -1 && pool.acquire() == -1 && pool.failed() == 2);
  for (const std::uint32_t slot : taken) give(pool, slot);
  CHECK(pool.free_count() == 5 && pool.held_count() == 0 && pool.high_water() == 5);
  CHECK(pool.acquired() == 5 && pool.released() == 5 && pool.misuses() == 0);
}

void test_last_freed_comes_first() {
  slot_pool pool(4);
  const std::uint32_t a = take(pool), b = take(pool);
  give(pool, a);
  give(pool, b);
  CHECK(take(pool) == b && take(pool) == a);
}

void test_references() {
  slot_pool pool(1);
  const std::uint32_t slot = take(pool);
  CHECK(pool.retain(slot) && pool.retain(slot) && pool.refs(slot) == 3);
  CHECK(pool.drop(slot) == 0 && pool.give(slot) == slot_pool::kept && pool.refs(slot) == 1);
  CHECK(pool.free_count() == 0 && pool.drop(slot) == 1 && pool.refs(slot) == 0);
  CHECK(pool.free_count() == 0 && pool.acquire() == -1);  // parked, not free
  CHECK(pool.push_free(slot) == slot_pool::freed && pool.acquire() == 0);
  CHECK(pool.misuses() == 0);
}

void test_adoption() {
  slot_pool pool(3, true);
  CHECK(pool.ok() && pool.free_count() == 0 && pool.acquire() == -1 && pool.failed() == 1);
  CHECK(pool.adopt(2) && pool.refs(2) == 1 && pool.held_count() == 1);
  CHECK(!pool.adopt(2) && pool.misuses() == 1 && pool.refs(2) == 1);
  pool.raise_high_water(2);
  pool.raise_high_water(1);
  CHECK(pool.adopt(0) && pool.high_water() == 2 && pool.retain(0));
  CHECK(pool.drop(0) == 0 && pool.drop(0) == 1 && pool.held_count() == 1);
  CHECK(pool.adopt(0) && pool.acquired() == 3 && pool.released() == 1);
  CHECK(pool.drop(0) == 1 && pool.push_free(0) == slot_pool::freed && !pool.adopt(0));
  CHECK(pool.acquire() == 0);
}

void test_misuse_changes_nothing() {
  slot_pool pool(2);
  std::uint64_t refused = 0;
  const auto refuses = [&](int result) {
    return (result == 0 || result == slot_pool::refused) && pool.misuses() == ++refused;
  };
  for (const std::uint32_t bad : {2u, 0xFFFFEu, 0xFFFFFu, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    CHECK(refuses(pool.retain(bad)) && refuses(pool.drop(bad)) && refuses(pool.adopt(bad)));
    CHECK(refuses(pool.give(bad)) && refuses(pool.push_free(bad)) && pool.refs(bad) == 0);
  }
  CHECK(refuses(pool.retain(0)) && refuses(pool.drop(0)) && refuses(pool.adopt(0)));  // free
  CHECK(refuses(pool.give(0)) && refuses(pool.push_free(0)) && pool.free_count() == 2);
  const std::uint32_t slot = take(pool);
  CHECK(refuses(pool.push_free(slot)) && refuses(pool.adopt(slot)) &&
        pool.refs(slot) == 1);  // held
  CHECK(pool.drop(slot) == 1 && refuses(pool.drop(slot)) && refuses(pool.give(slot)));
  CHECK(refuses(pool.retain(slot)) && pool.refs(slot) == 0);
  CHECK(pool.push_free(slot) == slot_pool::freed && refuses(pool.push_free(slot)));
  CHECK(refuses(pool.give(slot)) && pool.free_count() == 2);
  CHECK(take(pool) != take(pool) && pool.acquire() == -1);
}

void test_impossible_sizes() {
  for (const std::uint32_t slots : {0u, slot_pool::most_slots + 1, 0x80000000u, 0xFFFFFFFFu}) {
    slot_pool pool(slots);
    CHECK(!pool.ok() && pool.capacity() == 0 && pool.free_count() == 0 && pool.acquire() == -1);
    CHECK(!pool.retain(0) && pool.drop(0) == -1 && !pool.adopt(0) && pool.shut() == 0);
    CHECK(pool.push_free(0) == slot_pool::refused && pool.give(0) == slot_pool::refused);
  }
}

void test_as_many_slots_as_there_can_be() {
  slot_pool pool(slot_pool::most_slots);
  CHECK(pool.ok() && pool.free_count() == slot_pool::most_slots);
  for (std::uint32_t i = 0; i < slot_pool::most_slots; ++i) CHECK(take(pool) == i);
  CHECK(pool.acquire() == -1 && pool.high_water() == slot_pool::most_slots);
  give(pool, slot_pool::most_slots - 1);
  CHECK(take(pool) == slot_pool::most_slots - 1 && pool.acquire() == -1);
}

void test_a_shut_pool_lends_and_lists_nothing() {
  slot_pool pool(4);
  const std::uint32_t a = take(pool), b = take(pool);
  CHECK(pool.retain(a) && pool.drop(b) == 1);  // b: parked
  CHECK(pool.shut() == 2 && pool.shut() == 0 && pool.free_count() == 0 && pool.acquire() == -1);
  CHECK(pool.give(a) == slot_pool::kept && pool.give(a) == slot_pool::retired);
  CHECK(pool.push_free(b) == slot_pool::retired && pool.give(a) == slot_pool::refused);
  CHECK(pool.acquire() == -1 && pool.held_count() == 0 && pool.refs(a) == 0);
}

// What others do while a thread is about to take slot 0 of the list 0, 1, 2: the list they leave
// has 0 on top too, but 1 is theirs now. Without a tag in the head the thread would put 1 on top.
void test_a_reused_top_is_noticed() {
  for (const bool freed_twice : {false, true}) {
    slot_pool pool(3);
    int calls = 0;
    between = [&] {
      if (++calls != 1) return;
      CHECK(pool.acquire() == 0 && pool.acquire() == 1);
      if (freed_twice) CHECK(pool.give(0) == slot_pool::freed && pool.acquire() == 0);
      CHECK(pool.give(0) == slot_pool::freed);
    };
    CHECK(pool.acquire() == 0);
    between = nullptr;
    CHECK(calls > 1 && pool.free_count() == 1 && pool.acquire() == 2 && pool.acquire() == -1);
  }
}

// The same for a slot that is about to be freed while others free and take.
void test_a_list_that_changed_is_looked_at_again() {
  slot_pool pool(3);
  CHECK(pool.acquire() == 0 && pool.acquire() == 1);
  int calls = 0;
  between = [&] {
    if (++calls == 1) CHECK(pool.acquire() == 2 && pool.give(1) == slot_pool::freed);
  };
  CHECK(pool.give(0) == slot_pool::freed);
  between = nullptr;
  CHECK(calls > 1 && pool.free_count() == 2);
  CHECK(pool.acquire() == 0 && pool.acquire() == 1 && pool.acquire() == -1);
}

// Plain, unsynchronised owner marks: two holders of one slot are a data race that the thread
// sanitizer reports, and a wrong mark without it. Two slots for three threads keep the list at the
// edge of empty, where a reused head is likeliest.
void test_many_threads(std::uint32_t slots, int threads, int rounds) {
  slot_pool pool(slots);
  std::vector<int> owner(slots, -1);
  in_threads(threads, [&](int me) {
    random_numbers random(static_cast<unsigned>(me) + 1);
    std::vector<std::uint32_t> mine;
    for (int i = 0; i < rounds; ++i) {
      if (random.below(2) == 0 || mine.empty()) {
        const std::int32_t slot = pool.acquire();
        if (slot < 0) {
          std::this_thread::yield();
          continue;
        }
        CHECK(owner[static_cast<std::size_t>(slot)] == -1);
        owner[static_cast<std::size_t>(slot)] = me;
        mine.push_back(static_cast<std::uint32_t>(slot));
      } else {
        const std::uint32_t slot = mine.back();
        mine.pop_back();
        CHECK(owner[slot] == me);
        owner[slot] = -1;
        give(pool, slot);
      }
    }
    for (const std::uint32_t slot : mine) {
      owner[slot] = -1;
      give(pool, slot);
    }
  });
  CHECK(pool.free_count() == slots && pool.held_count() == 0 && pool.misuses() == 0);
  CHECK(pool.acquired() == pool.released() && pool.high_water() <= slots);
  std::set<std::uint32_t> left;
  for (std::uint32_t i = 0; i < slots; ++i) left.insert(take(pool));
  CHECK(left.size() == slots && pool.acquire() == -1);
}

// A fan-out: one thread takes a slot, two others get a reference each, whoever is last frees it.
void test_shared_slots(int rounds) {
  slot_pool pool(4);
  std::vector<int> payload(4, 0);
  camkit::spsc_ring<std::uint32_t> left(8), right(8);
  in_threads(3, [&](int role) {
    for (int i = 1; i <= rounds; ++i) {
      if (role == 0) {
        std::int32_t slot = -1;
        while ((slot = pool.acquire()) < 0) std::this_thread::yield();
        const auto index = static_cast<std::uint32_t>(slot);
        payload[index] = i;
        CHECK(pool.retain(index));
        while (!left.try_push(index)) std::this_thread::yield();
        while (!right.try_push(index)) std::this_thread::yield();
      } else {
        std::uint32_t index = 0;
        while (!(role == 1 ? left : right).try_pop(index)) std::this_thread::yield();
        CHECK(payload[index] == i);
        CHECK(pool.give(index) != slot_pool::refused);
      }
    }
  });
  CHECK(pool.free_count() == 4 && pool.misuses() == 0);
  CHECK(pool.acquired() == static_cast<std::uint64_t>(rounds) &&
        pool.released() == pool.acquired());
}

// Both threads drop the one reference there is: one is the last, the other is told of its mistake.
void test_racing_releases(int rounds) {
  slot_pool pool(1);
  std::atomic<int> started{0}, finished{0}, last{0}, refused{0};
  in_threads(2, [&](int me) {
    for (int i = 1; i <= rounds; ++i) {
      if (me == 0) CHECK(pool.acquire() == 0);
      started.fetch_add(1);
      while (started.load() < 2 * i) std::this_thread::yield();
      const int outcome = pool.drop(0);
      (outcome == 1 ? last : refused).fetch_add(1);
      finished.fetch_add(1);
      while (finished.load() < 2 * i) std::this_thread::yield();
      if (me == 0) CHECK(pool.push_free(0) == slot_pool::freed);
    }
  });
  CHECK(last.load() == rounds && refused.load() == rounds);
  CHECK(pool.misuses() == static_cast<std::uint64_t>(rounds) && pool.free_count() == 1);
}

// Whoever frees while another shuts: each slot is told to exactly one of them.
void test_shutting_while_others_give(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    slot_pool pool(6);
    std::atomic<std::uint32_t> told{0};
    in_threads(3, [&](int me) {
      if (me == 2) {
        if (round % 2) std::this_thread::yield();
        told.fetch_add(pool.shut());
        return;
      }
      for (int i = 0; i < 8; ++i) {
        const std::int32_t slot = pool.acquire();
        if (slot < 0) return;
        const int outcome = pool.give(static_cast<std::uint32_t>(slot));
        CHECK(outcome == slot_pool::freed || outcome == slot_pool::retired);
        told.fetch_add(outcome == slot_pool::retired);
      }
    });
    CHECK(told.load() == 6 && pool.acquire() == -1);
  }
}

// References at random: taken, doubled, handed to another thread through a box, dropped. Whoever
// takes a slot writes to it, plainly; whoever has a reference must read just that. A slot in two
// hands, lost, or freed too early is a data race for the thread sanitizer and a wrong number
// without it.
void stress(int threads, std::uint32_t slots, double seconds) {
  struct handle {
    std::uint32_t slot;
    std::uint64_t mark;
  };
  constexpr int boxes = 4;
  slot_pool pool(slots);
  std::vector<std::uint64_t> payload(slots, 0);
  // A box holds a slot's number, or -1; the mark is looked up by who takes it out, who has the
  // reference that was put in.
  std::atomic<std::int32_t> box[boxes];
  for (auto& b : box) b.store(-1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::uint64_t> takes(static_cast<std::size_t>(threads));
  in_threads(threads, [&](int me) {
    random_numbers random(static_cast<unsigned>(me) + 77);
    random_numbers pauses(static_cast<unsigned>(me) + 7);
    between = [&] {
      if (pauses.below(16) == 0) std::this_thread::yield();
    };
    std::vector<handle> mine;
    std::uint64_t taken = 0;
    const auto drop = [&](std::size_t at) {
      const handle h = mine[at];
      mine[at] = mine.back();
      mine.pop_back();
      CHECK(payload[h.slot] == h.mark);
      CHECK(pool.give(h.slot) != slot_pool::refused);
    };
    // Take what is in a box, and leave a slot there, or nothing.
    const auto swap = [&](std::int32_t left) {
      const std::int32_t got = box[random.below(boxes)].exchange(left);
      if (got < 0) return;
      const auto index = static_cast<std::uint32_t>(got);
      mine.push_back({index, payload[index]});
    };
    for (int turn = 0; turn < 20000 || turn % 256 || std::chrono::steady_clock::now() < end;
         turn = turn == 1 << 30 ? 20000 : turn + 1) {
      const int what = random.below(8);
      if (what < 3) {
        const std::int32_t slot = pool.acquire();
        if (slot < 0) {
          if (!mine.empty()) drop(mine.size() - 1);
          swap(-1);
          continue;
        }
        const auto index = static_cast<std::uint32_t>(slot);
        payload[index] = ++taken * 64 + static_cast<std::uint64_t>(me);
        mine.push_back({index, payload[index]});
      } else if (mine.empty()) {
        continue;
      } else if (what == 3) {
        mine.push_back(mine[static_cast<std::size_t>(random.below(static_cast<int>(mine.size())))]);
        CHECK(pool.retain(mine.back().slot));
      } else if (what == 4) {
        const handle h = mine.back();
        mine.pop_back();
        swap(static_cast<std::int32_t>(h.slot));
      } else {
        drop(static_cast<std::size_t>(random.below(static_cast<int>(mine.size()))));
      }
    }
    while (!mine.empty()) drop(0);
    between = nullptr;
    takes[static_cast<std::size_t>(me)] = taken;
  });
  for (auto& b : box)
    if (b.load() >= 0) CHECK(pool.give(static_cast<std::uint32_t>(b.load())) != slot_pool::refused);
  std::uint64_t total = 0;
  for (const std::uint64_t t : takes) total += t;
  CHECK(pool.free_count() == slots && pool.held_count() == 0 && pool.misuses() == 0);
  CHECK(pool.acquired() == total && pool.released() == total && total > 0);
  std::set<std::uint32_t> left;
  for (std::uint32_t i = 0; i < slots; ++i) left.insert(take(pool));
  CHECK(left.size() == slots && pool.acquire() == -1);
  if (seconds >= 10)
    std::printf("slot_pool: %d threads, %u slots, %.0f s: %llu taken, none lost\n", threads, slots,
                seconds, static_cast<unsigned long long>(total));
}

}  // namespace

// slot_pool_test [SECONDS]: how long the random stress takes; it reports from 10 s on.
int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.4;
  test_every_slot_once();
  test_last_freed_comes_first();
  test_references();
  test_adoption();
  test_misuse_changes_nothing();
  test_impossible_sizes();
  test_as_many_slots_as_there_can_be();
  test_a_shut_pool_lends_and_lists_nothing();
  test_a_reused_top_is_noticed();
  test_a_list_that_changed_is_looked_at_again();
  test_many_threads(2, 3, 30000);
  test_many_threads(8, 4, 30000);
  test_shared_slots(10000);
  test_racing_releases(2000);
  test_shutting_while_others_give(300);
  stress(3, 2, seconds / 2);
  stress(6, 16, seconds / 2);
  return 0;
}
