/* Native bands for tests/test_thread_pool.py: int (size_t begin, size_t end, void *user). */
#include <stdatomic.h>
#include <stddef.h>

typedef struct plan {
  atomic_int ran, fail_at, answer; /* indices done; -1: never */
} plan;

int count(size_t begin, size_t end, void* user) {
  plan* p = user;
  atomic_fetch_add(&p->ran, (int)(end - begin));
  int at = atomic_load(&p->fail_at);
  return at >= (int)begin && at < (int)end ? atomic_load(&p->answer) : 0;
}

int add_one(size_t begin, size_t end, void* user) {
  unsigned char* bytes = user;
  for (size_t i = begin; i < end; ++i) ++bytes[i];
  return 0;
}

/* Until user[0] is set. */
int wait_for_it(size_t begin, size_t end, void* user) {
  (void)begin, (void)end;
  atomic_int* flags = user;
  atomic_fetch_add(&flags[1], 1);
  while (!atomic_load(&flags[0])) {
  }
  return 0;
}

int two_arguments(size_t begin, size_t end) { return (int)(end - begin); }
