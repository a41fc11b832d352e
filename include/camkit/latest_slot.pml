/* latest_slot.hpp: every frame that was put is taken once or given back once, what is taken was
 * written whole and is newer than what was taken before, and the last one put is not lost.
 *
 * One thread puts, one takes; with -DTWO another one puts too. A frame that put() gives back is
 * written again at once, as the next user of its slot would. Broken on purpose: -DBLIND_PUT (the
 * exchange does not acquire), -DLAZY_PUT (it does not release), -DLAZY_TAKE (take() does not
 * acquire), -DTORN (a load and a store instead of the exchange).
 */
#ifdef TWO
#define PUTTERS 2
#define PUTS 2
#else
#define PUTTERS 1
#define PUTS 4
#endif
#define FRAMES (PUTTERS * PUTS)
#define THREADS (PUTTERS + 1)
#define CELLS (1 + PLAIN * FRAMES)
#define HISTORY 12
#include "memory.pml"

#ifdef BLIND_PUT
#define PUT_ORDER RELEASE
#elif defined(LAZY_PUT)
#define PUT_ORDER ACQUIRE
#else
#define PUT_ORDER ACQ_REL
#endif
#ifdef LAZY_TAKE
#define TAKE_ORDER RELAXED
#else
#define TAKE_ORDER ACQ_REL
#endif

#define SLOT 0
#define FRAME(f) (1 + PLAIN * ((f) - 1)) /* f counts from 1; 0 is null */

byte ended[FRAMES + 1]; /* how often each frame came out */
byte putting = PUTTERS;

inline put(t, f, old) {
  plain_write(t, FRAME(f), f);
#ifdef TORN
  load(t, SLOT, old, ACQUIRE);
  store(t, SLOT, f, RELEASE);
#else
  read_modify_write(t, SLOT, old, f, PUT_ORDER);
#endif
  if
  :: old != 0 ->
    plain_write(t, FRAME(old), 0);
    ended[old]++
  :: else
  fi;
  old = 0
}

proctype putter(byte me) {
  byte n, old;
  for (n : 1 .. PUTS) {
    put(me, me * PUTS + n, old)
  }
  n = 0;
  putting--
}

inline take(t, out) {
  load(t, SLOT, out, RELAXED);
  if
  :: out != 0 -> read_modify_write(t, SLOT, out, 0, TAKE_ORDER)
  :: else
  fi
}

proctype taker(byte me) {
  byte f, last, text;
  do
  :: take(me, f);
    if
    :: f != 0 ->
      plain_read(me, FRAME(f), text);
      assert(text == f);
#ifndef TWO
      assert(f > last);
      last = f;
#endif
      ended[f]++
    :: else
    fi;
    f = 0;
    text = 0
  :: putting == 0 -> break
  od;
  if
  :: NEWEST(SLOT) != 0 -> ended[NEWEST(SLOT)]++
  :: else
#ifndef TWO
    -> assert(last == FRAMES)
#endif
  fi;
  for (f : 1 .. FRAMES) {
    assert(ended[f] == 1)
  }
}

init {
  atomic {
    byte i;
    for (i : 0 .. PUTTERS - 1) {
      run putter(i)
    }
    run taker(PUTTERS)
  }
}
