// Taking and giving back one slot, uncontended and from two pinned threads at once: frame_pool,
// which is what a frame pays, and slot_pool beneath it, against malloc and free of a frame header,
// and against a vector behind a mutex. Beside them one atomic addition, of which a pair is made.
// Prints one line of JSON; times in ns a pair of calls.
//   g++ -std=c++17 -O2 -pthread -I include benchmarks/native/pool_bench.cpp -o pool_bench
//   ./pool_bench [--pairs 2000000] [--runs 5] [--slots 16]

#include <atomic>
#include <future>
#include <mutex>

#include "bench.hpp"
#include "camkit/frame_pool.hpp"

namespace {

struct lock_free {
  explicit lock_free(std::uint32_t slots) : pool(slots) {}
  int take() { return pool.acquire(); }
  void give(int slot) { pool.give(static_cast<std::uint32_t>(slot)); }
  camkit::slot_pool pool;
};

// A described picture of one plane, as FramePool lends it.
struct framed {
  explicit framed(std::uint32_t slots)
      : pictures(slots), pool(new camkit::frame_pool(slots, nullptr, nullptr, nullptr)) {
    for (auto& p : pictures) p.plane_count = 1;
    pool->pictures = pictures.data();
  }
  ~framed() { pool->unref(); }
  camkit_frame* take() { return pool->acquire(); }
  void give(camkit_frame* frame) { camkit_frame_release(frame); }
  std::vector<camkit::frame_picture> pictures;
  camkit::frame_pool* pool;
};

struct one_atomic {
  explicit one_atomic(std::uint32_t) {}
  std::int64_t take() { return count.fetch_add(1, std::memory_order_relaxed); }
  void give(std::int64_t) {}
  std::atomic<std::int64_t> count{0};
};

// What slot_pool replaces: the same free list and reference counts, behind a lock.
struct locked_vector {
  explicit locked_vector(std::uint32_t slots) : refs(slots, 0) {
    for (std::uint32_t i = 0; i < slots; ++i) free.push_back(static_cast<int>(i));
  }
  int take() {
    std::lock_guard<std::mutex> guard(mutex);
    if (free.empty()) return -1;
    const int slot = free.back();
    free.pop_back();
    refs[static_cast<std::size_t>(slot)] = 1;
    return slot;
  }
  void give(int slot) {
    std::lock_guard<std::mutex> guard(mutex);
    if (--refs[static_cast<std::size_t>(slot)] == 0) free.push_back(slot);
  }
  std::mutex mutex;
  std::vector<int> free;
  std::vector<std::uint32_t> refs;
};

struct heap {
  explicit heap(std::uint32_t) {}
  void* take() {
    void* memory = std::malloc(256);
    bench::keep(memory);
    return memory;
  }
  void give(void* memory) { std::free(memory); }
};

template <class Pool>
void work(Pool& pool, long pairs) {
  for (long i = 0; i < pairs; ++i) {
    auto taken = pool.take();
    bench::keep(taken);
    pool.give(taken);
  }
}

template <class Pool>
double alone(std::uint32_t slots, long pairs) {
  Pool pool(slots);
  // A second thread, asleep: in a process of one the C library takes its locks without atomics.
  std::promise<void> over;
  std::thread sleeper([&] { over.get_future().wait(); });
  bench::pin(0);
  const std::int64_t start = bench::now_ns();
  work(pool, pairs);
  const std::int64_t took = bench::now_ns() - start;
  over.set_value();
  sleeper.join();
  return static_cast<double>(took) / static_cast<double>(pairs);
}

// Wall time over the pairs of both threads.
template <class Pool>
double contended(std::uint32_t slots, long pairs) {
  Pool pool(slots);
  std::atomic<bool> ready{false};
  std::thread other([&] {
    bench::pin(1);
    ready.store(true);
    work(pool, pairs / 2);
  });
  bench::pin(0);
  while (!ready.load()) std::this_thread::yield();
  const std::int64_t start = bench::now_ns();
  work(pool, pairs / 2);
  other.join();
  return static_cast<double>(bench::now_ns() - start) / static_cast<double>(pairs);
}

}  // namespace

int main(int argc, char** argv) {
  const long pairs = bench::option(argc, argv, "--pairs", 2000000);
  const auto slots =
      static_cast<std::uint32_t>(std::max(2L, bench::option(argc, argv, "--slots", 16)));
  const auto runs = static_cast<int>(bench::option(argc, argv, "--runs", 5));

  bench::report report("slot_pool");
  report.number("cpus", static_cast<double>(bench::cpus().size()));
  report.number("slots", slots);
  report.section(
      "pair_ns",
      {{"frame_pool", bench::best_of(runs, [&] { return alone<framed>(slots, pairs); })},
       {"slot_pool", bench::best_of(runs, [&] { return alone<lock_free>(slots, pairs); })},
       {"one_atomic", bench::best_of(runs, [&] { return alone<one_atomic>(slots, pairs); })},
       {"malloc", bench::best_of(runs, [&] { return alone<heap>(slots, pairs); })},
       {"mutex_vector", bench::best_of(runs, [&] { return alone<locked_vector>(slots, pairs); })}});
  report.section(
      "contended_pair_ns",
      {{"frame_pool", bench::best_of(runs, [&] { return contended<framed>(slots, pairs); })},
       {"slot_pool", bench::best_of(runs, [&] { return contended<lock_free>(slots, pairs); })},
       {"malloc", bench::best_of(runs, [&] { return contended<heap>(slots, pairs); })},
       {"mutex_vector",
        bench::best_of(runs, [&] { return contended<locked_vector>(slots, pairs); })}});
  report.print();
  return 0;
}
