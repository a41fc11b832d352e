/* C++'s memory for spin, as a machine of messages and views.
 *
 * Each atomic variable is a cell: the list of all values ever written to it, in their one order of
 * modification. Each thread has a view: for each cell the oldest message that it may still read.
 * A load may return any message from there on, which is how a thread sees stale values; it moves
 * the view, so that a thread never reads backwards. A release store puts the writer's view into
 * the message, and an acquire load that reads it takes that view over. A read-modify-write reads
 * the newest message always, and hands on the view of the one that it replaces, as release
 * sequences do. A sequentially consistent access sees at least what such accesses to the same cell
 * wrote before it. Plain variables must not be raced for: who touches one must know of every write
 * to it, and who writes one of every read.
 *
 * So sequential consistency, which spin itself assumes, is only one of the behaviours (-DSC allows
 * no other, for larger bounds). What is still stronger than C++: a write always becomes the newest
 * of its cell at once, and a load never returns what is written later (no load buffering); no
 * compiler or machine that we build for does the second with what is checked here.
 *
 * The including model defines CELLS, THREADS and, if 8 is too few, HISTORY. An atomic variable takes
 * one cell, a plain one PLAIN: its own and for each thread one that counts that thread's reads.
 */
#ifndef HISTORY
#define HISTORY 8
#endif

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2
#define ACQ_REL 3
#define SEQ_CST 7

#define PLAIN (1 + THREADS)

typedef message_t { byte value; byte at[CELLS] };
typedef cell_t { byte newest; message_t wrote[HISTORY] };
typedef view_t { byte at[CELLS] };

cell_t memory[CELLS];
view_t knows[THREADS];
view_t fenced;
byte pick;       /* the message that a load chose; zero between operations */
hidden byte each; /* counts inside d_steps only */

#define NEWEST(c) memory[c].wrote[memory[c].newest].value

inline set_up(c, v) { memory[c].wrote[0].value = v }

inline choose(t, c, order) {
#ifdef SC
  pick = memory[c].newest;
#else
  pick = (order == SEQ_CST && fenced.at[c] > knows[t].at[c] -> fenced.at[c] : knows[t].at[c]);
  do
  :: pick < memory[c].newest -> pick++
  :: break
  od;
#endif
}

inline learn(t, c, order) {
  knows[t].at[c] = pick;
  if
  :: (order & ACQUIRE) != 0 ->
    for (each : 0 .. CELLS - 1) {
      if
      :: memory[c].wrote[pick].at[each] > knows[t].at[each] ->
        knows[t].at[each] = memory[c].wrote[pick].at[each]
      :: else
      fi
    }
  :: else
  fi
}

/* `carry`: this is a read-modify-write, which continues the release sequence it reads from. */
inline append(t, c, v, order, carry) {
  assert(memory[c].newest + 1 < HISTORY);
  knows[t].at[c] = memory[c].newest + 1;
  for (each : 0 .. CELLS - 1) {
    memory[c].wrote[memory[c].newest + 1].at[each] =
        ((order & RELEASE) != 0 -> knows[t].at[each] : 0);
    if
    :: carry && memory[c].wrote[memory[c].newest].at[each] >
                    memory[c].wrote[memory[c].newest + 1].at[each] ->
      memory[c].wrote[memory[c].newest + 1].at[each] =
          memory[c].wrote[memory[c].newest].at[each]
    :: else
    fi
  }
  memory[c].newest++;
  memory[c].wrote[memory[c].newest].at[c] = memory[c].newest;
  memory[c].wrote[memory[c].newest].value = v;
  fenced.at[c] = (order == SEQ_CST -> memory[c].newest : fenced.at[c]);
  each = 0
}

inline load(t, c, out, order) {
  atomic {
    choose(t, c, order);
    d_step {
      learn(t, c, order);
      out = memory[c].wrote[pick].value; /* last, for `c` may speak of it */
      pick = 0
    }
  }
}

inline store(t, c, v, order) { d_step { append(t, c, v, order, false) } }

/* `v` may speak of `old`. */
inline read_modify_write(t, c, old, v, order) {
  d_step {
    pick = memory[c].newest;
    old = memory[c].wrote[pick].value;
    learn(t, c, order);
    append(t, c, v, order, true);
    pick = 0
  }
}

/* As compare_exchange: on failure `expected` becomes what was read. */
inline compare_exchange(t, c, expected, v, done, order, failure) {
  atomic {
    choose(t, c, order);
    d_step {
      if
      :: memory[c].wrote[pick].value == expected -> pick = memory[c].newest
      :: else
      fi;
      if
      :: memory[c].wrote[pick].value == expected ->
        learn(t, c, order);
        append(t, c, v, order, true);
        done = true
      :: else ->
        expected = memory[c].wrote[pick].value;
        learn(t, c, failure);
        done = false
      fi;
      pick = 0
    }
  }
}

/* atomic_thread_fence(memory_order_seq_cst). What relaxed loads before it read is not acquired. */
inline fence(t) {
  d_step {
    for (each : 0 .. CELLS - 1) {
      if
      :: fenced.at[each] > knows[t].at[each] -> knows[t].at[each] = fenced.at[each]
      :: else -> fenced.at[each] = knows[t].at[each]
      fi
    }
    each = 0
  }
}

inline plain_read(t, c, out) {
  d_step {
    assert(knows[t].at[c] == memory[c].newest); /* else: a race with a write */
    out = memory[c].wrote[0].value;
    memory[c + 1 + t].newest++;
    knows[t].at[c + 1 + t] = memory[c + 1 + t].newest
  }
}

inline plain_write(t, c, v) {
  d_step {
    assert(knows[t].at[c] == memory[c].newest); /* else: a race with a write */
    for (each : 1 .. THREADS) {
      assert(knows[t].at[c + each] == memory[c + each].newest) /* else: a race with a read */
    }
    each = 0;
    memory[c].newest++;
    knows[t].at[c] = memory[c].newest;
    memory[c].wrote[0].value = v
  }
}
