// A frame from one pinned thread to another: frame_queue beside what else one would take. Busy: ns
// a frame while both sides have work, and half a round trip while both look. Parked: from before
// the push to after the pop of a thread that sleeps in the kernel, median and p99. Prints one line
// of JSON; the runs of all kinds take turns, the lowest of each counts.
//   g++ -std=c++17 -O3 -pthread -I include benchmarks/native/hop_bench.cpp -o hop_bench
//   ./hop_bench [--items 500000] [--wakes 1000] [--runs 5] [--depth 16]

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "bench.hpp"
#include "camkit/frame_queue.hpp"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

using camkit::frame_queue;
using camkit::link_policy;

camkit_frame* const some_frame = reinterpret_cast<camkit_frame*>(64);  // handed over, never opened

template <link_policy policy, bool spin>
struct camkit_queue {
  explicit camkit_queue(std::size_t depth)
      : queue(depth, policy, spin ? UINT32_MAX : camkit::parker::default_spins()) {}
  ~camkit_queue() {
    for (camkit_frame* f = nullptr; queue.pop(&f, 0) == CAMKIT_OK;) {
    }
  }
  void push(camkit_frame* f) { queue.push(f, -1); }
  camkit_frame* pop() {
    camkit_frame* f = nullptr;
    queue.pop(&f, -1);
    return f;
  }
  frame_queue queue;
};
using parking = camkit_queue<link_policy::block, false>;
using spinning = camkit_queue<link_policy::block, true>;

struct locked_deque {
  explicit locked_deque(std::size_t depth) : bound(depth) {}
  void push(camkit_frame* f) {
    std::unique_lock<std::mutex> guard(mutex);
    room.wait(guard, [&] { return queue.size() < bound; });
    queue.push_back(f);
    guard.unlock();
    filled.notify_one();
  }
  camkit_frame* pop() {
    std::unique_lock<std::mutex> guard(mutex);
    filled.wait(guard, [&] { return !queue.empty(); });
    camkit_frame* f = queue.front();
    queue.pop_front();
    guard.unlock();
    room.notify_one();
    return f;
  }
  std::size_t bound;
  std::mutex mutex;
  std::condition_variable filled, room;
  std::deque<camkit_frame*> queue;
};

#if defined(__linux__)
// The limit for any sleep: one word and the two system calls, no queue at all.
struct raw_futex {
  explicit raw_futex(std::size_t) {}
  void push(camkit_frame*) {
    word.store(1, std::memory_order_release);
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  camkit_frame* pop() {
    while (!word.exchange(0, std::memory_order_acquire))
      ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    return some_frame;
  }
  std::atomic<std::uint32_t> word{0};
};
#endif

template <class Queue>
double per_frame(std::size_t depth, long items) {
  Queue queue(depth);
  const auto produce = [&] {
    for (long i = 0; i < items; ++i) queue.push(some_frame);
  };
  const auto consume = [&] {
    for (long i = 0; i < items; ++i) queue.pop();
  };
  return bench::together(produce, consume) / static_cast<double>(items);
}

template <class Queue>
double half_round_trip(std::size_t depth, long rounds) {
  Queue there(depth), back(depth);
  const auto ask = [&] {
    for (long i = 0; i < rounds; ++i) {
      there.push(some_frame);
      back.pop();
    }
  };
  const auto echo = [&] {
    for (long i = 0; i < rounds; ++i) back.push(there.pop());
  };
  return bench::together(ask, echo) / static_cast<double>(rounds) / 2;
}

struct wake_up {
  double median = 1e30, p99 = 1e30, push = 1e30;
};

// The pause lets the consumer fall asleep; it is twice as long as a timer's slack.
template <class Queue>
wake_up parked(std::size_t depth, long wakes) {
  Queue queue(depth);
  std::atomic<std::int64_t> pushed_at{0};
  std::vector<double> took, in_push;
  const auto produce = [&] {
    for (long i = 0; i < wakes; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      const std::int64_t before = bench::now_ns();
      pushed_at.store(before, std::memory_order_relaxed);
      queue.push(some_frame);
      in_push.push_back(static_cast<double>(bench::now_ns() - before));
    }
  };
  const auto consume = [&] {
    for (long i = 0; i < wakes; ++i) {
      queue.pop();
      took.push_back(
          static_cast<double>(bench::now_ns() - pushed_at.load(std::memory_order_relaxed)));
    }
  };
  bench::together(produce, consume);
  std::sort(took.begin(), took.end());
  std::sort(in_push.begin(), in_push.end());
  const auto at = [](const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share)];
  };
  return {at(took, 0.5), at(took, 0.99), at(in_push, 0.5)};
}

}  // namespace

int main(int argc, char** argv) {
  const long items = bench::option(argc, argv, "--items", 500000);
  const long wakes = bench::option(argc, argv, "--wakes", 1000);
  const long runs = bench::option(argc, argv, "--runs", 5);
  const auto depth = static_cast<std::size_t>(bench::option(argc, argv, "--depth", 16));

  struct kind {
    const char* name;
    std::function<double()> busy, trip;
    std::function<wake_up()> sleep;
    double busy_ns = 1e30, trip_ns = 1e30;
    wake_up woken{};
  };
  const auto make = [=](const char* name, auto* tag, bool slow) {
    using Queue = std::remove_pointer_t<decltype(tag)>;
    const long few = slow ? items / 20 + 1 : items;
    return kind{name, [=] { return per_frame<Queue>(depth, few); },
                [=] { return half_round_trip<Queue>(depth, few / 50 + 1); },
                [=] { return parked<Queue>(depth, wakes); }};
  };
  std::vector<kind> kinds{
      make("frame_queue", static_cast<parking*>(nullptr), false),
      make("frame_queue_spin", static_cast<spinning*>(nullptr), false),
      make("mutex_condvar", static_cast<locked_deque*>(nullptr), true),
  };
#if defined(__linux__)
  kinds.push_back({"raw_futex", nullptr, nullptr, [=] { return parked<raw_futex>(depth, wakes); }});
#endif
  for (long run = 0; run < runs; ++run) {
    for (kind& one : kinds) {
      if (one.busy) one.busy_ns = std::min(one.busy_ns, one.busy());
      if (one.trip) one.trip_ns = std::min(one.trip_ns, one.trip());
      const wake_up now = one.sleep();
      one.woken.median = std::min(one.woken.median, now.median);
      one.woken.p99 = std::min(one.woken.p99, now.p99);
      one.woken.push = std::min(one.woken.push, now.push);
    }
  }
  std::vector<std::pair<std::string, double>> busy, trip, median, p99, push;
  for (const kind& one : kinds) {
    if (one.busy) busy.emplace_back(one.name, one.busy_ns);
    if (one.trip) trip.emplace_back(one.name, one.trip_ns);
    median.emplace_back(one.name, one.woken.median);
    p99.emplace_back(one.name, one.woken.p99);
    push.emplace_back(one.name, one.woken.push);
  }
  bench::report report("hop");
  report.number("cpus", static_cast<double>(bench::cpus().size()));
  report.number("depth", static_cast<double>(depth));
  report.section("busy_frame_ns", busy);
  report.section("busy_hop_ns", trip);
  report.section("parked_hop_ns", median);
  report.section("parked_hop_p99_ns", p99);
  report.section("parked_push_ns", push);
  report.print();
  return 0;
}
