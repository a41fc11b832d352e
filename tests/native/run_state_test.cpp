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
  stopped.await_progress(-1);  // returns at once
  aborted.await_progress(-1);
}

void test_progress_wakes_the_source(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    run_state run(1);
    run.take();
    std::thread sink([&] { round % 2 ? run.deliver() : run.lose(); });
    while (!run.reached() && !run.may_take()) run.await_progress(-1);
    sink.join();
    CHECK(run.reached() == (round % 2 == 1));
  }
}

}  // namespace

int main() {
  test_a_limit_takes_only_what_may_still_be_delivered();
  test_without_a_limit_there_is_no_end();
  test_stop_and_abort_end_a_run();
  test_progress_wakes_the_source(500);
}
