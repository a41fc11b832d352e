#ifndef CAMKIT_MESSAGE_RING_HPP
#define CAMKIT_MESSAGE_RING_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace camkit {

// What a driver said once. The text ends with a zero, and is cut where it is too long.
struct message {
  std::uint32_t kind, source, severity, id;
  char text[240];
};

// The last words of a driver, which calls back on any of its threads, at any moment, even on
// several at once: push() takes no lock, no memory and no part of Python, and drops a message
// rather than wait. Counts are right even where a text was dropped. Any number of threads may push
// and read.
class message_ring {
 public:
  static constexpr std::uint64_t capacity = 64;
  static constexpr std::uint32_t kinds = 4;

  void push(std::uint32_t kind, std::uint32_t source, std::uint32_t severity, std::uint32_t id,
            const char* text, std::size_t length) noexcept {
    const std::uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    slot& s = slots_[number % capacity];
    if (!s.busy.exchange(true, std::memory_order_acquire)) {
      // A writer that was overtaken by a whole round comes too late.
      if (s.number <= number) {
        s.number = number + 1;
        s.words.kind = kind;
        s.words.source = source;
        s.words.severity = severity;
        s.words.id = id;
        length = std::min(length, sizeof(s.words.text) - 1);
        std::memcpy(s.words.text, text, length);
        s.words.text[length] = 0;
      }
      s.busy.store(false, std::memory_order_release);
    }
    counts_[std::min(kind, kinds - 1)].fetch_add(1, std::memory_order_release);
  }

  // Messages so far, those that were dropped or overwritten with them; they are numbered from 0.
  std::uint64_t total() const noexcept { return next_.load(std::memory_order_acquire); }

  std::uint64_t count(std::uint32_t kind) const noexcept {
    return counts_[kind].load(std::memory_order_acquire);
  }

  // False if message `number` was overwritten or dropped, or is being written now.
  bool read(std::uint64_t number, message& out) noexcept {
    slot& s = slots_[number % capacity];
    if (s.busy.exchange(true, std::memory_order_acquire)) return false;
    const bool there = s.number == number + 1;
    if (there) out = s.words;
    s.busy.store(false, std::memory_order_release);
    return there;
  }

 private:
  struct slot {
    std::atomic<bool> busy{false};
    std::uint64_t number = 0;  // of its message, from 1
    message words{};
  };
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> counts_[kinds]{};
  slot slots_[capacity];
};

}  // namespace camkit

#endif
