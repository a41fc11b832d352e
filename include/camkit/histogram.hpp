#ifndef CAMKIT_HISTOGRAM_HPP
#define CAMKIT_HISTOGRAM_HPP

#include <atomic>
#include <cmath>
#include <cstdint>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace camkit {

// Durations in ns, of either sign (a driver may stamp a frame in the future). One thread writes,
// any thread reads. Magnitudes below 64 ns have a bucket each; above, every octave has 32, so that
// a percentile (the middle of its bucket) is at most 1.6 % off. Beyond 2^37 ns (137 s) the
// outermost bucket takes all; min() and max() stay exact.
class histogram {
 public:
  histogram() noexcept { reset(); }

  histogram(const histogram&) = delete;
  histogram& operator=(const histogram&) = delete;

  // The writer's alone: plain loads and stores, for a locked instruction would only serve a second
  // writer.
  void record(std::int64_t ns) noexcept {
    if (ns < min_.load(std::memory_order_relaxed)) min_.store(ns, std::memory_order_relaxed);
    if (ns > max_.load(std::memory_order_relaxed)) max_.store(ns, std::memory_order_relaxed);
    const bool negative = ns < 0;
    std::uint64_t magnitude =
        negative ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
    if (magnitude > limit) magnitude = limit;
    add(sum_, negative ? 0 - magnitude : magnitude);
    add(count_, 1);
    // Last, and with release: a reader that counts this value also sees the min and max that
    // enclose it.
    add(counts_[negative][bucket_of(magnitude)], 1);
  }

  // The writer's too: record all that another has recorded.
  void record_all(const histogram& other) noexcept {
    const std::int64_t low = other.min_.load(std::memory_order_relaxed);
    const std::int64_t high = other.max_.load(std::memory_order_relaxed);
    if (low < min_.load(std::memory_order_relaxed)) min_.store(low, std::memory_order_relaxed);
    if (high > max_.load(std::memory_order_relaxed)) max_.store(high, std::memory_order_relaxed);
    add(sum_, other.sum_.load(std::memory_order_relaxed));
    add(count_, other.count());
    for (int side = 0; side < 2; ++side)
      for (int i = 0; i < buckets; ++i)
        add(counts_[side][i], other.counts_[side][i].load(std::memory_order_acquire));
  }

  // The writer's too. Called while another thread records, it may leave single values of before the
  // reset behind.
  void reset() noexcept {
    for (auto& side : counts_)
      for (auto& count : side) count.store(0, std::memory_order_relaxed);
    sum_.store(0, std::memory_order_relaxed);
    count_.store(0, std::memory_order_relaxed);
    min_.store(INT64_MAX, std::memory_order_relaxed);
    max_.store(INT64_MIN, std::memory_order_relaxed);
  }

  // The writer's too: count everything that `other` has.
  void merge(const histogram& other) noexcept { combine(other, 1); }

  // The writer's too: take off what `earlier`, a copy of this one, had. min() and max() of the rest
  // are as exact as its buckets.
  void subtract(const histogram& earlier) noexcept {
    combine(earlier, ~std::uint64_t{0});
    std::int64_t low = INT64_MAX, high = INT64_MIN;
    for (int i = 0; i < bucket_count(); ++i) {
      if (held(i) == 0) continue;
      // The outermost buckets take all beyond them.
      if (low == INT64_MAX) low = i == 0 ? clamp(INT64_MIN) : clamp(lowest(i));
      high = i + 1 == bucket_count() ? clamp(INT64_MAX) : clamp(highest(i));
    }
    min_.store(low, std::memory_order_relaxed);
    max_.store(high, std::memory_order_relaxed);
  }

  // Become what `other` is at this moment, also while its writer records: then count() is the
  // number of the values that are in the buckets, and min() and max() enclose them.
  void assign(const histogram& other) noexcept {
    reset();
    merge(other);
  }

  // Buckets in ascending order, for plots: those of index 0..bucket_count. Each holds the values
  // from lowest(index) to highest(index), but for the outermost two, which take all beyond.
  static constexpr int bucket_count() noexcept { return 2 * buckets; }
  std::uint64_t held(int index) const noexcept {
    const bool negative = index < buckets;
    return counts_[negative][negative ? buckets - 1 - index : index - buckets].load(
        std::memory_order_acquire);
  }
  static std::int64_t lowest(int index) noexcept {
    return index < buckets ? -top_of(buckets - 1 - index) : bottom_of(index - buckets);
  }
  static std::int64_t highest(int index) noexcept {
    return index < buckets ? -bottom_of(buckets - 1 - index) : top_of(index - buckets);
  }

  std::uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }

  // 0 when nothing was recorded, as mean() and percentile() too.
  std::int64_t min() const noexcept {
    return count() == 0 ? 0 : min_.load(std::memory_order_relaxed);
  }
  std::int64_t max() const noexcept {
    return count() == 0 ? 0 : max_.load(std::memory_order_relaxed);
  }

  double mean() const noexcept {
    const std::uint64_t recorded = count();
    if (recorded == 0) return 0.0;
    return static_cast<double>(static_cast<std::int64_t>(sum_.load(std::memory_order_relaxed))) /
           static_cast<double>(recorded);
  }

  // The value that `percent` (0..100) of the recorded ones do not exceed; at the ends, min() and
  // max() exactly.
  std::int64_t percentile(double percent) const noexcept {
    if (!(percent > 0.0)) return min();
    if (percent >= 100.0) return max();
    std::uint64_t total = 0;
    for (const auto& side : counts_)
      for (const auto& count : side) total += count.load(std::memory_order_acquire);
    if (total == 0) return 0;
    // 99.9 % of 1000 is 999.0000000000001 in floating point, and must not become the 1000th.
    auto left = static_cast<std::uint64_t>(
        std::ceil(percent / 100.0 * static_cast<double>(total) * (1.0 - 1e-12)));
    if (left == 0) left = 1;
    for (int i = buckets - 1; i >= 0; --i)
      if (spend(left, counts_[1][i])) return clamp(-middle(i));
    for (int i = 0; i < buckets; ++i)
      if (spend(left, counts_[0][i])) return clamp(middle(i));
    return max();  // reset() came between the two passes
  }

 private:
  static constexpr int sub_bits = 5;
  static constexpr int top_bit = 36;
  static constexpr int buckets = (top_bit - sub_bits + 2) << sub_bits;
  static constexpr std::uint64_t limit = (std::uint64_t{1} << (top_bit + 1)) - 1;

  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_release);
  }

  static int highest_bit(std::uint64_t value) noexcept {
#if defined(_MSC_VER) && defined(_WIN64)
    unsigned long bit = 0;
    _BitScanReverse64(&bit, value);
    return static_cast<int>(bit);
#elif defined(__GNUC__)
    return 63 - __builtin_clzll(value);
#else
    int bit = 0;
    while (value >>= 1) ++bit;
    return bit;
#endif
  }

  static int bucket_of(std::uint64_t magnitude) noexcept {
    if (magnitude < (2u << sub_bits)) return static_cast<int>(magnitude);
    const int shift = highest_bit(magnitude) - sub_bits;
    return (shift << sub_bits) + static_cast<int>(magnitude >> shift);
  }

  static std::int64_t bottom_of(int bucket) noexcept {
    if (bucket < (2 << sub_bits)) return bucket;
    const int shift = (bucket >> sub_bits) - 1;
    return static_cast<std::int64_t>(bucket - (shift << sub_bits)) << shift;
  }
  static std::int64_t top_of(int bucket) noexcept { return bottom_of(bucket + 1) - 1; }
  static std::int64_t middle(int bucket) noexcept {
    return bottom_of(bucket) + (bottom_of(bucket + 1) - bottom_of(bucket)) / 2;
  }

  void combine(const histogram& other, std::uint64_t sign) noexcept {
    std::uint64_t seen = 0;
    for (int side = 0; side < 2; ++side) {
      for (int i = 0; i < buckets; ++i) {
        const std::uint64_t held = other.counts_[side][i].load(std::memory_order_acquire);
        if (held == 0) continue;
        seen += held;
        add(counts_[side][i], held * sign);
      }
    }
    add(count_, seen * sign);
    add(sum_, other.sum_.load(std::memory_order_relaxed) * sign);
    if (seen == 0 || sign != 1) return;
    // After the buckets: what they hold, these enclose.
    const std::int64_t low = other.min_.load(std::memory_order_relaxed);
    const std::int64_t high = other.max_.load(std::memory_order_relaxed);
    if (low < min_.load(std::memory_order_relaxed)) min_.store(low, std::memory_order_relaxed);
    if (high > max_.load(std::memory_order_relaxed)) max_.store(high, std::memory_order_relaxed);
  }

  // Count a bucket off; true when the wanted rank lies in it.
  static bool spend(std::uint64_t& left, const std::atomic<std::uint64_t>& counter) noexcept {
    const std::uint64_t held = counter.load(std::memory_order_acquire);
    if (held >= left) return true;
    left -= held;
    return false;
  }

  std::int64_t clamp(std::int64_t value) const noexcept {
    const std::int64_t low = min_.load(std::memory_order_relaxed);
    const std::int64_t high = max_.load(std::memory_order_relaxed);
    if (low > high) return value;  // a reset() is under way
    return value < low ? low : value > high ? high : value;
  }

  std::atomic<std::uint64_t> counts_[2][buckets];  // [negative][magnitude]
  std::atomic<std::uint64_t> sum_;  // two's complement: unsigned, for signed overflow is undefined
  std::atomic<std::uint64_t> count_;
  std::atomic<std::int64_t> min_;
  std::atomic<std::int64_t> max_;
};

}  // namespace camkit

#endif
