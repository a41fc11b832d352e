/* evicting_ring.hpp: each pointer that was put comes out once, at the consumer or back at the
 * producer; the consumer's come in order, each written whole; and never more than BOUND are inside.
 *
 * Broken on purpose: -DLAZY_PUT, -DBLIND_TAKE (the write index is stored, or loaded, relaxed),
 * -DLATE_LOOK (the place is read after the claim), -DNARROW (indices that come round), -DTORN_CLAIM
 * (a load and a store instead of the exchange).
 */
#ifndef COUNT
#define COUNT 5
#endif
#ifndef BOUND
#define BOUND 2
#endif
#define SLOTS 2 /* BOUND rounded up to a power of two */
#define THREADS 2
#define PRODUCER 0
#define CONSUMER 1
#define READ 0
#define WRITE 1
#define PLACE(i) (2 + ((i) & (SLOTS - 1)))
#define FRAME(f) (2 + SLOTS + PLAIN * ((f) - 1)) /* f counts from 1 */
#define CELLS (2 + SLOTS + PLAIN * COUNT)
#ifndef HISTORY
#define HISTORY 8
#endif
#include "memory.pml"

#ifdef LAZY_PUT
#define FILLED RELAXED
#else
#define FILLED RELEASE
#endif
#ifdef BLIND_TAKE
#define SEE_WRITE RELAXED
#else
#define SEE_WRITE ACQUIRE
#endif
#ifdef NARROW
#define AFTER(i) (((i) + 1) & 3)
#define BETWEEN(from, to) (((to) - (from)) & 3)
#else
#define AFTER(i) ((i) + 1)
#define BETWEEN(from, to) ((to) - (from))
#endif

byte out_at_producer[COUNT + 1], out_at_consumer[COUNT + 1];

inline claim(me, from, done) {
#ifdef TORN_CLAIM
  expected = from;
  load(me, READ, from, ACQUIRE);
  done = from == expected;
  if
  :: done -> store(me, READ, AFTER(from), RELEASE)
  :: else
  fi;
  expected = 0
#else
  compare_exchange(me, READ, from, AFTER(from), done, ACQ_REL, ACQUIRE)
#endif
}

inline put(f) {
  if
  :: BETWEEN(seen_read, next_write) >= BOUND -> load(PRODUCER, READ, seen_read, ACQUIRE)
  :: else
  fi;
  if
  :: BETWEEN(seen_read, next_write) >= BOUND ->
    load(PRODUCER, PLACE(seen_read), oldest, RELAXED);
    claim(PRODUCER, seen_read, done);
    if
    :: done ->
      plain_write(PRODUCER, FRAME(oldest), 0);
      out_at_producer[oldest]++;
      seen_read = AFTER(seen_read)
    :: else
    fi;
    oldest = 0;
    done = false
  :: else
  fi;
  assert(BETWEEN(seen_read, next_write) < BOUND);
  store(PRODUCER, PLACE(next_write), f, RELAXED);
  next_write = AFTER(next_write);
  store(PRODUCER, WRITE, next_write, FILLED)
}

proctype producer() {
  byte next_write, seen_read, oldest, f, expected;
  bool done;
  for (f : 1 .. COUNT) {
    plain_write(PRODUCER, FRAME(f), f);
    put(f)
  }
}

inline take(out) {
  load(CONSUMER, READ, read, ACQUIRE);
  do
  :: load(CONSUMER, WRITE, write, SEE_WRITE);
    if
    :: read == write -> break
    :: else
    fi;
#ifndef LATE_LOOK
    load(CONSUMER, PLACE(read), out, RELAXED);
#else
    place = read;
#endif
    claim(CONSUMER, read, done);
    if
    :: done ->
#ifdef LATE_LOOK
      load(CONSUMER, PLACE(place), out, RELAXED);
#endif
      break
    :: else -> out = 0
    fi
  od;
  read = 0;
  write = 0;
  done = false
}

proctype consumer() {
  byte read, write, f, text, last, expected;
#ifdef LATE_LOOK
  byte place;
#endif
  bool done, at_rest;
  do
  :: at_rest = (_nr_pr == 2); /* the producer is through: what is seen now is all */
    take(f);
    if
    :: f != 0 ->
      plain_read(CONSUMER, FRAME(f), text);
      assert(text == f && f > last);
      last = f;
      out_at_consumer[f]++
    :: f == 0 && at_rest && NEWEST(READ) == NEWEST(WRITE) -> break
    :: else
    fi;
    f = 0;
    text = 0
  od;
  for (f : 1 .. COUNT) {
    assert(out_at_producer[f] + out_at_consumer[f] == 1)
  }
}

init {
  atomic {
    run producer();
    run consumer()
  }
}
