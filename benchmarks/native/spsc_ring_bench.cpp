// Throughput and round trip of spsc_ring between two pinned threads, against a mutex and a deque
// (and boost's queue where its header is installed). Prints one line of JSON; times in ns.
//   g++ -std=c++17 -O2 -pthread -I include benchmarks/native/spsc_ring_bench.cpp -o spsc_ring_bench
// -DCAMKIT_BENCH_PEER='"file.hpp"' adds one more: a header with a `peer_queue` made as `ring`
// below.
//   ./spsc_ring_bench [--items 2000000] [--rounds 100000] [--runs 5] [--depth 1024]

#include <deque>
#include <mutex>

#include "bench.hpp"
#include "camkit/parker.hpp"
#include "camkit/spsc_ring.hpp"

#if __has_include(<boost/lockfree/spsc_queue.hpp>)
#define CAMKIT_BENCH_BOOST
#include <boost/lockfree/spsc_queue.hpp>
#endif
#if defined(CAMKIT_BENCH_PEER)
#include CAMKIT_BENCH_PEER
#endif

namespace {

using value = std::uint64_t;

struct ring {
  explicit ring(std::size_t depth) : queue(depth) {}
  bool push(value v) { return queue.try_push(v); }
  bool pop(value& v) { return queue.try_pop(v); }
  camkit::spsc_ring<value> queue;
};

struct locked_deque {
  explicit locked_deque(std::size_t depth) : bound(depth) {}
  bool push(value v) {
    std::lock_guard<std::mutex> guard(mutex);
    if (queue.size() >= bound) return false;
    queue.push_back(v);
    return true;
  }
  bool pop(value& v) {
    std::lock_guard<std::mutex> guard(mutex);
    if (queue.empty()) return false;
    v = queue.front();
    queue.pop_front();
    return true;
  }
  std::size_t bound;
  std::mutex mutex;
  std::deque<value> queue;
};

#if defined(CAMKIT_BENCH_BOOST)
struct boost_queue {
  explicit boost_queue(std::size_t depth) : queue(depth) {}
  bool push(value v) { return queue.push(v); }
  bool pop(value& v) { return queue.pop(v); }
  boost::lockfree::spsc_queue<value> queue;
};
#endif

// With a single CPU the peer runs only when we let it.
void idle() {
  if (bench::cpus().size() == 1) {
    std::this_thread::yield();
  } else {
    camkit::cpu_relax();
  }
}

void check(bool right) {
  if (right) return;
  std::fprintf(stderr, "spsc_ring_bench: a value was lost or came out of order\n");
  std::exit(1);
}

template <class Queue>
double throughput(std::size_t depth, value items) {
  Queue queue(depth);
  std::atomic<bool> ready{false};
  std::thread consumer([&] {
    bench::pin(1);
    ready.store(true);
    value got = 0;
    for (value expected = 0; expected < items; ++expected) {
      while (!queue.pop(got)) idle();
      check(got == expected);
    }
  });
  bench::pin(0);
  while (!ready.load()) std::this_thread::yield();
  const std::int64_t start = bench::now_ns();
  for (value v = 0; v < items; ++v)
    while (!queue.push(v)) idle();
  consumer.join();
  return static_cast<double>(bench::now_ns() - start) / static_cast<double>(items);
}

double batched_throughput(std::size_t depth, value items) {
  camkit::spsc_ring<value> queue(depth);
  constexpr std::size_t batch = 32;
  items -= items % batch;
  std::thread consumer([&] {
    bench::pin(1);
    value got[batch];
    for (value expected = 0; expected < items;) {
      const std::size_t n = queue.pop_n(got, batch);
      if (n == 0) idle();
      for (std::size_t i = 0; i < n; ++i) check(got[i] == expected++);
    }
  });
  bench::pin(0);
  const std::int64_t start = bench::now_ns();
  for (value v = 0; v < items; v += batch) {
    value out[batch];
    for (std::size_t i = 0; i < batch; ++i) out[i] = v + i;
    for (std::size_t done = 0; done < batch;) {
      const std::size_t n = queue.push_n(out + done, batch - done);
      if (n == 0) idle();
      done += n;
    }
  }
  consumer.join();
  return static_cast<double>(bench::now_ns() - start) / static_cast<double>(items);
}

template <class Queue>
double round_trip(value rounds) {
  Queue there(1), back(1);
  std::thread echo([&] {
    bench::pin(1);
    value got = 0;
    for (value i = 0; i < rounds; ++i) {
      while (!there.pop(got)) idle();
      while (!back.push(got)) idle();
    }
  });
  bench::pin(0);
  const std::int64_t start = bench::now_ns();
  value got = 0;
  for (value i = 0; i < rounds; ++i) {
    while (!there.push(i)) idle();
    while (!back.pop(got)) idle();
    check(got == i);
  }
  const std::int64_t took = bench::now_ns() - start;
  echo.join();
  return static_cast<double>(took) / static_cast<double>(rounds);
}

void wait_pop(camkit::spsc_ring<value>& queue, camkit::parker& bell, value& got) {
  while (!queue.try_pop(got)) {
    const std::uint32_t key = bell.prepare();
    if (queue.try_pop(got)) {
      bell.cancel();
      return;
    }
    bell.wait(key, -1);
  }
}

// As links between stages wait: `spins` looks, then asleep in the kernel.
double parked_round_trip(value rounds, std::uint32_t spins) {
  camkit::spsc_ring<value> there(1), back(1);
  camkit::parker there_bell(spins), back_bell(spins);
  std::thread echo([&] {
    bench::pin(1);
    value got = 0;
    for (value i = 0; i < rounds; ++i) {
      wait_pop(there, there_bell, got);
      check(back.try_push(got));
      back_bell.notify();
    }
  });
  bench::pin(0);
  const std::int64_t start = bench::now_ns();
  value got = 0;
  for (value i = 0; i < rounds; ++i) {
    check(there.try_push(i));
    there_bell.notify();
    wait_pop(back, back_bell, got);
    check(got == i);
  }
  const std::int64_t took = bench::now_ns() - start;
  echo.join();
  return static_cast<double>(took) / static_cast<double>(rounds);
}

}  // namespace

int main(int argc, char** argv) {
  const auto items = static_cast<value>(bench::option(argc, argv, "--items", 2000000));
  const auto rounds = static_cast<value>(bench::option(argc, argv, "--rounds", 100000));
  const auto depth = static_cast<std::size_t>(bench::option(argc, argv, "--depth", 1024));
  const auto runs = static_cast<int>(bench::option(argc, argv, "--runs", 5));

  std::vector<std::pair<std::string, double>> item_ns, trip_ns;
  const auto add = [runs](auto& rows, const char* name, auto measure) {
    rows.emplace_back(name, bench::best_of(runs, measure));
  };
  add(item_ns, "spsc_ring", [&] { return throughput<ring>(depth, items); });
  add(item_ns, "spsc_ring_batch32", [&] { return batched_throughput(depth, items); });
  add(item_ns, "mutex_deque", [&] { return throughput<locked_deque>(depth, items / 4 + 1); });
  add(trip_ns, "spsc_ring", [&] { return round_trip<ring>(rounds); });
  add(trip_ns, "spsc_ring_parker",
      [&] { return parked_round_trip(rounds, camkit::parker::default_spins()); });
  add(trip_ns, "spsc_ring_sleep", [&] { return parked_round_trip(rounds / 20 + 1, 0); });
  add(trip_ns, "mutex_deque", [&] { return round_trip<locked_deque>(rounds / 4 + 1); });
#if defined(CAMKIT_BENCH_BOOST)
  add(item_ns, "boost_spsc_queue", [&] { return throughput<boost_queue>(depth, items); });
  add(trip_ns, "boost_spsc_queue", [&] { return round_trip<boost_queue>(rounds); });
#endif
#if defined(CAMKIT_BENCH_PEER)
  add(item_ns, "peer", [&] { return throughput<peer_queue>(depth, items); });
  add(trip_ns, "peer", [&] { return round_trip<peer_queue>(rounds); });
#endif

  bench::report report("spsc_ring");
  report.number("cpus", static_cast<double>(bench::cpus().size()));
  report.number("depth", static_cast<double>(depth));
  report.section("item_ns", item_ns);
  report.section("round_trip_ns", trip_ns);
  report.print();
  return 0;
}
