/* Small programs whose outcomes C++ forbids or allows, to prove memory.pml itself: spin must find
 * the outcome named here where it is allowed (a failed assertion) and must not where it is not.
 * One of -DMESSAGE, -DSTORE_BUFFER, -DCOHERENCE, -DSEQUENCE, -DCHAIN, -DIRIW; WRITES and READS are
 * memory orders; FENCE puts fences between, OVERWRITE
 * a store into the release sequence.
 */
#ifndef WRITES
#define WRITES RELAXED
#endif
#ifndef READS
#define READS RELAXED
#endif
#define THREADS 4
#define CELLS 2
#define X 0
#define Y 1
#include "../../include/camkit/memory.pml"

#ifdef FENCE
#define BARRIER(t) fence(t)
#else
#define BARRIER(t) skip
#endif

byte one, two, three, four, old;
byte ended;

#define DONE ended++

proctype first() {
#ifdef MESSAGE
  store(0, X, 1, RELAXED);
  store(0, Y, 1, WRITES);
#endif
#ifdef STORE_BUFFER
  store(0, X, 1, WRITES);
  BARRIER(0);
  load(0, Y, one, READS);
#endif
#ifdef COHERENCE
  store(0, X, 1, RELAXED);
  store(0, X, 2, RELAXED);
#endif
#ifdef SEQUENCE
  store(0, X, 1, RELAXED);
  store(0, Y, 1, RELEASE);
#endif
#if defined(CHAIN) || defined(IRIW)
  store(0, X, 1, WRITES);
#endif
  DONE
}

proctype second() {
#ifdef MESSAGE
  load(1, Y, one, READS);
  load(1, X, two, RELAXED);
#endif
#ifdef STORE_BUFFER
  store(1, Y, 1, WRITES);
  BARRIER(1);
  load(1, X, two, READS);
#endif
#ifdef COHERENCE
  load(1, X, one, RELAXED);
  load(1, X, two, RELAXED);
#endif
#ifdef SEQUENCE
#ifdef OVERWRITE
  (NEWEST(Y) == 1);
  store(1, Y, 2, RELAXED);
#else
  (NEWEST(Y) == 1);
  read_modify_write(1, Y, old, old + 1, RELAXED);
#endif
#endif
#ifdef CHAIN
  load(1, X, one, READS);
  store(1, Y, one, WRITES);
#endif
#ifdef IRIW
  store(1, Y, 1, WRITES);
#endif
  DONE
}

proctype third() {
#ifdef SEQUENCE
  load(2, Y, one, ACQUIRE);
  load(2, X, two, RELAXED);
#endif
#ifdef CHAIN
  load(2, Y, two, READS);
  load(2, X, three, RELAXED);
#endif
#ifdef IRIW
  load(2, X, one, READS);
  load(2, Y, two, READS);
#endif
  DONE
}

proctype fourth() {
#ifdef IRIW
  load(3, Y, three, READS);
  load(3, X, four, READS);
#endif
  DONE
}

init {
  atomic {
    run first();
    run second();
    run third();
    run fourth()
  }
  (ended == 4);
#ifdef MESSAGE
  assert(!(one == 1 && two == 0));
#endif
#ifdef STORE_BUFFER
  assert(!(one == 0 && two == 0));
#endif
#ifdef COHERENCE
  assert(one <= two);
#endif
#ifdef SEQUENCE
  assert(!(one == 2 && two == 0));
#endif
#ifdef CHAIN
  assert(!(two == 1 && three == 0));
#endif
#ifdef IRIW
  assert(!(one == 1 && two == 0 && three == 1 && four == 0));
#endif
}
