// trace: what one thread did with each frame and when, in a ring of events that is allocated before
// the run. Recording neither allocates nor locks nor asks the system; when the ring is full the
// oldest event is overwritten and counted as lost, so that the latest are there at the end.
#ifndef CAMKIT_TRACE_HPP
#define CAMKIT_TRACE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace camkit {

enum class trace_kind : std::uint8_t {
  take = 0,     // the source was asked for a frame; `extra`: frames lost before this one
  stage = 1,    // a stage had a frame; `place`: which of the thread's; `answer`: what it said
  sink = 2,     // the sink had a frame
  push = 3,     // a frame was put into link `place`; `answer`: of push(); `extra`: frames inside
  pop = 4,      // the thread waited at link `place` and got a frame; `extra`: frames left inside
  aborted = 5,  // a frame in the thread's hands when the run was broken off
};

// Times are ticks of whatever clock the thread reads; begin and end in one event, so that there is
// no pair to be torn apart when the ring goes round.
struct trace_event {
  std::uint64_t begin, end, frame;
  std::int32_t place;
  trace_kind kind;
  std::uint8_t answer;
  std::uint16_t extra;
};

// One thread records, any thread reads, also meanwhile.
class trace_ring {
 public:
  // `capacity` becomes the next power of two. Every page is touched here.
  explicit trace_ring(std::size_t capacity) noexcept {
    std::size_t size = 2;
    while (size < capacity) size *= 2;
    slots_ = new (std::nothrow) slot[size];
    if (!slots_) return;
    mask_ = size - 1;
    for (std::size_t i = 0; i < size; ++i)
      for (auto& word : slots_[i].words) word.store(0, std::memory_order_relaxed);
  }
  ~trace_ring() { delete[] slots_; }

  trace_ring(const trace_ring&) = delete;
  trace_ring& operator=(const trace_ring&) = delete;

  bool ok() const noexcept { return slots_ != nullptr; }
  std::size_t capacity() const noexcept { return mask_ + 1; }

  void record(trace_kind kind, std::int32_t place, std::uint64_t frame, std::uint64_t begin,
              std::uint64_t end, int answer = 0, std::uint64_t extra = 0) noexcept {
    const std::uint64_t at = written_.load(std::memory_order_relaxed);
    // The words with release: a reader that meets one of this event also sees that the event which
    // was there is gone.
    begun_.store(at + 1, std::memory_order_relaxed);
    slot& to = slots_[at & mask_];
    to.words[0].store(begin, std::memory_order_release);
    to.words[1].store(end, std::memory_order_release);
    to.words[2].store(frame, std::memory_order_release);
    to.words[3].store(static_cast<std::uint64_t>(static_cast<std::uint32_t>(place)) |
                          static_cast<std::uint64_t>(kind) << 32 |
                          static_cast<std::uint64_t>(static_cast<std::uint8_t>(answer)) << 40 |
                          (extra > 0xffff ? std::uint64_t{0xffff} : extra) << 48,
                      std::memory_order_release);
    written_.store(at + 1, std::memory_order_release);
  }

  std::uint64_t recorded() const noexcept { return written_.load(std::memory_order_acquire); }
  // Events that were overwritten.
  std::uint64_t lost() const noexcept {
    const std::uint64_t count = recorded();
    return count > capacity() ? count - capacity() : 0;
  }

  // Event number `at`, counted from the first recorded; false when it was overwritten.
  bool read(std::uint64_t at, trace_event* out) const noexcept {
    if (at >= recorded()) return false;
    std::uint64_t words[4];
    const slot& from = slots_[at & mask_];
    for (int i = 0; i < 4; ++i) words[i] = from.words[i].load(std::memory_order_acquire);
    if (begun_.load(std::memory_order_relaxed) > at + capacity()) return false;
    *out = {words[0],
            words[1],
            words[2],
            static_cast<std::int32_t>(static_cast<std::uint32_t>(words[3])),
            static_cast<trace_kind>(words[3] >> 32 & 0xff),
            static_cast<std::uint8_t>(words[3] >> 40 & 0xff),
            static_cast<std::uint16_t>(words[3] >> 48)};
    return true;
  }

 private:
  struct slot {
    std::atomic<std::uint64_t> words[4];
  };

  slot* slots_ = nullptr;
  std::size_t mask_ = 0;
  std::atomic<std::uint64_t> begun_{0}, written_{0};
};

}  // namespace camkit

#endif
