/* Counts heap allocations thread by thread, apart for callers inside camkit's own modules, in a GL
 * driver and what it stands on (it allocates as it likes), and everybody else. Loaded with
 * LD_PRELOAD; read through ctypes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4096

typedef struct row {
  atomic_int tid;
  atomic_long ours, drivers, others;
} row;

static row rows[THREADS];
static atomic_int counting;
static _Thread_local row* mine;
static _Thread_local int inside; /* dladdr() may allocate */

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static row* find(int tid, int make) {
  for (int i = 0; i < THREADS; ++i) {
    int seen = atomic_load(&rows[i].tid);
    if (seen == tid) return &rows[i];
    if (seen == 0) {
      if (!make) return NULL;
      int none = 0;
      if (atomic_compare_exchange_strong(&rows[i].tid, &none, tid) || none == tid) return &rows[i];
    }
  }
  return NULL;
}

static int any_in(const char* file, const char* const* parts) {
  for (; *parts; ++parts)
    if (strstr(file, *parts)) return 1;
  return 0;
}

/* The count of this thread for code at an address: camkit's modules, a driver's, or NULL for any
 * other. */
static atomic_long* whose(void* code) {
  static const char* const camkit[] = {"/camkit/memory_manager/", "/camkit/performance_core/",
                                       "/camkit/camera_capture/", "/camkit/gl_core/", NULL};
  static const char* const driver[] = {"gallium", "/dri/",   "libLLVM", "libGL",
                                       "libEGL",  "libglap", "libgbm",  "libdrm",
                                       "libX11",  "libxcb",  NULL};
  Dl_info where;
  if (!dladdr(code, &where) || !where.dli_fname) return NULL;
  if (any_in(where.dli_fname, camkit)) return &mine->ours;
  return any_in(where.dli_fname, driver) ? &mine->drivers : NULL;
}

static void count(void* caller) {
  if (inside || !atomic_load_explicit(&counting, memory_order_relaxed)) return;
  inside = 1;
  if (!mine) mine = find((int)syscall(SYS_gettid), 1);
  if (mine) {
    void* stack[16];
    atomic_long* who = whose(caller);
    /* A library that serves them all, such as that of C++: whoever called it. */
    for (int i = 0, n = who ? 0 : backtrace(stack, 16); !who && i < n; ++i) who = whose(stack[i]);
    atomic_fetch_add(who ? who : &mine->others, 1);
  }
  inside = 0;
}

#define CALLER __builtin_return_address(0)

void* malloc(size_t n) {
  count(CALLER);
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t m) {
  count(CALLER);
  return __libc_calloc(n, m);
}
void* realloc(void* p, size_t n) {
  count(CALLER);
  return __libc_realloc(p, n);
}
void* memalign(size_t a, size_t n) {
  count(CALLER);
  return __libc_memalign(a, n);
}
void* aligned_alloc(size_t a, size_t n) {
  count(CALLER);
  return __libc_memalign(a, n);
}
int posix_memalign(void** p, size_t a, size_t n) {
  count(CALLER);
  *p = __libc_memalign(a, n);
  return *p ? 0 : ENOMEM;
}
void* _Znwm(size_t n) {
  count(CALLER);
  return __libc_malloc(n);
} /* operator new(size_t) */
void* _Znam(size_t n) {
  count(CALLER);
  return __libc_malloc(n);
}

void alloc_probe_count(int on) {
  if (on)
    for (int i = 0; i < THREADS; ++i) {
      atomic_store(&rows[i].ours, 0);
      atomic_store(&rows[i].drivers, 0);
      atomic_store(&rows[i].others, 0);
    }
  atomic_store(&counting, on);
}

long alloc_probe_ours(int tid) {
  row* r = find(tid, 0);
  return r ? atomic_load(&r->ours) : 0;
}
long alloc_probe_drivers(int tid) {
  row* r = find(tid, 0);
  return r ? atomic_load(&r->drivers) : 0;
}
long alloc_probe_others(int tid) {
  row* r = find(tid, 0);
  return r ? atomic_load(&r->others) : 0;
}
