#include "camkit/run_state.hpp"

#include <thread>

#include "check.hpp"

namespace {

using camkit::run_state;

void test_a_limit_takes_only_what_may_still_be_delivered() {
  run_state run(2);
  CHECK(run.limited() && run.may_take() && !run.reached() && !run.over());
  run.take();
  CHECK(run.may_take());
  run.take();
  CHECK(!run.may_take());
  run.lose();  // another may be taken for it
  CHECK(run.may_take());
  run.take();
  run.deliver();
  CHECK(!run.may_take() && !run.reached());
  run.deliver();
  CHECK(run.reached());
}

void test_without_a_limit_there_is_no_end() {
  run_state run(0);
  for (int i = 0; i < 100; ++i) run.take();
  CHECK(!run.limited() && run.may_take() && !run.reached());
}

void test_stop_and_abort_end_a_run() {
  run_state stopped(1), aborted(1);
  stopped.take();
  aborted.take();
  stopped.stop();
  aborted.abort();
  CHECK(stopped.over() && aborted.over());
  CHECK(!stopped.aborting() && aborted.aborting());
  stopped.await_progress();  // returns at once
  aborted.await_progress();
}

void test_progress_wakes_the_source(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    run_state run(1);
    run.take();
    std::thread sink([&] { round % 2 ? run.deliver() : run.lose(); });
    while (!run.reached() && !run.may_take()) run.await_progress();
    sink.join();
    CHECK(run.reached() == (round % 2 == 1));
  }
}

// With the source's thread waiting for ever; a lost call leaves both threads waiting.
void test_a_change_wakes_the_source(int rounds) {
  run_state run(1);
  run.take();
  std::atomic<int> wanted{0}, adopted{0};
  std::thread source([&] {
    while (!run.over()) {
      run.await_progress();
      adopted.store(wanted.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    wanted.store(round, std::memory_order_relaxed);
    run.wake();
    while (adopted.load(std::memory_order_relaxed) != round) std::this_thread::yield();
  }
  run.stop();
  source.join();
}

}  // namespace

int main() {
  test_a_limit_takes_only_what_may_still_be_delivered();
  test_without_a_limit_there_is_no_end();
  test_stop_and_abort_end_a_run();
  test_progress_wakes_the_source(500);
  test_a_change_wakes_the_source(2000);
}
