#ifndef CAMKIT_THREAD_POOL_HPP
#define CAMKIT_THREAD_POOL_HPP

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>

#include "camkit/cpu.hpp"
#include "camkit/pool_seat.hpp"

namespace camkit {

// Threads that share loops: parallel_for() cuts 0 .. n - 1 into bands, which the caller and the
// workers take from each other until all are done. It makes no threads: whoever does lets each of
// them call work(). After the constructor nothing is allocated; a job lives on its caller's stack.
//
// Every call of parallel_for(), also one from within a band, sits down on a seat: a deque of ranges
// and a bell. Each halves its range until a band is left, and leaves the other halves on its deque;
// workers without work steal there, the largest halves first, and do likewise. A caller whose deque
// is empty helps with its own job only (it would be kept by a longer one else) and sleeps until the
// last thief is done. That cannot be a circle: who waits for a job made it later than the one whose
// band it is in the middle of, so waiting always leads to a younger job.
//
// What calls a band's function is not noexcept, though nothing may throw: the end of the Python
// interpreter unwinds a thread that waits for the GIL in there.
//
// Thread-safety: everything from any thread; the destructor when no call and no work() goes on.
class thread_pool {
 public:
  static constexpr unsigned max_workers = 64;
  static constexpr unsigned max_calls = 64;  // at once; further ones work alone
  static constexpr int stopped = INT_MIN;    // answer: the pool was stopped, not every band ran

  // `spins`: how often an idle thread looks for work, a pause apart, before it sleeps.
  explicit thread_pool(unsigned workers, std::uint32_t spins = default_spins()) noexcept
      : workers_(workers), spins_(spins) {
    if (workers <= max_workers) seats_ = new (std::nothrow) seat[workers + max_calls];
  }

  ~thread_pool() { delete[] seats_; }

  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  // About ten microseconds, what it costs to wake a sleeper.
  static std::uint32_t default_spins() noexcept { return parker::default_spins() ? 400 : 0; }

  bool ok() const noexcept { return seats_ != nullptr; }
  unsigned workers() const noexcept { return workers_; }

  // Call fn on bands of `grain` indices (0: four bands a thread), the last one shorter where it
  // does not divide n, in any order, and return when all are done: 0, the first other answer that a
  // band gave (bands not begun by then are left out), or `stopped`.
  int parallel_for(band_fn fn, void* user, std::size_t n, std::size_t grain) {
    if (n == 0) return 0;
    if (mode_.load(std::memory_order_acquire) >= finishing) return stopped;
    if (grain == 0) grain = n / (4 * (std::size_t{workers_} + 1)) + 1;
    job work(fn, user, n, grain);
    seat* mine =
        n <= grain || mode_.load(std::memory_order_relaxed) == alone ? nullptr : sit_down();
    if (mine == nullptr) {
      alone_.fetch_add(1, std::memory_order_relaxed);
      return run_alone(work);
    }
    work.bell = &mine->bell;
    mine->jobs.add(1);
    execute(*mine, {&work, 0, n});
    await(*mine, work);
    stand_up(mine);
    return work.status.load(std::memory_order_relaxed);
  }

  // The life of worker `index`, each in a thread of its own: returns after stop().
  void work(unsigned index) {
    seat& me = seats_[index];
    range found;
    for (;;) {
      if (look_around(index, found)) {
        execute(me, found);
      } else if (mode_.load(std::memory_order_acquire) != open) {
        return;
      } else {
        sleep(index, me);
      }
    }
  }

  // Workers go when nothing is left to do, and new jobs are refused. `abandon`: bands not begun are
  // left out, counted, and their callers told.
  void stop(bool abandon) noexcept {
    int now = mode_.load(std::memory_order_relaxed);
    const int next = abandon ? abandoning : finishing;
    while (now < next && !mode_.compare_exchange_weak(now, next, std::memory_order_seq_cst)) {
    }
    for (unsigned i = 0; i < workers_; ++i) seats_[i].bell.notify();
  }

  // In a forked child, where the workers are missing and seats may be taken for ever: every job
  // is done by its caller from now on.
  void be_alone() noexcept {
    if (mode_.load(std::memory_order_relaxed) == open)
      mode_.store(alone, std::memory_order_relaxed);
  }

  // Tell whether calls go on whose bands others may have; only for a moment.
  bool busy() const noexcept { return calls_.load(std::memory_order_acquire) != 0; }

  bool accepts() const noexcept { return mode_.load(std::memory_order_acquire) < finishing; }

  struct totals {
    std::uint64_t jobs = 0;       // calls whose bands others could take
    std::uint64_t alone = 0;      // calls done by the caller: one band, no seat, or a forked child
    std::uint64_t bands = 0;      // calls of a band's function in `jobs`
    std::uint64_t stolen = 0;     // ranges that changed hands
    std::uint64_t sleeps = 0;     // times that a worker went to sleep
    std::uint64_t abandoned = 0;  // indices left out because the pool was stopped
  };

  totals count() const noexcept {
    totals all;
    all.alone = alone_.load(std::memory_order_relaxed);
    all.abandoned = lost_alone_.load(std::memory_order_relaxed);
    for (unsigned i = 0; i < workers_ + max_calls; ++i) {
      all.jobs += seats_[i].jobs.get();
      all.bands += seats_[i].bands.get();
      all.stolen += seats_[i].stolen.get();
      all.sleeps += seats_[i].sleeps.get();
      all.abandoned += seats_[i].abandoned.get();
    }
    return all;
  }

 private:
  enum mode : int { open, alone, finishing, abandoning };

  using job = pool_job;
  using range = pool_range;
  using seat = pool_seat;
  using deque = pool_seat::deque;

  seat* sit_down() noexcept {
    std::uint64_t taken = calls_.load(std::memory_order_relaxed);
    while (~taken != 0) {
      const unsigned free = lowest_bit(~taken);
      if (calls_.compare_exchange_weak(taken, taken | bit(free), std::memory_order_seq_cst,
                                       std::memory_order_relaxed))
        return &seats_[workers_ + free];
    }
    return nullptr;
  }

  void stand_up(seat* mine) noexcept {
    const auto nth = static_cast<unsigned>(mine - seats_) - workers_;
    calls_.fetch_and(~bit(nth), std::memory_order_release);
  }

  int run_alone(job& work) {
    const std::size_t n = work.left.load(std::memory_order_relaxed);
    const std::size_t left_out = run_bands({&work, 0, n}, nullptr);
    if (left_out != 0) lost_alone_.fetch_add(left_out, std::memory_order_relaxed);
    return work.status.load(std::memory_order_relaxed);
  }

  // Does the range and whatever of it is not stolen meanwhile.
  void execute(seat& me, range now) {
    job& work = *now.of;
    std::size_t done = 0;
    do {
      while (now.end - now.begin > work.grain && !over(work)) {
        const std::size_t bands = (now.end - now.begin - 1) / work.grain + 1;
        const std::size_t middle = now.begin + bands / 2 * work.grain;
        if (!me.ranges.push({&work, middle, now.end})) break;
        now.end = middle;
        wake_one();
        if (work.dozing.load(std::memory_order_relaxed)) work.bell->notify();
      }
      done += now.end - now.begin;
      me.abandoned.add(run_bands(now, &me.bands));
    } while (me.ranges.pop(now));
    parker* const bell = work.bell;
    if (work.left.fetch_sub(done, std::memory_order_acq_rel) == done) bell->notify();
  }

  // Return how many indices were left out because the pool was stopped.
  std::size_t run_bands(range now, pool_tally* bands) {
    job& work = *now.of;
    while (now.begin < now.end && !over(work)) {
      const std::size_t end = now.end - now.begin > work.grain ? now.begin + work.grain : now.end;
      if (bands != nullptr) bands->add(1);
      if (const int status = work.fn(now.begin, end, work.user)) work.fail(status);
      now.begin = end;
    }
    return work.status.load(std::memory_order_relaxed) == stopped ? now.end - now.begin : 0;
  }

  bool over(job& work) noexcept {
    if (mode_.load(std::memory_order_relaxed) == abandoning) work.fail(stopped);
    return work.status.load(std::memory_order_relaxed) != 0;
  }

  // The caller, whose deque is empty: what thieves have of the job is still under way.
  void await(seat& me, job& work) {
    for (std::uint32_t turn = 0;; ++turn) {
      if (work.left.load(std::memory_order_acquire) == 0) return;
      range found;
      if (steal_back(me, work, found)) {
        execute(me, found);
        turn = 0;
      } else if (mode_.load(std::memory_order_relaxed) == alone) {
        return work.fail(stopped);  // a band forked, and the thieves are in the parent
      } else if (turn < spins_) {
        cpu_relax();
      } else {
        const std::uint32_t key = me.bell.prepare();
        work.dozing.store(true, std::memory_order_relaxed);
        if (work.left.load(std::memory_order_acquire) == 0)
          me.bell.cancel();
        else
          me.bell.wait(key, -1);
        work.dozing.store(false, std::memory_order_relaxed);
      }
    }
  }

  bool steal_back(seat& me, const job& work, range& found) noexcept {
    for (unsigned i = 0; i < workers_; ++i)
      if (steal(me, seats_[i], found, [&](const range& seen) { return seen.of == &work; }))
        return true;
    return false;
  }

  // Anything that a worker can do. No call goes on: no deque can hold a range.
  bool look_around(unsigned index, range& found) noexcept {
    const auto any = [](const range&) { return true; };
    seat& me = seats_[index];
    std::uint64_t calls = calls_.load(std::memory_order_seq_cst);
    if (calls == 0) return false;
    for (unsigned i = 1; i < workers_; ++i)
      if (steal(me, seats_[(index + i) % workers_], found, any)) return true;
    for (; calls != 0; calls &= calls - 1)
      if (steal(me, seats_[workers_ + lowest_bit(calls)], found, any)) return true;
    return false;
  }

  template <class Wanted>
  bool steal(seat& me, seat& victim, range& found, Wanted wanted) noexcept {
    typename deque::answer answer;
    do answer = victim.ranges.steal(found, wanted);
    while (answer == deque::answer::lost);
    if (answer != deque::answer::got) return false;
    me.stolen.add(1);
    // Whoever was woken for it may have found something else: pass the wake-up on.
    if (!victim.ranges.empty()) wake_one();
    return true;
  }

  // After a push. Either this sees the sleeper's bit, or the sleeper, who sets it first and looks
  // around then, sees what was pushed: both sides are seq_cst.
  void wake_one() noexcept {
    std::uint64_t idle = idle_.load(std::memory_order_seq_cst);
    while (idle != 0) {
      const unsigned chosen = lowest_bit(idle);
      if (idle_.compare_exchange_weak(idle, idle & ~bit(chosen), std::memory_order_seq_cst)) {
        seats_[chosen].bell.notify();
        return;
      }
    }
  }

  void sleep(unsigned index, seat& me) {
    for (std::uint32_t turn = 0; turn < spins_; ++turn) {
      if (calls_.load(std::memory_order_relaxed) != 0) {
        range found;
        if (look_around(index, found)) return execute(me, found);
      }
      cpu_relax();
    }
    const std::uint32_t key = me.bell.prepare();
    idle_.fetch_or(bit(index), std::memory_order_seq_cst);
    range found;
    const bool lucky = look_around(index, found);
    if (lucky || mode_.load(std::memory_order_seq_cst) != open) {
      me.bell.cancel();
    } else {
      me.sleeps.add(1);
      me.bell.wait(key, -1);
    }
    idle_.fetch_and(~bit(index), std::memory_order_relaxed);
    if (lucky) execute(me, found);
  }

  static std::uint64_t bit(unsigned n) noexcept { return std::uint64_t{1} << n; }

  static unsigned lowest_bit(std::uint64_t set) noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned n = 0;
    for (; !(set & 1); set >>= 1) ++n;
    return n;
#else
    return static_cast<unsigned>(__builtin_ctzll(set));
#endif
  }

  const unsigned workers_;
  const std::uint32_t spins_;
  seat* seats_ = nullptr;  // owned: the workers', then the callers'
  std::atomic<int> mode_{open};
  std::atomic<std::uint64_t> alone_{0}, lost_alone_{0};
  alignas(contention_span) std::atomic<std::uint64_t> calls_{0};  // a bit for each seat taken
  alignas(contention_span) std::atomic<std::uint64_t> idle_{0};   // a bit for each worker asleep
};

}  // namespace camkit

#endif
