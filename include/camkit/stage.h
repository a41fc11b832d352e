/* A stage as a C function, for CStage (from Python: ctypes, cffi, Numba).
 *
 * A function of the first kind looks at a frame, or changes its pixels if the stage was made with
 * writes=True: then the frame is held by nobody else and may be written. One of the second kind
 * makes a new picture, in the slot that it is given: format, size, strides, times and colour of
 * *out are filled in, the pixels are its to write (and bytes_used, if the format is compressed).
 * Only one thread calls it. `user` is what CStage was given.
 *
 * Both borrow their frames for the time of the call, and must neither keep nor release them. To
 * keep one, camkit_frame_retain() it, and release it later, from any thread.
 *
 * Both return
 *   CAMKIT_OK         the frame (or *out) goes on
 *   CAMKIT_DROP       it goes no further
 *   CAMKIT_BAD_FRAME  it is of no use; counted, and the pipeline goes on with the next
 *   anything else     an error, which stops the pipeline and is told with its number
 */
#ifndef CAMKIT_STAGE_H
#define CAMKIT_STAGE_H

#include "camkit/frame.h"
#include "camkit/status.h"

typedef int (*camkit_stage_fn)(camkit_frame* frame, void* user);
typedef int (*camkit_stage_out_fn)(const camkit_frame* in, camkit_frame* out, void* user);

#if defined(_WIN32)
#define CAMKIT_EXPORT __declspec(dllexport)
#else
#define CAMKIT_EXPORT __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define CAMKIT_EXTERN extern "C"
#else
#define CAMKIT_EXTERN extern
#endif

/* Put this into one source of a shared library: camkit then refuses its functions when they were
 * compiled for another layout of the frame, instead of reading nonsense. */
#define CAMKIT_STAGE_LIBRARY                              \
  CAMKIT_EXTERN CAMKIT_EXPORT const int camkit_stage_abi; \
  const int camkit_stage_abi = CAMKIT_ABI_VERSION;

#endif
