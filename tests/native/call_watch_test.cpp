#include "camkit/call_watch.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <string>

#include "check.hpp"

namespace {

struct pipe_ends {
  int out, in;
  pipe_ends() {
    int ends[2];
    CHECK(pipe(ends) == 0);
    out = ends[0];
    in = ends[1];
  }
  ~pipe_ends() {
    close(out);
    close(in);
  }
};

// Read one byte as the watched caller; the reasons, and whether the byte came.
std::uint32_t watched_read(camkit::call_watch& watch, int fd, bool* got) {
  char byte = 0;
  ssize_t n = -1;
  if (watch.enter()) n = read(fd, &byte, 1);
  const std::uint32_t reasons = watch.leave();
  *got = n == 1;
  return reasons;
}

void test_what_comes_is_read_undisturbed() {
  pipe_ends data;
  camkit::call_watch watch(60000);
  CHECK(watch.start(-1) == 0);
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) CHECK(write(data.in, "x", 1) == 1);
  });
  bool got = false;
  for (int i = 0; i < 2000; ++i) {
    CHECK(watched_read(watch, data.out, &got) == 0);
    CHECK(got);
  }
  writer.join();
  watch.stop();
  watch.stop();
}

void test_a_call_without_end_comes_back_late() {
  pipe_ends data;
  camkit::call_watch watch(20);
  CHECK(watch.start(-1) == 0);
  for (int i = 0; i < 3; ++i) {
    bool got = true;
    CHECK(watched_read(watch, data.out, &got) == camkit::call_watch::late && !got);
  }
}

void test_an_interrupt_ends_this_call_or_the_next() {
  pipe_ends data;
  camkit::call_watch watch(60000);
  CHECK(watch.start(-1) == 0);
  bool got = true;
  watch.interrupt();  // nobody is there: it waits for the next call
  CHECK(watched_read(watch, data.out, &got) == camkit::call_watch::interrupted && !got);
  for (int i = 0; i < 300; ++i) {
    std::thread other([&] {
      if (i % 3) std::this_thread::sleep_for(std::chrono::microseconds(i % 7 * 50));
      watch.interrupt();
    });
    CHECK(watched_read(watch, data.out, &got) == camkit::call_watch::interrupted && !got);
    other.join();
  }
}

void test_urgent_things_are_told_until_they_are_dealt_with() {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  // A closed peer is an error that stays: it must be told once, and the watch must not spin on it.
  pipe_ends data;
  camkit::call_watch watch(60000);
  CHECK(watch.start(ends[0]) == 0);
  std::thread other([&] { close(ends[1]); });
  bool got = true;
  CHECK(watched_read(watch, data.out, &got) == camkit::call_watch::event && !got);
  other.join();
  CHECK(write(data.in, "x", 1) == 1);
  CHECK(watched_read(watch, data.out, &got) == 0 && got);
  watch.stop();
  close(ends[0]);
}

// The signal must never reach another call of the same thread: here a sleep, which would end early.
void test_no_other_call_is_disturbed() {
  pipe_ends data;
  camkit::call_watch watch(60000);
  CHECK(watch.start(-1) == 0);
  std::atomic<bool> over{false};
  std::thread nuisance([&] {
    while (!over.load()) {
      watch.interrupt();
      std::this_thread::sleep_for(std::chrono::microseconds(30));
    }
  });
  for (int i = 0; i < 300; ++i) {
    bool got = true;
    CHECK(watched_read(watch, data.out, &got) & camkit::call_watch::interrupted);
    const timespec brief{0, 100000};
    CHECK(nanosleep(&brief, nullptr) == 0);
  }
  over.store(true);
  nuisance.join();
}

void test_a_caller_that_blocks_all_signals_is_reached() {
  std::thread caller([] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pipe_ends data;
    camkit::call_watch watch(20);
    CHECK(watch.start(-1) == 0);
    bool got = true;
    CHECK(watched_read(watch, data.out, &got) == camkit::call_watch::late && !got);
  });
  caller.join();
}

}  // namespace

int main() {
  test_what_comes_is_read_undisturbed();
  test_a_call_without_end_comes_back_late();
  test_an_interrupt_ends_this_call_or_the_next();
  test_urgent_things_are_told_until_they_are_dealt_with();
  test_no_other_call_is_disturbed();
  test_a_caller_that_blocks_all_signals_is_reached();
  return 0;
}
