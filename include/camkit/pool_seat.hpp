// What a thread_pool is made of: a job, a range of it, and the seat of a thread that works on one.
#ifndef CAMKIT_POOL_SEAT_HPP
#define CAMKIT_POOL_SEAT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "camkit/cpu.hpp"
#include "camkit/parker.hpp"
#include "camkit/work_deque.hpp"

namespace camkit {

// Works on the indices begin .. end - 1. Anything but 0 stops the rest of the job. Throws nothing.
using band_fn = int (*)(std::size_t begin, std::size_t end, void* user);

// A call of parallel_for(), on the caller's stack.
struct pool_job {
  pool_job(band_fn f, void* u, std::size_t n, std::size_t g) noexcept
      : fn(f), user(u), grain(g), left(n) {}

  // The first answer that is not 0 is the job's.
  void fail(int answer) noexcept {
    int none = 0;
    status.compare_exchange_strong(none, answer, std::memory_order_relaxed);
  }

  const band_fn fn;
  void* const user;
  const std::size_t grain;
  parker* bell = nullptr;         // of the caller's seat, which outlives the job
  std::atomic<std::size_t> left;  // the job is over, and may be gone, when it is 0
  std::atomic<int> status{0};
  std::atomic<bool> dozing{false};  // the caller sleeps and would help
};

struct pool_range {
  pool_job* of;
  std::size_t begin, end;
};

// Written by the thread that has the seat, read by any.
class pool_tally {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(contention_span) pool_seat {
  // Holds all halves of a range of 2^64: a seat serves one job at a time.
  using deque = work_deque<pool_range, 64>;

  deque ranges;
  parker bell{0};
  pool_tally jobs, bands, stolen, sleeps, abandoned;
};

}  // namespace camkit

#endif
