/* frame_queue.hpp, set_bell(): a consumer that has its link ring another bell from now on, and then
 * goes to sleep there, is woken by the frame that comes meanwhile; a lost wake-up leaves it asleep,
 * which spin calls an invalid end state. The bells are parkers (parker.pml), here without their
 * spinning and time limits.
 *
 * Broken on purpose: -DNO_FENCE (none in ring()), -DLAZY_BELL (none in set_bell()).
 */
#define THREADS 2
#define PRODUCER 0
#define CONSUMER 1
#define FRAME 0
#define BELL 1
#define WORD(bell) (2 + (bell))
#define CELLS 4
#include "memory.pml"

#define ARMED 1
#define ASLEEP 2

bool in_kernel;

proctype producer() {
  byte bell, seen;
  bool done;
  store(PRODUCER, FRAME, 1, RELEASE);
#ifndef NO_FENCE
  fence(PRODUCER);
#endif
  load(PRODUCER, BELL, bell, RELAXED);
  read_modify_write(PRODUCER, WORD(bell), seen, seen, ACQ_REL);
  do
  :: !done && (seen & ARMED) ->
    compare_exchange(PRODUCER, WORD(bell), seen, (seen | 3) + 1, done, ACQ_REL, ACQUIRE)
  :: else -> break
  od;
  if
  :: done && (seen & ASLEEP) && bell == 1 -> in_kernel = false
  :: else
  fi
}

proctype consumer() {
  byte key, got, seen;
  bool done;
#ifdef LAZY_BELL
  store(CONSUMER, BELL, 1, RELEASE);
#else
  store(CONSUMER, BELL, 1, SEQ_CST);
  fence(CONSUMER);
#endif
  read_modify_write(CONSUMER, WORD(1), key, key | ARMED, ACQ_REL);
  key = key | ARMED;
  load(CONSUMER, FRAME, got, ACQUIRE);
  if
  :: got -> goto end
  :: else
  fi;
  seen = key;
  compare_exchange(CONSUMER, WORD(1), seen, key | ASLEEP, done, ACQ_REL, ACQUIRE);
  if
  :: !done -> goto rung
  :: else
  fi;
  key = key | ASLEEP;
  do
  :: load(CONSUMER, WORD(1), seen, ACQUIRE);
    if
    :: seen != key -> break
    :: else
    fi;
    atomic {
      if
      :: NEWEST(WORD(1)) == key -> in_kernel = true
      :: else
      fi
    }
    !in_kernel
  od;
rung:
  load(CONSUMER, FRAME, got, ACQUIRE);
  assert(got == 1);
end:
  skip
}

init {
  atomic {
    run producer();
    run consumer()
  }
}
