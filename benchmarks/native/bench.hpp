#ifndef CAMKIT_BENCH_HPP
#define CAMKIT_BENCH_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace bench {

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The CPUs this process started with: pinning itself narrows what a later question would return.
inline const std::vector<int>& cpus() {
  static const std::vector<int> allowed = [] {
    std::vector<int> found;
#if defined(__linux__)
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
#endif
    return found;
  }();
  return allowed;
}

inline bool pin(std::size_t nth) {
#if defined(__linux__)
  if (nth >= cpus().size()) return false;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus()[nth], &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
#else
  (void)nth;
  return false;
#endif
}

// Run both at once, each on a CPU of its own; return the ns until both have ended.
template <class First, class Second>
double together(First&& first, Second&& second) {
  std::atomic<int> ready{0};
  std::thread other([&] {
    pin(1);
    ready.store(1);
    while (ready.load() != 2) std::this_thread::yield();
    second();
  });
  pin(0);
  while (ready.load() != 1) std::this_thread::yield();
  const std::int64_t start = now_ns();
  ready.store(2);
  first();
  other.join();
  return static_cast<double>(now_ns() - start);
}

// Keeps the optimiser from seeing that a result is never used.
template <class T>
inline void keep(const T& value) {
#if defined(__GNUC__)
  __asm__ __volatile__("" : : "g"(&value) : "memory");
#else
  static volatile const void* sink;
  sink = &value;
#endif
}

// The lowest of several runs: whatever else the machine does can only add time.
template <class F>
double best_of(int runs, F&& measure) {
  double best = measure();
  for (int i = 1; i < runs; ++i) best = std::min(best, measure());
  return best;
}

inline long option(int argc, char** argv, const char* name, long fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return std::max(1L, std::atol(argv[i + 1]));
  return fallback;
}

// One JSON object on one line, nested one level deep: section -> name -> number.
class report {
 public:
  explicit report(const char* subject) : text_(std::string("{\"subject\":\"") + subject + "\"") {}

  void number(const char* name, double value) {
    text_ += ",\"" + std::string(name) + "\":" + show(value);
  }

  void section(const char* name, const std::vector<std::pair<std::string, double>>& rows) {
    text_ += ",\"" + std::string(name) + "\":{";
    for (std::size_t i = 0; i < rows.size(); ++i)
      text_ += (i ? ",\"" : "\"") + rows[i].first + "\":" + show(rows[i].second);
    text_ += "}";
  }

  void print() const { std::printf("%s}\n", text_.c_str()); }

 private:
  static std::string show(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", value);
    return digits;
  }

  std::string text_;
};

}  // namespace bench

#endif
