// What it costs a thread to tell what it does: one value into a histogram, one event into a trace's
// ring, and the branch where no trace is wanted. Beside them a plain addition and one reading of
// the clock. Prints one line of JSON; times in ns each.
//   g++ -std=c++17 -O2 -pthread -I include benchmarks/native/truth_bench.cpp -o truth_bench
//   ./truth_bench [--items 4000000] [--runs 5]

#include <memory>

#include "bench.hpp"
#include "camkit/clock.hpp"
#include "camkit/histogram.hpp"
#include "camkit/trace.hpp"

namespace {

template <class F>
double each(long items, int runs, F&& work) {
  return bench::best_of(runs, [&] {
    const std::int64_t start = bench::now_ns();
    for (long i = 0; i < items; ++i) work(i);
    return static_cast<double>(bench::now_ns() - start) / static_cast<double>(items);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const long items = bench::option(argc, argv, "--items", 4'000'000);
  const int runs = static_cast<int>(bench::option(argc, argv, "--runs", 5));
  bench::pin(0);
  // Durations as a pipeline has them, spread over four orders of magnitude.
  std::vector<std::int64_t> values(1 << 14);
  std::uint64_t state = 1;
  for (auto& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<std::int64_t>((state >> 40) >> ((state >> 33) % 14));
  }
  const std::size_t mask = values.size() - 1;
  auto histogram = std::make_unique<camkit::histogram>();
  camkit::trace_ring ring(1 << 16);
  camkit::trace_ring* none = nullptr;
  std::uint64_t sum = 0;
  bench::report out("truth");
  out.section(
      "each_ns",
      {{"plain_add", each(items, runs,
                          [&](long i) {
                            sum += static_cast<std::uint64_t>(
                                values[static_cast<std::size_t>(i) & mask]);
                            bench::keep(sum);
                          })},
       {"histogram_record",
        each(items, runs,
             [&](long i) { histogram->record(values[static_cast<std::size_t>(i) & mask]); })},
       {"trace_event", each(items, runs,
                            [&](long i) {
                              const auto at = static_cast<std::uint64_t>(i);
                              ring.record(camkit::trace_kind::stage, 1, at, at, at + 1);
                            })},
       {"trace_off", each(items, runs,
                          [&](long i) {
                            bench::keep(none);
                            if (none) none->record(camkit::trace_kind::stage, 1, 0, 0, 0);
                            bench::keep(i);
                          })},
       {"clock",
        each(items, runs, [&](long) { sum += static_cast<std::uint64_t>(camkit::now_ns()); })}});
  bench::keep(sum);
  out.print();
  return 0;
}
