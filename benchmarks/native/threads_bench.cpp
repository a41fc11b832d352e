// Shared loops: thread_pool beside OpenMP (the same number of threads) and one thread, on an empty
// job of two bands and on a 3x3 box blur of a 1080p picture in bands of 16 rows.
#include <omp.h>

#include "bench.hpp"
#include "blur.h"
#include "camkit/thread_pool.hpp"

namespace {

int empty(std::size_t, std::size_t, void* user) {
  bench::keep(user);
  return 0;
}

template <class F>
double mean_ns(long rounds, F&& call) {
  const std::int64_t begin = bench::now_ns();
  for (long i = 0; i < rounds; ++i) call();
  return static_cast<double>(bench::now_ns() - begin) / static_cast<double>(rounds);
}

// After a pause in which workers went to sleep: what the caller pays then.
template <class F>
double rested_ns(long rounds, F&& call) {
  std::vector<double> each;
  for (long i = 0; i < rounds; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    each.push_back(mean_ns(1, call));
  }
  std::sort(each.begin(), each.end());
  return each[each.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = static_cast<int>(bench::option(argc, argv, "--threads", 2));
  const long rounds = bench::option(argc, argv, "--rounds", 20000);
  const std::size_t grain = 16, bands = (blur_rows + grain - 1) / grain;

  camkit::thread_pool pool(static_cast<unsigned>(threads - 1));
  std::vector<std::thread> crew;
  for (int i = 0; i < threads - 1; ++i)
    crew.emplace_back([&, i] { pool.work(static_cast<unsigned>(i)); });
  omp_set_num_threads(threads);

  static blur_job job;
  for (std::size_t i = 0; i < sizeof job.in; ++i)
    job.in[i] = static_cast<unsigned char>(i * 2654435761u >> 24);

  const auto pool_empty = [&] { pool.parallel_for(empty, nullptr, 2, 1); };
  const auto omp_empty = [&] {
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < 2; ++i) empty(0, 1, nullptr);
  };
  const auto pool_blur = [&] { pool.parallel_for(blur, &job, blur_rows, grain); };
  const auto omp_blur = [&] {
#pragma omp parallel for schedule(dynamic, 1)
    for (std::size_t i = 0; i < bands; ++i)
      blur(i * grain, std::min<std::size_t>((i + 1) * grain, blur_rows), &job);
  };
  const auto one_blur = [&] { blur(0, blur_rows, &job); };

  bench::report out("threads");
  const auto section = [&](const char* name, auto&& measure, auto&& ours, auto&& openmp) {
    out.section(name, {{"thread_pool", bench::best_of(5, [&] { return measure(ours); })},
                       {"openmp", bench::best_of(5, [&] { return measure(openmp); })}});
  };
  section("empty_ns", [&](auto& f) { return mean_ns(rounds, f); }, pool_empty, omp_empty);
  section("rested_ns", [&](auto& f) { return rested_ns(50, f); }, pool_empty, omp_empty);
  section("blur_ns", [&](auto& f) { return mean_ns(100, f); }, pool_blur, omp_blur);
  out.number("blur_one_ns", bench::best_of(5, [&] { return mean_ns(50, one_blur); }));
  out.print();
  pool.stop(false);
  for (std::thread& one : crew) one.join();
}
