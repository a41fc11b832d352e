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

  static std::int64_t middle(int bucket) noexcept {
    if (bucket < (2 << sub_bits)) return bucket;
    const int shift = (bucket >> sub_bits) - 1;
    const std::int64_t low = static_cast<std::int64_t>(bucket - (shift << sub_bits)) << shift;
    return low + (std::int64_t{1} << shift) / 2;
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
