#ifndef CAMKIT_CHECK_HPP
#define CAMKIT_CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// From any thread. _Exit, because unwinding past threads that still run would bury the line in
// noise.
#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      std::_Exit(1);                                                                     \
    }                                                                                    \
  } while (0)

// Run body(0) .. body(count - 1), each in a thread of its own, and wait for all.
template <class Body>
void in_threads(int count, Body body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

// Small, seeded and the same on every platform.
class random_numbers {
 public:
  explicit random_numbers(unsigned long long seed) : state_(seed * 2 + 1) {}

  unsigned long long next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  int below(int bound) { return static_cast<int>(next() % static_cast<unsigned>(bound)); }

 private:
  unsigned long long state_;
};

#endif
