/* Outcomes of the hot functions. Negative means that a Python exception is set; everything else is
 * an ordinary answer that costs no exception and no GIL. */
#ifndef CAMKIT_STATUS_H
#define CAMKIT_STATUS_H

typedef enum camkit_status {
  CAMKIT_ERROR = -1,
  CAMKIT_OK = 0,
  CAMKIT_TIMEOUT = 1,     /* nothing came within the time given */
  CAMKIT_END = 2,         /* the stream is over and nothing will come any more */
  CAMKIT_INTERRUPTED = 3, /* a signal or interrupt() ended the wait: look around, then ask again */
  CAMKIT_DROP = 4,        /* a stage consumed the frame: nothing goes on */
  CAMKIT_FULL = 5,        /* a link or a pool had no room, and its policy does not wait */
  CAMKIT_BAD_FRAME = 6    /* a stage can do nothing with this frame, and goes on with the next */
} camkit_status;

#endif
