#include "camkit/run_state.hpp"

#include <thread>

#include "check.hpp"

namespace {

using camkit::run_state;

void test_a_limit_takes_only_what_may_still_be_delivered() {
  run_state run;
  CHECK(run.may_take() && !run.reached() && !run.over());
  run.limit = 2;
  run.count(run.taken);
  CHECK(run.may_take());
  run.count(run.taken);
  CHECK(!run.may_take());
  run.count(run.link);  // one was lost: another may be taken for it
  CHECK(run.may_take() && run.lost() == 1);
  run.count(run.taken);
  run.count(run.delivered);
  CHECK(!run.may_take() && !run.reached());
  run.count(run.delivered);
  CHECK(run.reached());
}

void test_stop_and_abort_end_a_run() {
  run_state stopped, aborted;
  stopped.stop();
  aborted.abort();
  CHECK(stopped.over() && aborted.over());
  stopped.limit = aborted.limit = 1;
  stopped.await_progress(-1);  // returns at once
  aborted.await_progress(-1);
}

void test_progress_wakes_the_source(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    run_state run;
    run.limit = 1;
    run.count(run.taken);
    std::thread sink([&] { run.count(round % 2 ? run.delivered : run.late); });
    while (!run.reached() && !run.may_take()) run.await_progress(-1);
    sink.join();
    CHECK(run.reached() == (round % 2 == 1));
  }
}

}  // namespace

int main() {
  test_a_limit_takes_only_what_may_still_be_delivered();
  test_stop_and_abort_end_a_run();
  test_progress_wakes_the_source(500);
}
