/* work_deque.hpp: everything that was pushed comes out once, at its owner or at a thief, as it was
 * pushed, and what neither got is still inside. Two thieves; the owner pushes and pops as it likes.
 *
 * Broken on purpose: -DLAZY_POP (pop() lowers the bottom with a mere release), -DBLIND_POP (it loads
 * the top with a mere acquire), -DLAZY_PUSH (relaxed), -DNO_CLAIM (the owner takes the last element
 * without an exchange), -DOVERFULL (push() reuses a place too early), -DLATE_LOOK (a thief reads
 * after its exchange).
 */
#ifndef COUNT
#define COUNT 3
#endif
#ifndef STEALS
#define STEALS 1 /* of each thief */
#endif
#ifndef POPS
#define POPS 2
#endif
#define CAPACITY 2
#define THREADS 3
#define OWNER 0
#define TOP 0
#define BOTTOM 1
#define PLACE(i) (2 + ((i) & (CAPACITY - 1)))
#define CELLS (2 + CAPACITY)
#ifndef HISTORY
#define HISTORY 16
#endif
#include "memory.pml"

#ifdef LAZY_POP
#define LOWERED RELEASE
#else
#define LOWERED SEQ_CST
#endif
#ifdef BLIND_POP
#define SEE_TOP ACQUIRE
#else
#define SEE_TOP SEQ_CST
#endif
#ifdef LAZY_PUSH
#define PUSHED RELAXED
#else
#define PUSHED SEQ_CST
#endif
#ifdef OVERFULL
#define HOLDS (CAPACITY + 1)
#else
#define HOLDS CAPACITY
#endif

#define FIRST 4 /* so that no index goes below zero */

byte out[COUNT + 1];

inline push() {
  load(OWNER, TOP, top, ACQUIRE);
  if
  :: bottom - top < HOLDS ->
    pushed++;
    store(OWNER, PLACE(bottom), pushed, RELAXED);
    bottom++;
    store(OWNER, BOTTOM, bottom, PUSHED)
  :: else
  fi
}

inline pop() {
  bottom--;
  store(OWNER, BOTTOM, bottom, LOWERED);
  load(OWNER, TOP, top, SEE_TOP);
  if
  :: top < bottom ->
    load(OWNER, PLACE(bottom), got, RELAXED);
    out[got]++
  :: top == bottom ->
    load(OWNER, PLACE(bottom), got, RELAXED);
#ifdef NO_CLAIM
    done = true;
#else
    compare_exchange(OWNER, TOP, top, top + 1, done, SEQ_CST, RELAXED);
#endif
    if
    :: done -> out[got]++
    :: else
    fi;
    bottom++;
    store(OWNER, BOTTOM, bottom, RELEASE)
  :: top > bottom ->
    bottom++;
    store(OWNER, BOTTOM, bottom, RELEASE)
  fi
}

proctype owner() {
  byte bottom = FIRST, top, got, pushed, pops;
  bool done;
  do
  :: pushed < COUNT -> push()
  :: pops < POPS ->
    pops++;
    pop();
    got = 0;
    done = false
  :: pushed == COUNT -> break
  od
}

proctype thief(byte me) {
  byte top, bottom, got, turn;
  bool done;
  do
  :: turn < STEALS ->
    load(me, TOP, top, SEQ_CST);
    load(me, BOTTOM, bottom, SEQ_CST);
    if
    :: top < bottom ->
#ifndef LATE_LOOK
      load(me, PLACE(top), got, RELAXED);
#endif
      bottom = top;
      compare_exchange(me, TOP, top, top + 1, done, SEQ_CST, RELAXED);
#ifdef LATE_LOOK
      load(me, PLACE(bottom), got, RELAXED);
#endif
      if
      :: done -> out[got]++
      :: else
      fi
    :: else
    fi;
    top = 0;
    bottom = 0;
    got = 0;
    done = false;
    turn++
  :: else -> break
  od
}

init {
  byte i;
  atomic {
    set_up(TOP, FIRST);
    set_up(BOTTOM, FIRST);
    run owner();
    run thief(1);
    run thief(2)
  }
  (_nr_pr == 1);
  d_step {
    i = NEWEST(TOP);
    do
    :: i < NEWEST(BOTTOM) ->
      out[NEWEST(PLACE(i))]++;
      i++
    :: else -> break
    od;
    assert(out[0] == 0);
    for (i : 1 .. COUNT) {
      assert(out[i] == 1)
    }
  }
}
