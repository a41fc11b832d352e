"""Verdicts: a row for each tier, whatever is known, and a table that a terminal has room for."""

import pytest

import camkit
from camkit.gl_core.transfers import CANDIDATES, NO_DMABUFS
from camkit.gl_core.verdicts import WAITING, Verdict, table, verdicts

TIERS = ["0a", "0b", "0c", "1a", "1b", "2a", "2b", "2c", "2d"]


def told(refused: dict[str, str], taken: str | None = "client", kind: str = "", **us: float) -> dict[str, Verdict]:
    all_refused = {row.name: "because" for row in CANDIDATES if row.name != taken} | refused
    return {row.tier: row for row in verdicts(taken, all_refused, us, {"pbo": "2026-11-20"}, 1_000_000, kind)}


def test_every_tier_has_its_row_in_order() -> None:
    assert list(told({})) == TIERS
    assert list(told({}, taken=None)) == TIERS
    assert told({}, taken=None)["2a"].verdict == "refused"


def test_memory_that_no_frame_has_is_told_with_what_would_have_it() -> None:
    rows = told({"import": f"{NO_DMABUFS} (heap memory)"})
    assert [rows[tier].verdict for tier in ("0a", "0b", "0c")] == ["no frame"] * 3
    assert "io='udmabuf'" in rows["0a"].why and "io='expbuf'" in rows["0b"].why and "io='dma-heap'" in rows["0c"].why


@pytest.mark.parametrize("kind", ["0a", "0b", "0c"])
def test_the_frames_own_kind_of_memory_has_the_verdict(kind: str) -> None:
    rows = told({}, taken="import", kind=kind, **{"import": 2.0})
    assert rows[kind].verdict == "taken" and rows[kind].us == 2.0
    assert rows[kind].gb_s is None, "nobody moves those bytes"
    assert [rows[tier].verdict for tier in ("0a", "0b", "0c") if tier != kind] == ["no frame"] * 2
    assert told({"import": "wrong: other bytes"}, kind=kind)[kind][2:] == ("wrong", None, None, "other bytes")


@pytest.mark.parametrize(
    ("why", "verdict"),
    [("the driver has no such call", "refused"), (WAITING, "waits"), ("not asked for (x)", "not asked for")],
)
def test_what_holds_for_all_memory_is_said_of_each(why: str, verdict: str) -> None:
    rows = told({"import": why})
    assert [rows[tier].verdict for tier in ("0a", "0b", "0c")] == [verdict] * 3


def test_figures_say_where_they_are_from() -> None:
    rows = told({"pbo": "slower: 20.0 us against 10.0 us"}, client=10.0, pbo=20.0)
    assert (rows["2a"].us, rows["2a"].gb_s) == (10.0, 100.0) and rows["2a"].why.endswith(", measured")
    assert rows["2b"][2:] == ("slower", 20.0, 50.0, "20.0 us against 10.0 us, remembered from 2026-11-20")
    assert (rows["2d"].verdict, rows["2d"].us) == ("as client", None)


@pytest.mark.parametrize("width", [40, 100])
def test_lines_are_no_longer_than_they_may_be_and_nothing_is_lost(width: int) -> None:
    rows = [Verdict("1a", "persistent", "refused", None, None, "one word after the other " * 12)]
    lines = table(rows, width).splitlines()
    assert lines[0].split() == ["tier", "way", "verdict", "us", "GB/s", "why"]
    assert " ".join(lines[1:]).split()[3:] == rows[0].why.split()
    left = lines[0].index("why")
    assert all(len(line) <= max(width, left + 20) for line in lines)
    assert all(line[:left].isspace() for line in lines[2:])


def test_a_pipeline_tells_it_within_a_terminals_width() -> None:
    with camkit.open("synthetic", format="NV12", size=(64, 48), realtime=False) as camera:
        pipeline = camkit.Pipeline(camera, camkit.Offscreen(name="wall", transfer="client"))
        pipeline.run(frames=3)
    lines = pipeline.explain().split("\nwall: ")[1].splitlines()
    first, last = (next(i for i, line in enumerate(lines) if line.split()[:1] == [tier]) for tier in ("tier", "2d"))
    assert last - first >= len(TIERS)
    assert all(len(line) <= 100 for line in lines[first : last + 1])
    assert all(line.startswith("  ") for line in lines[1:])
