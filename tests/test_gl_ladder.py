"""The ladder: every way is told about, proved, remembered; a driver that dies of one has given its answer."""

import ctypes
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from camkit.errors import GLError
from camkit.gl_core import probe, transfer_cache, trials
from camkit.gl_core._gl import Functions
from camkit.gl_core._ladder import Ladder
from camkit.gl_core._layout import Layout
from camkit.gl_core.context import Context, headless
from camkit.gl_core.transfers import CANDIDATES, NAMES, Memory, best
from camkit.memory_manager import FORMATS, FramePool


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    made = headless()
    yield made
    made.destroy()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that knows nothing yet."""
    path = tmp_path / "folder" / "transfers.json"
    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", str(path))
    return path


@pytest.fixture
def no_children(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let child processes find nothing wrong; the list tells who was asked about."""
    asked: list[list[str]] = []

    def ask(layout, names, renderer, memory=None):
        asked.append(list(names))
        return dict.fromkeys(names, "")

    monkeypatch.setattr(probe, "ask", ask)
    return asked


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process as new."""
    monkeypatch.setattr(transfer_cache, "_caches", {})


def ladder_of(context: Context, transfer: str = "auto", functions: Functions | None = None) -> Ladder:
    context.make_current()
    return Ladder(functions or context.functions, FORMATS["NV12"], 64, 48, [64, 64], transfer)


def test_a_watchdog_may_know_that_a_driver_is_being_tried(context, cache, monkeypatch) -> None:
    asked: list[float] = []

    def ask(layout, names, renderer, memory=None):
        asked.append(context.functions.tried_at)
        return dict.fromkeys(names, "")

    forget(monkeypatch)
    monkeypatch.setattr(probe, "ask", ask)
    began = time.monotonic()
    ladder_of(context).delete()
    assert asked == [math.inf]
    assert began < context.functions.tried_at <= time.monotonic()


class Counted:
    """Functions of a driver that count the uploads."""

    def __init__(self, context: Context) -> None:
        self.rows: list[int] = []
        types = (None, *[ctypes.c_int] * 6, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)
        real = ctypes.CFUNCTYPE(*types)(context.get_proc("glTexSubImage2D"))
        self.uploads = 0

        def call(*args: int) -> None:
            self.uploads += 1
            self.rows.append(args[5])
            real(*args)

        self._call = ctypes.CFUNCTYPE(*types)(call)
        address = ctypes.cast(self._call, ctypes.c_void_p).value or 0
        self.functions = Functions(lambda name: address if name == "glTexSubImage2D" else context.get_proc(name))


def test_every_way_has_its_verdict(context: Context, cache: Path, no_children: list[list[str]]) -> None:
    ladder = ladder_of(context)
    words = ladder.explain()
    assert f"'{ladder.transfer}'" in words and "measured" in words
    said = {row.way: row for row in ladder.verdicts}
    assert set(said) == {row.name for row in CANDIDATES} | {"plain"}
    for row in ladder.verdicts:
        assert re.search(rf"^ +{row.tier} +{row.way} +{row.verdict}", words, re.MULTILINE)
        assert (row.us is None) == (row.way not in ladder.measured_us)
        assert row.gb_s is None or row.gb_s == pytest.approx(64 * 72 / row.us / 1000)
    assert [row.way for row in ladder.verdicts if row.verdict == "taken"] == [ladder.transfer]
    assert said["pinned"].why == ladder.refused["pinned"]
    assert ladder.transfer not in ladder.refused
    assert {ladder.transfer, *ladder.refused} == {*NAMES} - {"auto"}
    ladder.delete()
    assert context.functions.errors() == []


def test_of_ways_that_are_about_as_fast_the_one_that_copies_least_is_taken() -> None:
    assert best({"client": 1000.0, "persistent": 1200.0}) == "persistent"
    assert best({"client": 1000.0, "persistent": 1300.0}) == "client"
    assert best({"client": 1000.0, "pbo": 990.0}) == "pbo"
    assert best({"client": 1.0}) == "client"


def test_what_was_found_is_remembered_and_only_the_way_that_is_taken_is_proved_again(
    context: Context, cache: Path, no_children: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder = ladder_of(context)
    first = dict(ladder.measured_us)
    assert not ladder.remembered
    ladder.delete()
    assert len(no_children) == 1

    forget(monkeypatch)  # as another process
    watched = Counted(context)
    ladder = ladder_of(context, functions=watched.functions)
    assert ladder.measured_us == first and set(ladder.remembered) == set(first)
    assert f"remembered from {time.strftime('%Y')}" in ladder.explain()
    assert len(no_children) == 1
    planes = 2
    assert watched.uploads == planes, "the CPU draws here, from one set of textures"
    ladder.delete()

    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", "off")
    ladder = ladder_of(context)
    assert not ladder.remembered and "measured" in ladder.explain()
    ladder.delete()


def test_a_way_that_was_right_once_and_is_not_now_gives_way_to_the_next(
    context: Context, cache: Path, alike: None, no_children: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder_of(context).delete()
    found = json.loads(cache.read_text())
    (driver,) = found["drivers"].values()
    driver["NV12 64x48 [64, 64] by pbo"]["us"] = 0.001  # so that it would be taken
    cache.write_text(json.dumps(found))
    forget(monkeypatch)
    context.make_current()
    # The mapped buffers of this driver are none of the GPU's: what is copied there never gets into a texture.
    junk = ctypes.create_string_buffer(64 * 72)
    fake = ctypes.CFUNCTYPE(ctypes.c_void_p, *[ctypes.c_size_t] * 4)(lambda *args: ctypes.addressof(junk))
    address = ctypes.cast(fake, ctypes.c_void_p).value or 0
    broken = Functions(lambda name: address if name == "glMapBufferRange" else context.get_proc(name))
    ladder = ladder_of(context, functions=broken)
    assert ladder.transfer == "client"
    assert ladder.refused["pbo"].startswith("wrong: ")
    ladder.delete()
    forget(monkeypatch)
    ladder = ladder_of(context)
    assert ladder.refused["pbo"].startswith("wrong: ") and ladder.refused["pbo"].endswith("(remembered)")
    ladder.delete()


@pytest.mark.parametrize("at", [0, 64 * 48 // 2 + 1, -1])
def test_a_single_wrong_byte_is_seen(
    context: Context, no_children: list[list[str]], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a driver would be that loses a byte of a plane: at its beginning, in the middle, at its end.
    monkeypatch.setenv("CAMKIT_TRANSFER_CACHE", "off")
    context.make_current()
    types = (None, *[ctypes.c_int] * 4, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)
    real = ctypes.CFUNCTYPE(*types)(context.get_proc("glReadPixels"))

    def lose(*args: int) -> None:
        real(*args)
        if args[4] == 0x1903:  # GL_RED, of the luma plane
            (ctypes.c_uint8 * (64 * 48)).from_address(args[6])[at] ^= 1

    kept = ctypes.CFUNCTYPE(*types)(lose)
    address = ctypes.cast(kept, ctypes.c_void_p).value or 0
    functions = Functions(lambda name: address if name == "glReadPixels" else context.get_proc(name))
    with pytest.raises(GLError, match="2a client: wrong: .*2b pbo: wrong: .*2c orphan: wrong: "):
        ladder_of(context, functions=functions)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"version": 2, "drivers": {"x": {"y": {"us": "fast", "at": 1}}}}',
        '{"version": 2, "drivers": {"x": {"y": {"us": 1.0}}}}',
        "[" * 100000,
    ],
)
def test_a_damaged_cache_is_told_and_written_anew(
    context: Context, cache: Path, no_children: list[list[str]], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.mkdir()
    cache.write_text(text)
    ladder = ladder_of(context, "client")
    assert f"not remembered in {cache}: it was damaged, and is written anew" in ladder.explain()
    ladder.delete()
    forget(monkeypatch)
    ladder = ladder_of(context, "client")
    assert set(ladder.remembered) == {"client"} and str(cache) not in ladder.explain()
    ladder.delete()


def test_a_cache_that_cannot_be_written_or_read_is_told(
    context: Context, cache: Path, no_children: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.write_text("a file where the folder should be")
    ladder = ladder_of(context)
    assert f"not remembered in {cache}: cannot write it: " in ladder.explain()
    ladder.delete()
    ladder = ladder_of(context)  # but in this process it is known
    assert set(ladder.remembered) == set(ladder.measured_us)
    ladder.delete()


@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.mkdir()], ids=["pipe", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_replaced(
    context: Context, cache: Path, no_children: list[list[str]], make: Callable[[Path], None]
) -> None:
    cache.parent.mkdir()
    make(cache)
    before = cache.stat().st_mode
    ladder = ladder_of(context, "client")
    assert f"not remembered in {cache}: cannot write it: it is no regular file" in ladder.explain()
    ladder.delete()
    assert cache.stat().st_mode == before and list(cache.parent.iterdir()) == [cache]


def test_a_time_in_the_place_of_a_child_s_word_is_not_believed(
    context: Context, cache: Path, no_children: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder_of(context).delete()
    told = json.loads(cache.read_text())
    (rows,) = told["drivers"].values()
    children = [key for key in rows if key.startswith("child: ")]
    assert children
    rows.update(dict.fromkeys(children, {"us": 1.0}))
    cache.write_text(json.dumps(told))
    forget(monkeypatch)
    asked = len(no_children)
    ladder_of(context).delete()
    assert len(no_children) == asked + 1, "they are asked anew"


def aged(cache: Path, days: float, us: dict[str, float]) -> None:
    """Make what is remembered older, and set times of ways."""
    told = json.loads(cache.read_text())
    (rows,) = told["drivers"].values()
    for key, row in rows.items():
        row["at"] = time.time() - 86400 * days
        if "us" in row:
            row["us"] = us[key.rpartition(" ")[2]]
    cache.write_text(json.dumps(told))


CLEAR = {"client": 1.0, "pbo": 1e4, "orphan": 1e4}
CLOSE = {"client": 1.0, "pbo": 1.1, "orphan": 1e4}


@pytest.mark.parametrize(
    ("days", "us", "kept"),
    [
        (20, CLEAR, {"client", "pbo", "orphan"}),
        (31, CLEAR, set()),
        (-1, CLEAR, set()),  # the clock was set back
        (0.5, CLOSE, {"client", "pbo", "orphan"}),
        (2, CLOSE, {"orphan"}),
    ],
)
def test_what_is_old_is_measured_again_and_what_was_close_sooner(
    context: Context, cache: Path, no_children: list[list[str]], monkeypatch: pytest.MonkeyPatch, days: float,
    us: dict[str, float], kept: set[str],
) -> None:  # fmt: skip
    ladder_of(context).delete()
    aged(cache, days, us)
    forget(monkeypatch)
    ladder = ladder_of(context)
    assert set(ladder.remembered) == kept
    assert {name: ladder.measured_us[name] for name in kept} == {name: us[name] for name in kept}
    assert len(no_children) == (1 if 0 <= days < 30 else 2), "what children said is as old"
    ladder.delete()
    forget(monkeypatch)
    again = ladder_of(context)
    assert set(again.remembered) == {*CLEAR}, "it was written down anew"
    again.delete()


def test_of_a_huge_picture_the_trial_takes_a_part(
    context: Context, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights: list[int] = []

    def ask(layout, names, renderer, memory=None):
        heights.append(layout.height)
        return dict.fromkeys(names, "")

    monkeypatch.setattr(probe, "ask", ask)
    monkeypatch.setattr(trials, "MOST_BYTES", 64 * 48 * 3)
    monkeypatch.setattr(trials, "MOST_PROVED", 64 * 480)
    watched = Counted(context)
    context.make_current()
    ladder = Ladder(watched.functions, FORMATS["NV12"], 64, 480, [64, 64], "client")
    assert ladder.measured_us["client"] > 0 and watched.rows and max(watched.rows) == 96
    ladder.delete()
    # What one proof of the way that is taken can look at is proved whole.
    monkeypatch.setattr(trials, "MOST_PROVED", 64 * 480 * 2)
    watched.rows.clear()
    ladder = Ladder(watched.functions, FORMATS["NV12"], 64, 480, [64, 64], "auto")
    assert heights == [96] and max(watched.rows) == 480
    with FramePool(1, format="NV12", size=(64, 480)) as pool, pool.acquire() as frame:
        ladder.fill(frame)
    ladder.delete()


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items() if not row.compressed])
def test_the_part_is_of_whole_rows_and_no_more_than_it_may_be(name: str) -> None:
    row = FORMATS[name]
    whole = Layout(row, 640, 480, [row.plane_stride(row.row_bytes(640), i) for i in range(len(row.planes))], 16384)
    part = whole.part(whole.image_bytes // 5)
    assert part.image_bytes <= whole.image_bytes // 5 and part.height % row.multiple[1] == 0
    assert part.image_bytes * 480 == whole.image_bytes * part.height and part.strides == whole.strides
    assert whole.part(whole.image_bytes) is whole


def test_no_home_and_relative_paths_are_no_place_for_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CAMKIT_TRANSFER_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    cache = transfer_cache.shared_cache()
    assert cache is not None and cache.path == tmp_path / ".cache" / "camkit" / "transfers.json"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    cache = transfer_cache.shared_cache()
    assert cache is not None and cache.path == tmp_path / "x" / "camkit" / "transfers.json"


def test_two_processes_add_to_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "transfers.json"
    ours, other = transfer_cache.TransferCache(path), transfer_cache.TransferCache(path)
    assert ours.get("gpu", "a") is None and other.get("gpu", "b") is None
    ours.put("gpu", {"a": {"us": 1.0}})
    other.put("gpu", {"b": {"why": "wrong"}})
    found = transfer_cache.TransferCache(path)
    a, b = found.get("gpu", "a"), found.get("gpu", "b")
    assert a is not None and a["us"] == 1.0 and b is not None and b["why"] == "wrong"
    found.put("gpu", {"a": None})
    assert transfer_cache.TransferCache(path).get("gpu", "a") is None
    found.put("gpu", {str(k): {"us": 1.0} for k in range(transfer_cache.MOST_ROWS + 5)})
    assert os.listdir(tmp_path) == ["transfers.json"]
    assert len(json.loads(path.read_text())["drivers"]["gpu"]) == transfer_cache.MOST_ROWS


DYING = """
import os, signal, time
from camkit.gl_core import _ladder, probe
real = _ladder.try_way
def try_way(functions, format, width, height, strides, name, memory=None):
    if name == "pbo":
        {crime}
    real(functions, format, width, height, strides, name, memory)
_ladder.try_way = try_way
probe.main()
"""


@pytest.mark.parametrize(
    ("crime", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "a child process died of its trial: SIGSEGV"),
        ("os._exit(3)", "a child process died of its trial: exit code 3"),
        ("time.sleep(600)", "a child process hung in its trial: nothing came for 15 s"),
    ],
)
def test_a_driver_that_kills_or_stops_a_child_has_given_its_answer(
    context: Context, cache: Path, alike: None, monkeypatch: pytest.MonkeyPatch, crime: str, words: str
) -> None:
    monkeypatch.setattr(probe, "PROGRAM", DYING.format(crime=crime))
    # Where a child is to hang, the other ways are tried in this time too.
    monkeypatch.setattr(probe, "PATIENCE_S", 15.0 if "hung" in words else 60.0)
    ladder = ladder_of(context)
    assert ladder.refused["pbo"] == words
    assert ladder.transfer == "client"
    ladder.delete()
    # It is not asked for a second time.
    forget(monkeypatch)
    monkeypatch.setattr(probe, "PROGRAM", "no program")
    ladder = ladder_of(context)
    assert ladder.refused["pbo"] == words
    ladder.delete()
    with pytest.raises(GLError, match=f"cannot upload NV12 64x48 .*2b pbo: {words}"):
        ladder_of(context, "pbo")


def test_a_child_tries_what_is_risky_on_this_driver(context: Context, cache: Path) -> None:
    layout = ladder_of(context, "client").layout
    risky = [row.name for row in CANDIDATES if row.risky]
    assert probe.ask(layout, risky, context.functions.renderer) == dict.fromkeys(risky, "")
    assert probe.ask(layout, risky, "another GPU") == {}


READING = """
import ctypes, os, signal
from camkit.gl_core import _ladder, probe
real = _ladder.try_way
def try_way(functions, format, width, height, strides, name, memory=None):
    if memory is not None and ctypes.string_at(memory.addresses[0], 4) == b"mine":
        os.kill(os.getpid(), signal.SIGSEGV)
    real(functions, format, width, height, strides, name, memory)
_ladder.try_way = try_way
probe.main()
"""


def test_a_child_gets_the_frames_own_dma_bufs(context: Context, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PATIENCE_S", 60.0)
    layout = ladder_of(context, "client").layout
    # A file whose maker nobody knows, as another driver's buffers are: no memory of one's own stands for it.
    with tempfile.TemporaryFile() as file:
        file.write(os.urandom(4096) + b"mine" + os.urandom(64 * 72 - 4))
        file.flush()
        sizes, offsets = (64 * 48, 64 * 24), (4096, 4096 + 64 * 48)
        memory = Memory("mmap", False, (0, 0), sizes, (64, 64), offsets, (file.fileno(),) * 2)
        renderer = context.functions.renderer
        assert probe.ask(layout, ["import"], renderer, memory) == {"import": ""}, "it can be tried with them"
        monkeypatch.setattr(probe, "PROGRAM", READING)
        assert probe.ask(layout, ["import"], renderer, memory)["import"].endswith("SIGSEGV")
        assert probe.ask(layout, ["import"], renderer) == {"import": ""}
        short = memory._replace(offsets=(1 << 30, 1 << 30))  # nothing is there
        assert probe.ask(layout, ["import"], renderer, short) == {"import": ""}


def test_without_a_child_process_nothing_risky_is_tried(
    context: Context, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    ladder = ladder_of(context)
    assert ladder.refused["pbo"] == "it could not be tried in a child process first"
    assert ladder.transfer in ("client", "orphan")
    ladder.delete()
