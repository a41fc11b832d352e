#include "camkit/histogram.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>

#include "check.hpp"

namespace {

using camkit::histogram;

// 1 / 64: half a bucket of which 32 make an octave.
bool close(std::int64_t got, std::int64_t exact) {
  const double size = std::abs(static_cast<double>(exact));
  return std::abs(static_cast<double>(got) - static_cast<double>(exact)) <= size / 64.0;
}

void test_empty() {
  auto h = std::make_unique<histogram>();
  CHECK(h->count() == 0 && h->min() == 0 && h->max() == 0 && h->mean() == 0.0);
  for (const double p : {-1.0, 0.0, 50.0, 100.0, 200.0, std::nan("")}) CHECK(h->percentile(p) == 0);
}

void test_small_values_are_exact() {
  auto h = std::make_unique<histogram>();
  for (std::int64_t v = -63; v <= 63; ++v) h->record(v);
  CHECK(h->count() == 127 && h->min() == -63 && h->max() == 63 && h->mean() == 0.0);
  for (int i = 0; i < 127; ++i) CHECK(h->percentile((i + 0.5) * 100.0 / 127.0) == i - 63);
}

// The value sits between two outliers, so that neither min() nor max() can help.
void test_error_over_the_range() {
  auto h = std::make_unique<histogram>();
  random_numbers random(3);
  for (int bits = 1; bits <= 36; ++bits) {
    for (int i = 0; i < 50; ++i) {
      const std::int64_t low = std::int64_t{1} << bits;
      std::int64_t v =
          low + static_cast<std::int64_t>(random.next() % static_cast<unsigned long long>(low));
      if (i == 0) v = low;
      if (i == 1) v = 2 * low - 1;
      for (const std::int64_t value : {v, -v}) {
        h->record(INT64_MIN);
        h->record(value);
        h->record(INT64_MAX);
        CHECK(close(h->percentile(50), value));
        if (i % 10 == 0) CHECK(h->min() == INT64_MIN && h->max() == INT64_MAX && h->count() == 3);
        h->reset();
      }
    }
  }
}

void test_ranks() {
  auto h = std::make_unique<histogram>();
  for (int i = 1; i <= 1000; ++i) h->record(i <= 998 ? 10 : i == 999 ? 20 : 30);
  CHECK(h->percentile(99.8) == 10 && h->percentile(99.9) == 20 && h->percentile(99.91) == 30);
  CHECK(h->percentile(0) == 10 && h->percentile(0.0001) == 10 && h->percentile(100) == 30);
}

void test_against_sorted_values() {
  auto h = std::make_unique<histogram>();
  random_numbers random(11);
  std::vector<std::int64_t> values;
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    // Over seven decades, a third of them negative.
    auto v = static_cast<std::int64_t>(random.next() % (1ull << (4 + random.below(30))));
    if (random.below(3) == 0) v = -v;
    values.push_back(v);
    sum += static_cast<double>(v);
    h->record(v);
  }
  std::sort(values.begin(), values.end());
  CHECK(h->count() == values.size() && h->min() == values.front() && h->max() == values.back());
  CHECK(std::abs(h->mean() - sum / 20000.0) < 1e-3);
  std::int64_t before = INT64_MIN;
  for (std::size_t rank = 1; rank <= values.size(); rank += 61) {
    const std::int64_t got = h->percentile((static_cast<double>(rank) - 0.5) / 200.0);
    CHECK(close(got, values[rank - 1]) && got >= before);
    before = got;
  }
}

void test_extremes() {
  auto h = std::make_unique<histogram>();
  const std::int64_t limit = (std::int64_t{1} << 37) - 1;
  for (int i = 0; i < 3; ++i) h->record(INT64_MAX);
  CHECK(h->percentile(50) == INT64_MAX && h->mean() == static_cast<double>(limit));
  h->reset();
  for (int i = 0; i < 3; ++i) h->record(INT64_MIN);
  CHECK(h->percentile(50) == INT64_MIN && h->max() == INT64_MIN && h->count() == 3);
  h->reset();
  CHECK(h->count() == 0 && h->max() == 0 && h->percentile(50) == 0);
}

void test_reader_beside_the_writer(int count) {
  auto h = std::make_unique<histogram>();
  std::atomic<bool> over{false};
  in_threads(2, [&](int role) {
    if (role == 0) {
      for (int i = 0; i < count; ++i) h->record(1000 + i % 1000);
      over.store(true);
      return;
    }
    std::uint64_t before = 0;
    while (!over.load()) {
      const std::int64_t median = h->percentile(50);
      CHECK(median == 0 || (median >= 1000 && median <= 1999));
      const std::uint64_t now = h->count();
      CHECK(now >= before && h->min() >= 0 && h->max() <= 1999);
      before = now;
      std::this_thread::yield();
    }
  });
  CHECK(h->count() == static_cast<std::uint64_t>(count) && close(h->percentile(50), 1499));
}

void test_buckets_tile_the_range() {
  auto h = std::make_unique<histogram>();
  const int n = histogram::bucket_count();
  for (int i = 0; i + 1 < n; ++i) {
    CHECK(histogram::lowest(i) <= histogram::highest(i));
    // 0 and -0 have a bucket each.
    const bool zero = histogram::lowest(i) == 0 && histogram::highest(i) == 0;
    CHECK(histogram::lowest(i + 1) == histogram::highest(i) + (zero && i == n / 2 - 1 ? 0 : 1));
  }
  for (int i = 0; i < n; ++i) {
    if (i == n / 2 - 1) continue;  // -0: nothing falls into it
    for (const std::int64_t value : {histogram::lowest(i), histogram::highest(i)}) {
      h->reset();
      h->record(value);
      CHECK(h->held(i) == 1 && h->min() == value && h->max() == value &&
            h->percentile(50) == value);
    }
  }
  h->reset();
  h->record(INT64_MIN);
  h->record(INT64_MAX);
  CHECK(h->held(0) == 1 && h->held(n - 1) == 1);
}

void test_merge_and_subtract() {
  auto all = std::make_unique<histogram>(), one = std::make_unique<histogram>(),
       two = std::make_unique<histogram>(), sum = std::make_unique<histogram>();
  random_numbers random(5);
  for (int i = 0; i < 5000; ++i) {
    const auto value = static_cast<std::int64_t>(random.next() >> (28 + random.next() % 36)) - 1000;
    all->record(value);
    (i < 2000 ? one : two)->record(value);
  }
  sum->merge(*one);
  sum->merge(*two);
  const auto same = [](const histogram& a, const histogram& b) {
    for (int i = 0; i < histogram::bucket_count(); ++i) CHECK(a.held(i) == b.held(i));
    CHECK(a.count() == b.count());
  };
  same(*sum, *all);
  CHECK(sum->min() == all->min() && sum->max() == all->max() && sum->mean() == all->mean());
  sum->subtract(*one);
  same(*sum, *two);
  // As exact as the buckets: they enclose, by less than a thirty-second.
  CHECK(sum->min() <= two->min() && sum->max() >= two->max());
  CHECK(two->min() - sum->min() <= std::abs(two->min()) / 32);
  CHECK(sum->max() - two->max() <= two->max() / 32);
  sum->subtract(*two);
  CHECK(sum->count() == 0 && sum->min() == 0 && sum->max() == 0 && sum->mean() == 0.0);
}

// What is copied while the writer records adds up in itself, and grows.
void test_a_copy_of_one_that_is_written() {
  auto h = std::make_unique<histogram>();
  std::atomic<bool> done{false};
  in_threads(2, [&](int thread) {
    if (thread == 0) {
      for (std::int64_t i = 0; i < 300000; ++i) h->record(i * 7919 % 100000);
      done = true;
      return;
    }
    auto seen = std::make_unique<histogram>();
    std::uint64_t before = 0;
    while (!done) {
      seen->assign(*h);
      std::uint64_t held = 0;
      for (int i = 0; i < histogram::bucket_count(); ++i) held += seen->held(i);
      CHECK(held == seen->count() && held >= before);
      CHECK(held == 0 || (seen->min() >= 0 && seen->max() < 100000));
      before = held;
    }
  });
}

void test_two_in_one() {
  const std::unique_ptr<histogram> all(new histogram), odd(new histogram), even(new histogram);
  for (int i = -500; i < 2000; ++i) {
    all->record(i * 37);
    (i % 2 ? odd : even)->record(i * 37);
  }
  odd->record_all(*even);
  odd->record_all(*std::unique_ptr<histogram>(new histogram));
  CHECK(odd->count() == all->count() && odd->min() == all->min() && odd->max() == all->max());
  CHECK(odd->mean() == all->mean());
  for (double percent : {0.0, 1.0, 50.0, 99.0, 100.0})
    CHECK(odd->percentile(percent) == all->percentile(percent));
}

}  // namespace

int main() {
  test_empty();
  test_small_values_are_exact();
  test_error_over_the_range();
  test_ranks();
  test_against_sorted_values();
  test_extremes();
  test_reader_beside_the_writer(50000);
  test_two_in_one();
  test_buckets_tile_the_range();
  test_merge_and_subtract();
  test_a_copy_of_one_that_is_written();
  return 0;
}
