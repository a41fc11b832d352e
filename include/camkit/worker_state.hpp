// worker_state: what one thread of a pipeline writes down about its work, for the others to read.
// Every counter has one meaning in the account of its thread,
//   fetched = delivered + forwarded + stage + bad + pool + late + aborted + (given to the next
//   link)
// which adds up when the thread has ended.
#ifndef CAMKIT_WORKER_STATE_HPP
#define CAMKIT_WORKER_STATE_HPP

#include "camkit/cpu.hpp"
#include "camkit/lone_value.hpp"

namespace camkit {

struct alignas(contention_span) worker_state {
  lone_counter fetched;           // from the source, or out of the link before
  lone_counter delivered;         // to the sink; or at the end of a Tee without branches
  lone_counter forwarded;         // to the branches of a Tee
  lone_counter shared;            // references that the Tee added
  lone_counter stage, bad, pool;  // dropped by a stage, useless for one, without a slot in one
  lone_counter late;              // a newer one took its place while it waited for the sink
  lone_counter aborted;           // in this thread's hands when the run was broken off
  lone_counter first, last;       // ticks of the first and the latest delivery; 0: none yet
  lone_counter sequence;          // of the frame under work
  lone_counter since;             // tick at which node `at` began with it; 0: it waits
  lone_value<std::int32_t> at;    // -1 source, 0.. stages, then the sink; -2 none of them
};

}  // namespace camkit

#endif
