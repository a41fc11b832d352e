/* parker.hpp: no wake-up is lost. Each notifier makes its part of a condition true and notifies;
 * the waiter waits until all parts are, as the header's own example does, without a time limit: a
 * lost wake-up leaves it asleep for good, which spin calls an invalid end state. With -DIMPATIENT
 * up to two waits run out of time, and the kernel's may return early.
 *
 * Broken on purpose: -DPEEK (notify() loads the word instead of a read-modify-write, which would be
 * right under sequential consistency), -DNO_SECOND_LOOK (nothing is looked at after prepare()),
 * -DDEAF (it falls asleep whatever the word says), -DKEEP_BITS (notify() leaves the key as it is).
 */
#ifndef NOTIFIERS
#define NOTIFIERS 2
#endif
#define THREADS (NOTIFIERS + 1)
#define CELLS (NOTIFIERS + 1)
#define WAITER NOTIFIERS
#ifndef HISTORY
#define HISTORY 16
#endif
#include "memory.pml"

/* Cell i is notifier i's part of the condition. */
#define WORD NOTIFIERS
#define ARMED 1
#define ASLEEP 2
#ifdef KEEP_BITS
#define RUNG(x) (x)
#else
#define RUNG(x) ((x | ARMED | ASLEEP) + 1)
#endif

bool in_kernel; /* whose look at the word and falling asleep are one step */

proctype notifier(byte me) {
  byte seen;
  bool done;
  store(me, me, 1, RELEASE);
#ifdef PEEK
  load(me, WORD, seen, ACQUIRE);
#else
  read_modify_write(me, WORD, seen, seen, ACQ_REL);
#endif
  do
  :: !done && (seen & ARMED) ->
    compare_exchange(me, WORD, seen, RUNG(seen), done, ACQ_REL, ACQUIRE)
  :: else -> break
  od;
  if
  :: done && (seen & ASLEEP) -> in_kernel = false
  :: else
  fi
}

inline look(ready) {
  ready = true;
  part = 0;
  do
  :: part < NOTIFIERS ->
    load(WAITER, part, seen, ACQUIRE);
    ready = ready && seen;
    part++
  :: else -> break
  od;
  part = 0;
  seen = 0
}

inline exchange_word(from, to) {
  seen = from;
  compare_exchange(WAITER, WORD, seen, to, done, ACQ_REL, ACQUIRE);
  seen = 0
}

inline time_out(key) {
  patience--;
  exchange_word(key, key & ~(ARMED | ASLEEP));
  key = 0;
  goto again
}

proctype waiter() {
  byte key, seen, part, patience = 2;
  bool ready, done;

again:
  look(ready);
  if
  :: ready -> goto end
  :: else
  fi;
  read_modify_write(WAITER, WORD, key, key | ARMED, ACQ_REL);
  key = key | ARMED;
#ifndef NO_SECOND_LOOK
  look(ready);
  if
  :: ready ->
    read_modify_write(WAITER, WORD, key, key & ~ARMED, ACQ_REL);
    goto end
  :: else
  fi;
#endif
#ifdef IMPATIENT
  if
  :: patience > 0 -> time_out(key)
  :: true
  fi;
#endif
  exchange_word(key, key | ASLEEP);
  if
  :: !done ->
    key = 0;
    goto again
  :: else -> key = key | ASLEEP
  fi;
  do
  :: load(WAITER, WORD, seen, ACQUIRE);
    if
    :: seen != key -> break
#ifdef IMPATIENT
    :: seen == key && patience > 0 -> time_out(key)
#endif
    :: seen == key
    fi;
    atomic {
      if
#ifdef DEAF
      :: true -> in_kernel = true
#else
      :: NEWEST(WORD) == key -> in_kernel = true
      :: NEWEST(WORD) != key
#endif
#ifdef IMPATIENT
      :: true
#endif
      fi
    }
    !in_kernel
  od;
  key = 0;
  seen = 0;
  goto again;

end:
  skip
}

init {
  atomic {
    byte i;
    for (i : 0 .. NOTIFIERS - 1) {
      run notifier(i)
    }
    run waiter()
  }
}
