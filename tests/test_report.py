"""The report of a run: one page that needs no other, says what stats() says, and escapes what it is given."""

import json
import re
import time
from html.parser import HTMLParser

import pytest

from camkit import DROP, Drops, Histogram, OutputError, Pipeline, PipelineError, PipelineStats, SyntheticCamera, Tee
from camkit.performance_core import plots
from camkit.performance_core.timeline import Timeline

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Read a page strictly: every element is closed, nothing comes from outside."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.data = [], [], "", {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.tags.append((tag, told))
        assert len(told) == len(attributes), "no attribute twice"
        assert not any(name.startswith("on") or name in ("href", "src", "action") for name in told)
        if tag not in VOID:
            self.open.append((tag, told.get("id")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            self.data[self.open[-1][1]] = data
        elif self.open and self.open[-1][0] != "style":
            self.text += f" {data} "

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def fast(frames=60, **options):
    return SyntheticCamera(size=(64, 32), format="GREY", frames=frames, realtime=False, **options)


def slow(frame):
    time.sleep(0.002)
    return DROP if frame.sequence % 10 == 3 else None


def report_of(pipeline, tmp_path):
    path = tmp_path / "report.html"
    pipeline.report(path)
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_says_what_stats_say(tmp_path):
    path = tmp_path / "report.html"
    with fast(120, buffers=8, drop=(5,)) as camera:
        pipeline = Pipeline(camera, slow, policy="drop_newest")
        stats = pipeline.run(report=path)
    page = Page(path.read_text(encoding="utf-8"))
    assert json.loads(page.data["stats"]) == json.loads(json.dumps(stats.as_dict()))
    words = re.sub(r"\s+", " ", page.text)
    assert f"captured frames that the camera made, those it lost too {stats.frames.captured} " in words
    assert f"delivered reached the end − {stats.frames.delivered} " in words
    for cause, count in stats.frames.dropped.as_dict().items():
        assert (f" {cause} " in words and f"− {count} " in words) if count else "for these causes" in words
    assert "not accounted for 0" in words
    for name, row in stats.latency_us.items():
        assert row.count == 0 or name in words
        for value in (row.p50, row.p99, row.p999, row.max):
            assert row.count == 0 or plots.duration(value) in words
    for thread in stats.threads:
        assert thread.name in words
    assert "in pieces of" in words.lower()


def test_nothing_comes_from_outside(tmp_path):
    with fast() as camera:
        pipeline = Pipeline(camera, slow)
        pipeline.run()
    pipeline.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert "default-src 'none'" in text and page.count("script") == 1 and page.count("link") == page.count("img") == 0
    assert not re.search(r"url\(|@import|https?:", text)


def test_pictures_are_told_in_words_too(tmp_path):
    with fast() as camera:
        pipeline = Pipeline(camera, slow)
        pipeline.run(report=tmp_path / "a.html")
    page = Page((tmp_path / "a.html").read_text())
    pictures = [told for tag, told in page.tags if tag == "svg"]
    assert len(pictures) > 5
    assert all(told.get("aria-label") or told.get("aria-hidden") == "true" for told in pictures)
    assert all(told.get("scope") for tag, told in page.tags if tag == "th")
    assert page.tags[1] == ("html", {"lang": "en"}) or ("html", {"lang": "en"}) in page.tags


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\"'><svg onload=x>", "</script><b>", "&amp;"])
def test_names_are_escaped(name, tmp_path):
    from camkit.performance_core import PyStage

    with fast(20) as camera:
        pipeline = Pipeline(camera, PyStage(lambda frame: None, name))
        stats = pipeline.run(report=tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    page = Page(text)
    assert page.count("script") == 1 and page.count("b") == Page_b_count(text)
    assert name in page.text and name not in text.replace("&amp;amp;", "") or name == "&amp;"
    assert name in json.loads(page.data["stats"])["stages"] and stats.stages[name].count == 20


def Page_b_count(text):
    return len(re.findall(r'<b class="', text))


def test_without_the_course_of_time_the_page_says_so(tmp_path):
    with fast() as camera:
        pipeline = Pipeline(camera, slow)
        pipeline.run()
    assert "The course of time was not kept" in report_of(pipeline, tmp_path).text


def test_a_page_before_during_and_after_a_run(tmp_path):
    with fast(None) as camera:
        pipeline = Pipeline(camera, slow)
        assert "Nothing was measured" in report_of(pipeline, tmp_path).text
        pipeline.start(report=tmp_path / "own.html")
        while pipeline.stats().frames.delivered < 20:
            time.sleep(0.01)
        assert "still running" in report_of(pipeline, tmp_path).text
        pipeline.stop()
    assert "In pieces of" in report_of(pipeline, tmp_path).text
    Page((tmp_path / "own.html").read_text())
    with pytest.raises(OutputError, match="cannot write the report"):
        pipeline.report(tmp_path / "no" / "file")


def test_a_graph_is_drawn_with_its_branches(tmp_path):
    def left(frame):
        pass

    def right(frame):
        pass

    with fast(40) as camera:
        pipeline = Pipeline(camera, Tee([left], [right]))
        stats = pipeline.run(report=tmp_path / "a.html")
    page = Page((tmp_path / "a.html").read_text())
    assert stats.frames.shared and " shared " in page.text and " By branch " in page.text
    for name in (*stats.branches, "left", "right"):
        assert f" {name} " in page.text


def test_a_failed_run_says_why(tmp_path):
    def fail(frame):
        raise ValueError("<mine>")

    with fast() as camera, pytest.raises(PipelineError):
        Pipeline(camera, fail).run(report=tmp_path / "a.html")
    assert "It ended with ValueError: <mine>" in Page((tmp_path / "a.html").read_text()).text


# ---- the course of time -----------------------------------------------------------------------------------------


def stats_at(seconds, delivered, histogram):
    from dataclasses import replace

    from camkit import FrameCounts

    frames = FrameCounts(2 * delivered, delivered, 0, Drops(link=delivered))
    return replace(PipelineStats(), frames=frames, wall_s=seconds, latency_us={"a": histogram.copy().summary()})


def test_memory_is_bounded_and_nothing_is_forgotten():
    timeline, histogram = Timeline(bins=10, width_s=0.5), Histogram()
    for i in range(1000):
        histogram.record(1000 * (i % 50))
        timeline.add(stats_at(i * 0.3, i + 1, histogram))
        assert len(timeline.bins) <= 10
    assert timeline.width_s == 32
    assert sum(one.delivered for one in timeline.bins) == 1000
    assert sum(one.dropped.link for one in timeline.bins) == 1000 and sum(one.captured for one in timeline.bins) == 2000
    assert sum(sum(one.latencies["a"].values()) for one in timeline.bins) == 1000
    assert all(len(one.latencies["a"]) <= 50 for one in timeline.bins)


def test_a_bin_has_the_percentiles_of_its_own_time():
    timeline, histogram = Timeline(bins=10, width_s=1.0), Histogram()
    for second, us in enumerate((10, 1000, 10)):
        for _ in range(100):
            histogram.record(us * 1000)
        timeline.add(stats_at(second + 0.5, 100 * second, histogram))
    told = [one.percentile_us("a", 50) for one in timeline.bins]
    assert told == [pytest.approx(10, rel=0.04), pytest.approx(1000, rel=0.04), pytest.approx(10, rel=0.04)]
    assert timeline.bins[0].percentile_us("b", 50) is None
    copy = timeline.copy()
    timeline.add(stats_at(1.7, 400, histogram))
    assert copy.bins[1].delivered != timeline.bins[1].delivered


@pytest.mark.parametrize(
    ("us", "text"),
    [(0, "0 µs"), (0.025, "25.0 ns"), (0.9994, "999 ns"), (0.9999, "1.00 µs"), (12.345, "12.3 µs"), (999.7, "1.00 ms"),
     (1500, "1.50 ms"), (123456, "123 ms"), (2e6, "2.00 s"), (7.2e9, "7200 s"), (-1500, "-1.50 ms"), (None, "-")],
)  # fmt: skip
def test_durations_are_written_with_three_digits(us, text):
    assert plots.duration(us) == text


def test_scales_hold_every_value_and_label_round_ones():
    for low, high in ((0.01, 0.01), (1, 1), (3, 4), (1, 1e7), (-5, 100), (0, 0)):
        scale = plots.LogScale(low, high, 100)
        assert 0 <= scale(low) <= scale(high) <= 100 and scale(-1) == 0
        assert len(scale.ticks()) >= 2


def test_a_distribution_draws_as_much_as_there_is():
    scale = plots.LogScale(1, 1000, 160)
    one = plots.distribution([(50_000, 51_000, 10)], scale, [("p50", 50.0)], "a")
    assert one.count("<polygon") == 1 and one.count('class="mark p50"') == 1 and 'aria-label="a"' in one
    assert plots.distribution([], scale, [], "a")
