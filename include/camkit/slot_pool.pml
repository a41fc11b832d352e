/* slot_pool.hpp, its free list and its counts of references: no slot is ever held twice or lost,
 * whoever holds one may write it without a race, and the count of free slots is right when all
 * rest. Two threads acquire and give at random. In the beginning both hold slot 0, which each reads
 * before it gives its reference back. With -DSHUT another thread shuts the list on the way, and
 * each slot is told to exactly one thread as gone.
 *
 * Broken on purpose: -DNO_TAG (ABA), -DLAZY_LINK, -DBLIND_ACQUIRE, -DLAZY_DROP (relaxed), -DTORN_DROP
 * (a load and a store instead of the exchange), -DLATE_NEXT (linked before it points on).
 */
#define WORKERS 2
#define SLOTS 2
#ifndef TURNS
#define TURNS 3 /* of each worker; a turn acquires or gives */
#endif
#ifdef SHUT
#define THREADS (WORKERS + 1)
#else
#define THREADS WORKERS
#endif
#define HEAD 0
#define REFS(i) (1 + (i))
#define NEXT(i) (1 + SLOTS + (i))
#define BELOW(i) (1 + 2 * SLOTS + (i))
#define PIXELS(i) (1 + 3 * SLOTS + PLAIN * (i))
#define CELLS (1 + 3 * SLOTS + PLAIN * SLOTS)
#ifndef HISTORY
#define HISTORY 11
#endif
#include "memory.pml"

#ifdef LAZY_LINK
#define LINK RELAXED
#else
#define LINK RELEASE
#endif
#ifdef BLIND_ACQUIRE
#define ACQUIRED RELAXED
#else
#define ACQUIRED ACQUIRE
#endif
#ifdef LAZY_DROP
#define DROP RELAXED
#else
#define DROP ACQ_REL
#endif

#define NIL 3
#define SHUT_MARK 2
#define TOP(head) ((head) & 3)
#ifdef NO_TAG
#define TAGGED(head) 0
#else
#define TAGGED(head) (((head) | 3) + 1)
#endif
#define LISTED 9

byte holders[SLOTS]; /* how many references there truly are */
byte gone[SLOTS];

inline listed_from(me, head, out) {
  if
  :: TOP(head) >= SHUT_MARK -> out = 0
  :: else ->
    load(me, BELOW(TOP(head)), out, RELAXED);
    out = out + 1
  fi
}

/* hold[i]: references that this thread has */
inline acquire(me) {
  load(me, HEAD, head, ACQUIRED);
  do
  :: TOP(head) >= SHUT_MARK -> break
  :: else ->
    slot = TOP(head);
    load(me, NEXT(slot), next, RELAXED);
    compare_exchange(me, HEAD, head, TAGGED(head) | next, done, ACQUIRED, ACQUIRED);
    next = 0;
    if
    :: done ->
      d_step {
        assert(holders[slot] == 0 && gone[slot] == 0);
        holders[slot] = 1;
        hold[slot] = 1
      }
      store(me, REFS(slot), 1, RELAXED);
      plain_write(me, PIXELS(slot), me);
      break
    :: else
    fi
  od;
  head = 0;
  done = false;
  slot = 0
}

inline link(me, i) {
  load(me, HEAD, head, ACQUIRED);
  do
  :: TOP(head) == SHUT_MARK ->
    gone[i]++;
    break
  :: else ->
#ifndef LATE_NEXT
    store(me, NEXT(i), TOP(head), RELAXED);
#endif
    listed_from(me, head, next);
    store(me, BELOW(i), next, RELAXED);
    next = TOP(head);
    compare_exchange(me, HEAD, head, (head & ~3) | i, done, LINK, ACQUIRED);
#ifdef LATE_NEXT
    if
    :: done -> store(me, NEXT(i), next, RELEASE)
    :: else
    fi;
#endif
    next = 0;
    if
    :: done -> break
    :: else
    fi
  od;
  head = 0;
  done = false
}

inline give(me, i) {
  plain_read(me, PIXELS(i), next);
  next = 0;
  d_step {
    hold[i]--;
    holders[i]--
  }
  load(me, REFS(i), head, RELAXED);
#ifdef TORN_DROP
  store(me, REFS(i), (head == 1 -> LISTED : head - 1), RELEASE);
#else
  do
  :: compare_exchange(me, REFS(i), head, (head == 1 -> LISTED : head - 1), done, DROP, RELAXED);
    if
    :: done -> break
    :: else
    fi
  od;
  done = false;
#endif
  assert(head != 0 && head != LISTED);
  if
  :: head == 1 -> link(me, i)
  :: else -> head = 0
  fi
}

proctype worker(byte me) {
  byte turn, head, next, slot;
  bool done;
  byte hold[SLOTS];
  hold[0] = 1;
  do
  :: turn < TURNS ->
    if
    :: acquire(me)
    :: hold[0] > 0 -> give(me, 0)
    :: hold[1] > 0 -> give(me, 1)
    fi;
    turn++
  :: else -> break
  od
}

#ifdef SHUT
proctype closer(byte me) {
  byte head, next, slot, i;
  bool done;
  load(me, HEAD, head, ACQUIRE);
  do
  :: compare_exchange(me, HEAD, head, (head & ~3) | SHUT_MARK, done, ACQ_REL, ACQUIRE);
    if
    :: done -> break
    :: else
    fi
  od;
  /* the list, as the one exchange took it off */
  listed_from(me, head, next);
  slot = TOP(head);
  do
  :: slot != NIL ->
    assert(next > 0);
    next--;
    gone[slot]++;
    load(me, NEXT(slot), slot, RELAXED)
  :: else -> break
  od;
  assert(next == 0)
}
#endif

init {
  byte i, head, free;
  atomic {
    /* slot 0 is held by both, slot 1 on the list */
    set_up(HEAD, 1);
    set_up(REFS(0), WORKERS);
    set_up(REFS(1), LISTED);
    set_up(NEXT(1), NIL);
    holders[0] = WORKERS;
    for (i : 0 .. WORKERS - 1) {
      run worker(i)
    }
#ifdef SHUT
    run closer(WORKERS)
#endif
  }
  /* at rest */
  (_nr_pr == 1);
  d_step {
    head = NEWEST(HEAD);
    for (i : 0 .. SLOTS - 1) {
      assert(gone[i] + (holders[i] > 0 -> 1 : 0) <= 1);
      free = free + (gone[i] == 0 && holders[i] == 0 -> 1 : 0)
    }
#ifdef SHUT
    assert(TOP(head) == SHUT_MARK && free == 0);
#else
    assert((TOP(head) == NIL -> 0 : NEWEST(BELOW(TOP(head))) + 1) == free);
    do
    :: TOP(head) != NIL ->
      assert(free > 0 && holders[TOP(head)] == 0);
      free--;
      head = NEWEST(NEXT(TOP(head)))
    :: else -> break
    od;
    assert(free == 0)
#endif
  }
}
