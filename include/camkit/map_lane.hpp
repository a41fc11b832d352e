// lane_inlet and lane_outlet: the two ends of an ordered_map as one of its workers sees them, in
// the shape of links, so that a thread that fetches from a link and hands on to a link can be the
// worker and needs to know nothing of numbers. One frame at a time: what was fetched and not handed
// on before the next one is fetched has been dropped.
#ifndef CAMKIT_MAP_LANE_HPP
#define CAMKIT_MAP_LANE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "camkit/ordered_map.hpp"

namespace camkit {

class lane_inlet final : public frame_link {
 public:
  // `map` is borrowed; the destructor leaves it alone.
  lane_inlet(ordered_map* map, unsigned index) noexcept : map_(map), index_(index) {}

  int pop(camkit_frame** out, std::int64_t timeout_ns) noexcept override {
    finish(nullptr);
    const int answer = map_->take(index_, out, &number_, timeout_ns);
    holding_ = answer == CAMKIT_OK;
    if (answer == CAMKIT_END) ended_.store(true, std::memory_order_release);
    return answer;
  }
  std::size_t pop_n(camkit_frame**, std::size_t) noexcept override { return 0; }

  // A worker that leaves at the end of the stream must not end the others'; one that leaves
  // earlier takes a number with it, and the frames behind it could never come out.
  void abort() noexcept override {
    if (!ended_.load(std::memory_order_acquire)) map_->abort();
  }

  int push(camkit_frame*, std::int64_t) noexcept override { return CAMKIT_END; }
  void close() noexcept override {}
  std::size_t discard() noexcept override { return 0; }  // what is inside is the map's
  void set_bell(parker*) noexcept override {}            // its worker waits in pop()
  void wake() noexcept override {}  // nothing but the end of the stream is news to a worker
  std::size_t size() const noexcept override { return 0; }
  std::size_t depth() const noexcept override { return 1; }

 private:
  friend class lane_outlet;

  void finish(camkit_frame* f) noexcept {
    if (!holding_) return;
    holding_ = false;
    map_->put(number_, f);
  }

  ordered_map* const map_;
  const unsigned index_;
  std::uint64_t number_ = 0;
  bool holding_ = false;
  std::atomic<bool> ended_{false};
};

class lane_outlet final : public frame_link {
 public:
  // `inlet` is borrowed; the destructor leaves it alone.
  explicit lane_outlet(lane_inlet* inlet) noexcept : inlet_(inlet) {}

  int push(camkit_frame* f, std::int64_t) noexcept override {
    if (inlet_->map_->aborted() || !inlet_->holding_) return CAMKIT_END;
    inlet_->finish(f);
    return CAMKIT_OK;
  }
  void abort() noexcept override { inlet_->abort(); }

  int pop(camkit_frame**, std::int64_t) noexcept override { return CAMKIT_END; }
  std::size_t pop_n(camkit_frame**, std::size_t) noexcept override { return 0; }
  void close() noexcept override {}  // the map's consumer learns it from the front link
  std::size_t discard() noexcept override { return 0; }
  void set_bell(parker*) noexcept override {}
  void wake() noexcept override {}
  std::size_t size() const noexcept override { return inlet_->map_->size(); }
  std::size_t depth() const noexcept override { return inlet_->map_->depth(); }

 private:
  lane_inlet* const inlet_;
};

}  // namespace camkit

#endif
