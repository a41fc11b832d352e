/* spsc_ring.hpp: what is popped is what was pushed, whole, all of it and in order; a place is never
 * written while it is read; never more than BOUND elements are inside, also while the indices run
 * over. Both ends take one element or a batch, as they like. With -DWATCHED a third thread asks for
 * the size, which never comes out below zero.
 *
 * Broken on purpose: -DLAZY_PUSH, -DLAZY_POP (the turn, or the index, is stored relaxed),
 * -DBLIND_PUSH, -DBLIND_POP (it is loaded relaxed), -DEARLY_PUSH, -DEARLY_POP (it is stored before
 * the element is written, or read), -DOVERFULL (one element too many), -DANY_TURN (a place counts as
 * filled when it ever was), -DLATE_INDEX (the producer's index after the turn; seen if WATCHED).
 */
#ifndef COUNT
#define COUNT 5
#endif
#ifndef BOUND
#define BOUND 2
#endif
#define PLACES 2 /* BOUND rounded up to a power of two */
#define MOST 2   /* elements in a batch */

#ifdef WATCHED
#define THREADS 3
#else
#define THREADS 2
#endif
#define PRODUCER 0
#define CONSUMER 1
#define WATCHER 2
#define WRITE 0
#define READ 1
#define TURN(i) (2 + ((i) & (PLACES - 1)))
#define VALUE(i) (2 + PLACES + PLAIN * ((i) & (PLACES - 1)))
#define CELLS (2 + PLACES + PLAIN * PLACES)
#include "memory.pml"

#ifdef LAZY_PUSH
#define PUSHED RELAXED
#else
#define PUSHED RELEASE
#endif
#ifdef LAZY_POP
#define POPPED RELAXED
#else
#define POPPED RELEASE
#endif
#ifdef BLIND_PUSH
#define SEE_READ RELAXED
#else
#define SEE_READ ACQUIRE
#endif
#ifdef BLIND_POP
#define SEE_TURN RELAXED
#else
#define SEE_TURN ACQUIRE
#endif
#ifdef OVERFULL
#define HOLDS (BOUND + 1)
#else
#define HOLDS BOUND
#endif

#define FIRST 253 /* the indices are bytes: they run over on the way */
#define BETWEEN(from, to) (((to) - (from)) & 255)
#define FILLED(seen, index) ((seen) == (((index) + 1) & 255))

inline publish() {
#ifdef LATE_INDEX
  store(PRODUCER, TURN(write), write + 1, PUSHED);
  store(PRODUCER, WRITE, write + 1, RELAXED);
#else
  store(PRODUCER, WRITE, write + 1, RELAXED);
  store(PRODUCER, TURN(write), write + 1, PUSHED);
#endif
}

/* Push as many of `n` as there is room for. */
inline push_n(n) {
  if
  :: HOLDS - BETWEEN(seen_read, write) < n -> load(PRODUCER, READ, seen_read, SEE_READ)
  :: else
  fi;
  n = (n > HOLDS - BETWEEN(seen_read, write) -> HOLDS - BETWEEN(seen_read, write) : n);
  do
  :: n > 0 ->
#ifdef EARLY_PUSH
    publish();
    plain_write(PRODUCER, VALUE(write), pushed + 1);
#else
    plain_write(PRODUCER, VALUE(write), pushed + 1);
    publish();
#endif
    write++;
    pushed++;
    n--
  :: else -> break
  od
}

inline pop_n(n) {
  do
  :: taken < n ->
    load(CONSUMER, TURN(read + taken), turn, SEE_TURN);
    if
#ifdef ANY_TURN
    :: turn == 0 -> break
#else
    :: !FILLED(turn, read + taken) -> break
#endif
    :: else
    fi;
#ifdef EARLY_POP
    store(CONSUMER, READ, read + taken + 1, POPPED);
#endif
    plain_read(CONSUMER, VALUE(read + taken), got);
    assert(got == popped + taken + 1);
    got = 0;
    taken++
  :: else -> break
  od;
  turn = 0;
  if
  :: taken > 0 ->
    read = read + taken;
    popped = popped + taken;
    taken = 0;
#ifndef EARLY_POP
    store(CONSUMER, READ, read, POPPED)
#endif
  :: else
  fi
}

proctype producer() {
  byte write = FIRST, seen_read = FIRST, pushed, n;
  do
  :: pushed < COUNT ->
    if
    :: n = 1
    :: pushed + MOST <= COUNT -> n = MOST
    fi;
    push_n(n);
    n = 0
  :: else -> break
  od
}

proctype consumer() {
  byte read = FIRST, popped, taken, turn, got, n;
  do
  :: popped < COUNT ->
    if
    :: n = 1
    :: n = MOST
    fi;
    pop_n(n);
    n = 0
  :: else -> break
  od
}

#ifdef WATCHED
proctype watcher() {
  byte read, write;
  load(WATCHER, READ, read, ACQUIRE);
  load(WATCHER, WRITE, write, ACQUIRE);
  assert(BETWEEN(read, write) < 128)
}
#endif

init {
  atomic {
    set_up(WRITE, FIRST);
    set_up(READ, FIRST);
    run producer();
    run consumer();
#ifdef WATCHED
    run watcher()
#endif
  }
}
