/* spsc_ring.hpp: what is popped is what was pushed, whole, all of it and in order; a place is never
 * written while it is read; never more than BOUND elements are inside, also while the indices run
 * over. Both ends take one element or a batch, as they like.
 *
 * Broken on purpose: -DLAZY_PUSH, -DLAZY_POP (the turn, or the index, is stored relaxed),
 * -DBLIND_PUSH, -DBLIND_POP (the index, or the turn, is loaded relaxed), -DEARLY_PUSH, -DEARLY_POP
 * (it is stored before the element is written, or read), -DOVERFULL (one element too many).
 */
#ifndef COUNT
#define COUNT 5
#endif
#ifndef BOUND
#define BOUND 2
#endif
#define PLACES 2 /* BOUND rounded up to a power of two */
#define MOST 2  /* elements in a batch */

#define THREADS 2
#define PRODUCER 0
#define CONSUMER 1
#define READ 0
#define TURN(i) (1 + ((i) & (PLACES - 1)))
#define ELEMENT(i) (1 + PLACES + PLAIN * ((i) & (PLACES - 1)))
#define CELLS (1 + PLACES + PLAIN * PLACES)
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

#define FIRST 253                         /* the indices are bytes: they run over on the way */
#define BETWEEN(from, to) (((to) - (from)) & 255)

/* Push as many of `n` as there is room for. */
inline push_n(n) {
  if
  :: HOLDS - BETWEEN(seen_read, write) < n -> load(PRODUCER, READ, seen_read, SEE_READ)
  :: else
  fi;
  room = HOLDS - BETWEEN(seen_read, write);
  n = (n > room -> room : n);
  room = 0;
  do
  :: n > 0 ->
#ifdef EARLY_PUSH
    store(PRODUCER, TURN(write), (write + 1) & 255, PUSHED);
#endif
    plain_write(PRODUCER, ELEMENT(write), pushed + 1);
#ifndef EARLY_PUSH
    store(PRODUCER, TURN(write), (write + 1) & 255, PUSHED);
#endif
    write++;
    pushed++;
    n--
  :: else -> break
  od
}

inline pop_n(n) {
  i = 0;
  do
  :: i < n ->
    load(CONSUMER, TURN(read + i), turn, SEE_TURN);
    if
    :: turn == ((read + i + 1) & 255) ->
      turn = 0;
#ifdef EARLY_POP
      store(CONSUMER, READ, (read + i + 1) & 255, POPPED);
#endif
      plain_read(CONSUMER, ELEMENT(read + i), got);
      assert(got == popped + 1);
      got = 0;
      popped++;
      i++
    :: else -> break
    fi
  :: else -> break
  od;
  turn = 0;
  if
  :: i > 0 ->
    read = read + i;
#ifndef EARLY_POP
    store(CONSUMER, READ, read, POPPED)
#endif
  :: else
  fi;
  i = 0
}

proctype producer() {
  byte write = FIRST, seen_read = FIRST, pushed, room, n;
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
  byte read = FIRST, turn, popped, got, n, i;
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

init {
  atomic {
    set_up(READ, FIRST);
    /* As the lap before left them. */
    set_up(TURN(FIRST), FIRST + 1 - PLACES);
    set_up(TURN(FIRST + 1), FIRST + 2 - PLACES);
    run producer();
    run consumer()
  }
}
