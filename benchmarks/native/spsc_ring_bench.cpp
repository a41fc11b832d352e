// spsc_ring between two pinned threads, elements of 8 bytes: throughput and round trip, beside
// Boost's queue, moodycamel's and a mutex with a deque under the same flags, pinning and depth. The
// runs of all kinds take turns, so that a disturbance of the machine falls on each. Prints one line
// of JSON; times in ns, the lowest of all runs.
//   g++ -std=c++17 -O3 -pthread -I include benchmarks/native/spsc_ring_bench.cpp -o spsc_ring_bench
//   ./spsc_ring_bench [--items 2000000] [--rounds 100000] [--runs 7] [--depth 1024]
// -DCAMKIT_BENCH_PEER='"file.hpp"' adds one more: a header with a `peer_queue` made as `ring`.

#include <functional>
#include <mutex>
#include <queue>

#include "bench.hpp"
#include "camkit/cpu.hpp"
#include "camkit/spsc_ring.hpp"

#if !__has_include(<boost/lockfree/spsc_queue.hpp>) || \
    !__has_include(<readerwriterqueue/readerwriterqueue.h>)
#error "nothing to compare with: apt-get install libboost-dev libreaderwriterqueue-dev"
#endif
#include <readerwriterqueue/readerwriterqueue.h>

#include <boost/lockfree/spsc_queue.hpp>
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

// The same without copies: filled and read in place.
struct ring_in_place {
  explicit ring_in_place(std::size_t depth) : queue(depth) {}
  bool push(value v) {
    value* next = queue.reserve();
    if (!next) return false;
    *next = v;
    queue.commit();
    return true;
  }
  bool pop(value& v) {
    const value* oldest = queue.front();
    if (!oldest) return false;
    v = *oldest;
    queue.pop();
    return true;
  }
  camkit::spsc_ring<value> queue;
};

struct locked_deque {
  explicit locked_deque(std::size_t depth) : bound(depth) {}
  bool push(value v) {
    std::lock_guard<std::mutex> guard(mutex);
    if (queue.size() >= bound) return false;
    queue.push(v);
    return true;
  }
  bool pop(value& v) {
    std::lock_guard<std::mutex> guard(mutex);
    if (queue.empty()) return false;
    v = queue.front();
    queue.pop();
    return true;
  }
  std::size_t bound;
  std::mutex mutex;
  std::queue<value> queue;
};

struct boost_queue {
  explicit boost_queue(std::size_t depth) : queue(depth) {}
  bool push(value v) { return queue.push(v); }
  bool pop(value& v) { return queue.pop(v); }
  boost::lockfree::spsc_queue<value> queue;
};

struct moodycamel_queue {
  explicit moodycamel_queue(std::size_t depth) : queue(depth) {}
  bool push(value v) { return queue.try_enqueue(v); }
  bool pop(value& v) { return queue.try_dequeue(v); }
  moodycamel::ReaderWriterQueue<value> queue;
};

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
  const auto produce = [&] {
    for (value v = 0; v < items; ++v)
      while (!queue.push(v)) idle();
  };
  const auto consume = [&] {
    value got = 0;
    for (value expected = 0; expected < items; ++expected) {
      while (!queue.pop(got)) idle();
      check(got == expected);
    }
  };
  return bench::together(produce, consume) / static_cast<double>(items);
}

double batched_throughput(std::size_t depth, value items) {
  camkit::spsc_ring<value> queue(depth);
  constexpr std::size_t batch = 32;
  items -= items % batch;
  const auto produce = [&] {
    for (value v = 0; v < items; v += batch) {
      value out[batch];
      for (std::size_t i = 0; i < batch; ++i) out[i] = v + i;
      for (std::size_t done = 0; done < batch;) {
        const std::size_t n = queue.push_n(out + done, batch - done);
        if (n == 0) idle();
        done += n;
      }
    }
  };
  const auto consume = [&] {
    value got[batch];
    for (value expected = 0; expected < items;) {
      const std::size_t n = queue.pop_n(got, batch);
      if (n == 0) idle();
      for (std::size_t i = 0; i < n; ++i) check(got[i] == expected++);
    }
  };
  return bench::together(produce, consume) / static_cast<double>(items);
}

template <class Queue>
double round_trip(std::size_t depth, value rounds) {
  Queue there(depth), back(depth);
  const auto ask = [&] {
    value got = 0;
    for (value i = 0; i < rounds; ++i) {
      while (!there.push(i)) idle();
      while (!back.pop(got)) idle();
      check(got == i);
    }
  };
  const auto echo = [&] {
    value got = 0;
    for (value i = 0; i < rounds; ++i) {
      while (!there.pop(got)) idle();
      while (!back.push(got)) idle();
    }
  };
  return bench::together(ask, echo) / static_cast<double>(rounds);
}

}  // namespace

int main(int argc, char** argv) {
  const auto items = static_cast<value>(bench::option(argc, argv, "--items", 2000000));
  const auto rounds = static_cast<value>(bench::option(argc, argv, "--rounds", 100000));
  const auto depth = static_cast<std::size_t>(bench::option(argc, argv, "--depth", 1024));
  const auto runs = static_cast<int>(bench::option(argc, argv, "--runs", 7));

  struct row {
    const char* name;
    std::function<double()> measure;
    double best;
  };
  std::vector<row> transfers, trips;
  const auto add = [](std::vector<row>& rows, const char* name, std::function<double()> measure) {
    rows.push_back({name, std::move(measure), 1e30});
  };
  add(transfers, "spsc_ring", [=] { return throughput<ring>(depth, items); });
  add(trips, "spsc_ring", [=] { return round_trip<ring>(depth, rounds); });
  add(transfers, "boost_spsc_queue", [=] { return throughput<boost_queue>(depth, items); });
  add(trips, "boost_spsc_queue", [=] { return round_trip<boost_queue>(depth, rounds); });
  add(transfers, "moodycamel", [=] { return throughput<moodycamel_queue>(depth, items); });
  add(trips, "moodycamel", [=] { return round_trip<moodycamel_queue>(depth, rounds); });
#if defined(CAMKIT_BENCH_PEER)
  add(transfers, "peer", [=] { return throughput<peer_queue>(depth, items); });
  add(trips, "peer", [=] { return round_trip<peer_queue>(depth, rounds); });
#endif
  add(transfers, "spsc_ring_in_place", [=] { return throughput<ring_in_place>(depth, items); });
  add(transfers, "spsc_ring_batch32", [=] { return batched_throughput(depth, items); });
  add(transfers, "mutex_deque", [=] { return throughput<locked_deque>(depth, items / 20 + 1); });
  add(trips, "mutex_deque", [=] { return round_trip<locked_deque>(depth, rounds / 20 + 1); });

  const auto best = [runs](std::vector<row>& rows) {
    for (int i = 0; i < runs; ++i)
      for (row& one : rows) one.best = std::min(one.best, one.measure());
    std::vector<std::pair<std::string, double>> found;
    for (const row& one : rows) found.emplace_back(one.name, one.best);
    return found;
  };
  bench::report report("spsc_ring");
  report.number("cpus", static_cast<double>(bench::cpus().size()));
  report.number("depth", static_cast<double>(depth));
  report.section("item_ns", best(transfers));
  report.section("round_trip_ns", best(trips));
  report.print();
  return 0;
}
