// The limit of a fused pipeline: the bare loop. A slot is taken and given back, three virtual calls
// lie in between, and nothing is measured, counted or watched.
//   pipeline_loop [--frames N]    prints {"frames_per_s": {"bare": ..., "timed": ...}}
// "timed" reads the tick clock after each stage and records the duration, as every pipeline must.
#include <cstring>
#include <memory>

#include "bench.hpp"
#include "camkit/frame_pool.hpp"
#include "camkit/histogram.hpp"
#include "camkit/tick.hpp"

namespace {

struct stage {
  virtual ~stage() = default;
  virtual int process(camkit_frame** f) = 0;
};
struct empty : stage {
  int process(camkit_frame** f) override {
    bench::keep(f);
    return 0;
  }
};

template <bool Timed>
double frames_per_s(camkit::frame_pool* pool, std::uint64_t frames) {
  std::unique_ptr<stage> stages[3];
  for (auto& s : stages) s = std::make_unique<empty>();
  auto latency = std::make_unique<camkit::histogram[]>(3);
  camkit::tick_clock clock;
  const std::int64_t began = bench::now_ns();
  for (std::uint64_t i = 0; i < frames; ++i) {
    camkit_frame* f = pool->acquire();
    f->sequence = i;
    std::uint64_t before = Timed ? clock.now() : 0;
    for (int k = 0; k < 3; ++k) {
      stages[k]->process(&f);
      if (Timed) {
        const std::uint64_t now = clock.now();
        latency[k].record(clock.between(before, now));
        before = now;
      }
    }
    camkit_frame_release(f);
  }
  return static_cast<double>(frames) * 1e9 / static_cast<double>(bench::now_ns() - began);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t frames = 2'000'000;
  for (int i = 1; i + 1 < argc; i += 2)
    if (!std::strcmp(argv[i], "--frames")) frames = std::strtoull(argv[i + 1], nullptr, 10);
  auto* pool = new camkit::frame_pool(16, nullptr, nullptr, nullptr);
  double bare = 0, timed = 0;
  for (int round = 0; round < 5; ++round) {
    bare = std::max(bare, frames_per_s<false>(pool, frames));
    timed = std::max(timed, frames_per_s<true>(pool, frames));
  }
  pool->unref();
  std::printf("{\"frames_per_s\": {\"bare\": %.0f, \"timed\": %.0f}}\n", bare, timed);
  return 0;
}
