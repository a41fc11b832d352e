/* spsc_ring.hpp: what is popped is what was pushed, whole, all of it and in order; a slot is never
 * written while it is read; never more than BOUND elements are inside, also while the indices run
 * over. Both ends take one element or a batch, as they like.
 *
 * Broken on purpose: -DLAZY_PUSH, -DLAZY_POP (the index is stored relaxed), -DBLIND_PUSH,
 * -DBLIND_POP (it is loaded relaxed), -DEARLY_PUSH, -DEARLY_POP (it is stored before the slot is
 * written, or read), -DOVERFULL (one element too many).
 */
#ifndef COUNT
#define COUNT 5
#endif
#ifndef BOUND
#define BOUND 2
#endif
#define SLOTS 2 /* BOUND rounded up to a power of two */
#define MOST 2  /* elements in a batch */

#define THREADS 2
#define PRODUCER 0
#define CONSUMER 1
#define WRITE 0
#define READ 1
#define SLOT(i) (2 + PLAIN * ((i) & (SLOTS - 1)))
#define CELLS (2 + PLAIN * SLOTS)
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
#define SEE_WRITE RELAXED
#else
#define SEE_WRITE ACQUIRE
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
  :: HOLDS - BETWEEN(seen_read, next_write) < n -> load(PRODUCER, READ, seen_read, SEE_READ)
  :: else
  fi;
  room = HOLDS - BETWEEN(seen_read, next_write);
  n = (n > room -> room : n);
  room = 0;
#ifdef EARLY_PUSH
  if
  :: n > 0 -> store(PRODUCER, WRITE, next_write + n, PUSHED)
  :: else
  fi;
#endif
  i = 0;
  do
  :: i < n ->
    plain_write(PRODUCER, SLOT(next_write + i), pushed + i + 1);
    i++
  :: else -> break
  od;
  i = 0;
  if
  :: n > 0 ->
    next_write = next_write + n;
    pushed = pushed + n;
#ifndef EARLY_PUSH
    store(PRODUCER, WRITE, next_write, PUSHED)
#endif
  :: else
  fi
}

inline pop_n(n) {
  if
  :: BETWEEN(next_read, seen_write) < n -> load(CONSUMER, WRITE, seen_write, SEE_WRITE)
  :: else
  fi;
  held = BETWEEN(next_read, seen_write);
  assert(held <= BOUND);
  n = (n > held -> held : n);
  held = 0;
#ifdef EARLY_POP
  if
  :: n > 0 -> store(CONSUMER, READ, next_read + n, POPPED)
  :: else
  fi;
#endif
  i = 0;
  do
  :: i < n ->
    plain_read(CONSUMER, SLOT(next_read + i), got);
    assert(got == popped + i + 1);
    got = 0;
    i++
  :: else -> break
  od;
  i = 0;
  if
  :: n > 0 ->
    next_read = next_read + n;
    popped = popped + n;
#ifndef EARLY_POP
    store(CONSUMER, READ, next_read, POPPED)
#endif
  :: else
  fi
}

proctype producer() {
  byte next_write = FIRST, seen_read = FIRST, pushed, room, n, i;
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
  byte next_read = FIRST, seen_write = FIRST, popped, held, got, n, i;
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
    set_up(WRITE, FIRST);
    set_up(READ, FIRST);
    run producer();
    run consumer()
  }
}
