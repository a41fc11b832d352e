"""Histogram: exact at its edges, close in between, and readable while it is written."""

import math
import random
import threading

import pytest

from camkit import Histogram, Summary


def of(*values):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_an_empty_one_has_nothing_to_say():
    empty = Histogram()
    assert len(empty) == empty.min == empty.max == empty.percentile(50) == 0 and empty.mean == 0.0
    assert empty.buckets() == [] and empty.summary() == Summary() and empty.percentiles(1, 99) == [0, 0]


@pytest.mark.parametrize("value", [0, 1, -1, 63, -63])
def test_small_values_are_exact(value):
    histogram = of(value)
    assert histogram.percentiles(0, 50, 100) == [value] * 3
    assert histogram.buckets() == [(value, value, 1)]


@pytest.mark.parametrize("bits", range(6, 37))
@pytest.mark.parametrize("sign", [1, -1])
def test_the_edges_of_every_octave_fall_into_the_right_bucket(bits, sign):
    octave = 1 << bits
    for value in (octave - 1, octave, octave + 1, 2 * octave - 1):
        ((low, high, count),) = of(sign * value).buckets()
        assert low <= sign * value <= high and count == 1
        assert high - low + 1 <= max(1, value / 32)
    below, above = (of(sign * value).buckets()[0] for value in (octave - 1, octave))
    assert (below[1] + 1 == above[0]) if sign > 0 else (above[1] + 1 == below[0]), "an octave begins a bucket"


def test_the_ends_of_int64_are_counted_and_kept():
    ends = (-(1 << 63), (1 << 63) - 1)
    histogram = of(*ends)
    assert (histogram.min, histogram.max) == ends and len(histogram) == 2
    with pytest.raises(OverflowError):
        histogram.record(1 << 63)


def test_percentiles_are_those_of_the_sorted_values():
    random.seed(7)
    values = sorted(int(random.lognormvariate(10, 3)) for _ in range(20_000))
    histogram = of(*values)
    for percent in (0.01, 1, 25, 50, 90, 99, 99.9, 99.99):
        exact = values[math.ceil(percent / 100 * len(values)) - 1]
        assert abs(histogram.percentile(percent) - exact) <= exact / 64 + 1
    assert (histogram.percentile(0), histogram.percentile(100)) == (values[0], values[-1])
    assert histogram.mean == pytest.approx(sum(values) / len(values))


def test_buckets_hold_every_value_once_in_order():
    random.seed(8)
    values = [random.randint(-(1 << 36), 1 << 36) for _ in range(5000)]
    buckets = of(*values).buckets()
    assert sum(count for *_, count in buckets) == 5000
    assert all(one[1] < other[0] for one, other in zip(buckets, buckets[1:], strict=False))
    for low, high, count in buckets:
        assert count == sum(low <= value <= high for value in values)


def test_merging_is_counting_together():
    one, other = of(1, 5, 70), of(-3, 9000)
    one.merge(other)
    assert one.buckets() == of(1, 5, 70, -3, 9000).buckets()
    assert (one.min, one.max, len(one), one.mean) == (-3, 9000, 5, (1 + 5 + 70 - 3 + 9000) / 5)
    assert len(other) == 2
    one.merge(one.copy())
    assert len(one) == 10
    with pytest.raises(TypeError):
        one.merge(None)


def test_what_came_since_is_the_rest():
    histogram = of(10, 20, 30_000)
    before = histogram.copy()
    assert len(histogram.since(before)) == 0 and histogram.since(before).summary() == Summary()
    for value in (20, 40, 50):
        histogram.record(value)
    came = histogram.since(before)
    assert came.buckets() == of(20, 40, 50).buckets() and (came.min, came.max) == (20, 50)
    assert came.mean == pytest.approx(110 / 3) and len(before) == 3


def test_a_copy_is_its_own():
    histogram = of(5)
    copy = histogram.copy()
    histogram.record(6)
    histogram.reset()
    assert len(histogram) == 0 and (len(copy), copy.min, copy.max) == (1, 5, 5)


def test_the_summary_has_the_histogram_it_was_made_of():
    summary = of(*range(1000, 2000)).summary()
    assert summary.histogram is not None and len(summary.histogram) == summary.count == 1000
    assert summary.p99 == summary.histogram.percentile(99) / 1000
    assert "histogram" not in summary.as_dict()


@pytest.mark.parametrize("percent", [-1, 100.1, math.nan])
def test_a_percentage_must_be_one(percent):
    with pytest.raises(ValueError, match="not from 0 to 100"):
        of(1).percentile(percent)


def test_any_thread_reads_while_one_writes():
    histogram, done = Histogram(), threading.Event()

    def write():
        for value in range(200_000):
            histogram.record(value)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    before = 0
    while not done.is_set():
        copy = histogram.copy()
        held = sum(count for *_, count in copy.buckets())
        assert before <= held == len(copy) <= 200_000
        p50, p99, most = copy.percentiles(50, 99, 100)
        assert p50 <= p99 <= most
        before = held
    thread.join()
    assert len(histogram) == 200_000 and histogram.max == 199_999
