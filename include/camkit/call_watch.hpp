// Lets a thread sleep inside one blocking system call, and others break that call off: a reader
// that waits in the driver's own call saves a poll() for each frame. A helper thread watches for
// what would have ended the poll; it sleeps while frames flow and costs them nothing.
//
// A call is broken off by a signal to its thread, which makes it fail with EINTR. The signal is
// sent only while the thread is between enter() and leave(), so no other call of that thread is
// disturbed; it is sent again until the thread leaves, since it may come just before the call
// begins. Linux only.
#ifndef CAMKIT_CALL_WATCH_HPP
#define CAMKIT_CALL_WATCH_HPP

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <thread>

#include "camkit/cpu.hpp"

namespace camkit {

class call_watch {
 public:
  enum reason : std::uint32_t {
    interrupted = 1,  // interrupt() was called
    late = 2,         // the call has lasted for a tick at least, two at most
    event = 4,        // the descriptor has something urgent: POLLPRI, or an error
  };

  // `tick_ms`: how long a call may last before it comes back with `late`.
  explicit call_watch(int tick_ms) noexcept : tick_ms_(tick_ms) {}
  call_watch(const call_watch&) = delete;
  call_watch& operator=(const call_watch&) = delete;
  ~call_watch() { stop(); }

  // Watch from now on; `fd` is looked at for urgent things, -1: there is none. Returns 0 or an
  // errno.
  int start(int fd) noexcept {
    const int error = prepare_signal();
    if (error) return error;
    alarm_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (alarm_ < 0) return errno;
    fd_ = fd;
    ending_.store(false);
    reasons_.store(0);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      close(alarm_);
      alarm_ = -1;
      return EAGAIN;
    }
    return 0;
  }

  // Nobody may be in a call, and fd is not touched after this.
  void stop() noexcept {
    if (!thread_.joinable()) return;
    ending_.store(true);
    wake();
    thread_.join();
    close(alarm_);
    alarm_ = -1;
  }

  // The thread is another process's: it was not forked with us. Forget it.
  void abandon() noexcept {
    if (thread_.joinable()) thread_.detach();
  }

  // The one thread that calls. False: there are reasons not to, leave() tells them.
  bool enter() noexcept {
    unblock_signal();
    caller_.store(pthread_self(), std::memory_order_relaxed);
    calls_.fetch_add(1, std::memory_order_relaxed);
    state_.store(inside, std::memory_order_seq_cst);
    return reasons_.load(std::memory_order_seq_cst) == 0;
  }

  // After every enter(): the reasons that have come up, which are forgotten by that.
  std::uint32_t leave() noexcept {
    std::uint32_t seen = inside;
    while (!state_.compare_exchange_weak(seen, outside, std::memory_order_seq_cst)) {
      seen = inside;  // a signal is on its way: it must find us here, not in another call
      cpu_relax();
    }
    if (reasons_.load(std::memory_order_relaxed) == 0) return 0;
    const std::uint32_t told = reasons_.exchange(0, std::memory_order_seq_cst);
    if (told & event) wake();  // look at the descriptor again
    return told;
  }

  // Any thread: break the call off, or the next one if there is none.
  void interrupt() noexcept {
    reasons_.fetch_or(interrupted, std::memory_order_seq_cst);
    if (state_.load(std::memory_order_seq_cst) != outside) wake();
  }

 private:
  enum : std::uint32_t { outside = 0, inside = 1, signalling = 2 };

  // One signal for all watches of the process: the highest real-time one that nobody has taken.
  static int& signal_number() noexcept {
    static int number = 0;
    return number;
  }

  static int prepare_signal() noexcept {
    static const int error = [] {
      for (int number = SIGRTMAX - 1; number > SIGRTMIN; --number) {
        struct sigaction old{};
        if (sigaction(number, nullptr, &old) || old.sa_flags & SA_SIGINFO ||
            old.sa_handler != SIG_DFL)
          continue;
        struct sigaction own{};
        own.sa_handler = [](int) {};  // without SA_RESTART: all it is for is EINTR
        sigemptyset(&own.sa_mask);
        if (sigaction(number, &own, nullptr)) return errno;
        signal_number() = number;
        return 0;
      }
      return EBUSY;
    }();
    return error;
  }

  static void unblock_signal() noexcept {
    static thread_local bool done = false;
    if (done) return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number());
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    done = true;
  }

  void wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(alarm_, &one, sizeof one);
  }

  // Break the call off that the caller is in, if any; returns when it has left, or heard of it.
  void raise(std::uint32_t why) noexcept {
    reasons_.fetch_or(why, std::memory_order_seq_cst);
    for (int turn = 0; !ending_.load() && reasons_.load(std::memory_order_seq_cst) & why; ++turn) {
      std::uint32_t seen = inside;
      if (!state_.compare_exchange_strong(seen, signalling, std::memory_order_seq_cst)) return;
      // By its handle, for a number that the thread has kept is its parent's after a fork.
      pthread_kill(caller_.load(std::memory_order_relaxed), signal_number());
      state_.store(inside, std::memory_order_seq_cst);
      std::this_thread::sleep_for(std::chrono::microseconds(turn < 10 ? 100 : 2000));
    }
  }

  void run() noexcept {
    pthread_setname_np(pthread_self(), "camkit-watch");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the process's own signals are for others
    std::uint64_t last = 0;
    bool gone = false;
    while (!ending_.load()) {
      // An event that the caller has not heard of yet would end every poll at once.
      const bool told = (reasons_.load() & event) != 0;
      pollfd p[2] = {{alarm_, POLLIN, 0}, {told || gone ? -1 : fd_, POLLPRI, 0}};
      const int n = poll(p, 2, tick_ms_);
      if (ending_.load()) return;
      if (p[0].revents) {
        std::uint64_t count;
        [[maybe_unused]] const auto got = read(alarm_, &count, sizeof count);
        if (reasons_.load() & interrupted) raise(interrupted);
      }
      if (p[1].revents) {
        gone = (p[1].revents & (POLLERR | POLLHUP | POLLNVAL)) !=
               0;  // it would end every poll from now on
        raise(event);
      }
      if (n == 0) {
        const std::uint64_t call = calls_.load(std::memory_order_relaxed);
        if (state_.load() == inside && call == last) raise(late);
        last = call;
      }
    }
  }

  const int tick_ms_;
  int fd_ = -1, alarm_ = -1;
  std::thread thread_;
  std::atomic<bool> ending_{false};
  alignas(cache_line) std::atomic<std::uint32_t> state_{outside};
  std::atomic<std::uint32_t> reasons_{0};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<pthread_t> caller_{};
};

}  // namespace camkit

#endif
