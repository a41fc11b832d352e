/* A band kernel as an image stage would have it: a 3x3 box blur of a 1080p grey picture. */
#ifndef CAMKIT_BENCH_BLUR_H
#define CAMKIT_BENCH_BLUR_H

#include <stddef.h>

enum { blur_rows = 1080, blur_columns = 1920 };

typedef struct blur_job {
  unsigned char in[(blur_rows + 2) * blur_columns], out[blur_rows * blur_columns];
} blur_job;

static inline int blur(size_t begin, size_t end, void* user) {
  blur_job* job = (blur_job*)user;
  for (size_t y = begin; y < end; ++y) {
    const unsigned char* above = job->in + y * blur_columns;
    const unsigned char* here = above + blur_columns;
    const unsigned char* below = here + blur_columns;
    unsigned char* out = job->out + y * blur_columns;
    for (size_t x = 1; x + 1 < blur_columns; ++x) {
      const unsigned sum = above[x - 1] + above[x] + above[x + 1] + here[x - 1] + here[x] +
                           here[x + 1] + below[x - 1] + below[x] + below[x + 1];
      out[x] = (unsigned char)(sum * 7282u >> 16);
    }
    out[0] = here[0];
    out[blur_columns - 1] = here[blur_columns - 1];
  }
  return 0;
}

#endif
