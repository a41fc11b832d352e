"""What a pipeline thread pays to tell the truth: a histogram's value and a trace's event, beside a plain addition.

`extra_info` holds nanoseconds each, measured natively in one run, and the ratios to the addition.
"""

import pytest

from camkit import Histogram

VALUES = 100_000


@pytest.mark.benchmark(group="statistics: one duration")
def bench_histogram_from_python(benchmark, native):
    histogram = Histogram()

    def work():
        record = histogram.record
        for value in range(VALUES):
            record(value)

    benchmark.pedantic(work, rounds=5)
    each = native("truth_bench")["each_ns"]
    benchmark.extra_info.update(
        {f"{name}_ns": value for name, value in each.items()},
        record_over_plain_add=each["histogram_record"] / each["plain_add"],
        trace_over_plain_add=each["trace_event"] / each["plain_add"],
    )


@pytest.mark.benchmark(group="statistics: one duration")
def bench_integer_added_in_python(benchmark):
    def work():
        total = 0
        for value in range(VALUES):
            total += value
        return total

    benchmark.pedantic(work, rounds=5)
