"""Check the models beside the headers with spin: the right ones have no error, and each that is broken on purpose has.

spin tries every interleaving; `include/camkit/memory.pml` adds what C++'s memory orders allow beyond those, and is
itself held against programs whose outcomes the language forbids or allows.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1500)
ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "include" / "camkit"
LITMUS = ROOT / "tests" / "native" / "memory_litmus.pml"
BUILD = ROOT / "build" / "models"
ADVICE = "install them: apt-get install spin gcc"

RIGHT = [
    ("spsc_ring", ""), ("spsc_ring", "BOUND=1"), ("spsc_ring", "SC COUNT=7"), ("spsc_ring", "WATCHED COUNT=3"),
    ("evicting_ring", ""), ("evicting_ring", "BOUND=1"),
    ("latest_slot", ""), ("latest_slot", "TWO"),
    ("parker", ""), ("parker", "NOTIFIERS=1 IMPATIENT"),
    ("slot_pool", ""), ("slot_pool", "SC SHUT"),
    ("work_deque", ""), ("frame_queue", ""),
]  # fmt: skip
BROKEN = {
    "spsc_ring": [
        "LAZY_PUSH", "LAZY_POP", "BLIND_PUSH", "BLIND_POP", "EARLY_PUSH", "EARLY_POP", "OVERFULL", "ANY_TURN",
        "LATE_INDEX WATCHED COUNT=3",
    ],
    "evicting_ring": ["LAZY_PUT", "BLIND_TAKE", "LATE_LOOK", "TORN_CLAIM", "NARROW BOUND=1 COUNT=6 HISTORY=10"],
    "latest_slot": ["LAZY_PUT", "LAZY_TAKE", "TORN", "TWO BLIND_PUT"],
    "parker": ["PEEK", "NO_SECOND_LOOK", "DEAF", "KEEP_BITS"],
    "slot_pool": ["NO_TAG", "LAZY_LINK", "BLIND_ACQUIRE", "LAZY_DROP", "TORN_DROP", "LATE_NEXT"],
    "frame_queue": ["NO_FENCE", "LAZY_BELL"],
    "work_deque": ["LAZY_POP", "BLIND_POP", "LAZY_PUSH", "NO_CLAIM", "OVERFULL", "LATE_LOOK"],
}  # fmt: skip
# Whether C++ allows the outcome that the program names.
OUTCOMES = {
    "MESSAGE": True, "MESSAGE WRITES=RELEASE": True, "MESSAGE READS=ACQUIRE": True,
    "MESSAGE WRITES=RELEASE READS=ACQUIRE": False,
    "STORE_BUFFER WRITES=RELEASE READS=ACQUIRE": True, "STORE_BUFFER FENCE": False,
    "STORE_BUFFER WRITES=SEQ_CST READS=SEQ_CST": False, "STORE_BUFFER WRITES=SEQ_CST READS=ACQUIRE": True,
    "COHERENCE": False, "SEQUENCE": False, "SEQUENCE OVERWRITE": True,
    "CHAIN": True, "CHAIN WRITES=RELEASE READS=ACQUIRE": False,
    "IRIW WRITES=RELEASE READS=ACQUIRE": True, "IRIW WRITES=SEQ_CST READS=SEQ_CST": False,
    "STORE_BUFFER SC": False, "MESSAGE SC": False,
}  # fmt: skip


def tool(*command: str, cwd: Path) -> str:
    """Run a program that must succeed; return what it printed."""
    path = shutil.which(command[0])
    if path is None:
        pytest.fail(f"cannot check the models: {command[0]} is not on the PATH; {ADVICE}", pytrace=False)
    done = subprocess.run([path, *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=1000, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def search(model: Path, defines: str) -> str:
    """Build the model's verifier and run it, or find what the same bytes gave before; return its report."""
    text = "".join(path.read_text(encoding="utf-8") for path in (model, MODELS / "memory.pml", Path(__file__)))
    digest = hashlib.sha256(f"{defines}\0{text}".encode()).hexdigest()[:16]
    kept = BUILD / f"{model.stem}-{digest}.txt"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    folder = BUILD / f"{model.stem}-{digest}.{os.getpid()}"
    folder.mkdir(parents=True)
    tool("spin", "-a", *(f"-D{name}" for name in defines.split()), str(model), cwd=folder)
    # Most searches are over sooner than an optimising compiler.
    large = "SC" in defines.split() or model.stem == "work_deque"
    flags = ["-O1" if large else "-O0", "-w", "-DSAFETY", "-DVECTORSZ=16384", "-DCOLLAPSE"]
    tool("gcc", *flags, "-o", "pan", "pan.c", cwd=folder)
    report = tool(str(folder / "pan"), "-m100000", "-n", cwd=folder)
    shutil.rmtree(folder)
    kept.write_text(report, encoding="utf-8")
    return report


def errors(model: Path, defines: str) -> list[str]:
    """Return what spin found wrong in a search that went through, or to the first error."""
    report = search(model, defines)
    count = re.search(r"errors: (\d+)", report)
    assert count, report
    assert "max search depth too small" not in report, "a search that was cut short proves nothing"
    assert "Search not completed" not in report or count[1] != "0", report
    found = re.findall(r"^pan:\d+: (.*)", report, re.MULTILINE)
    assert len(found) == int(count[1]), report
    assert not [line for line in found if "newest+1)<" in line], f"HISTORY is too short: {found}"
    return found


@pytest.mark.parametrize(("model", "defines"), RIGHT, ids=lambda value: value or "plain")
def test_a_model_has_no_error(model: str, defines: str) -> None:
    assert errors(MODELS / f"{model}.pml", defines) == []


@pytest.mark.parametrize(("model", "defines"), [(model, way) for model, ways in BROKEN.items() for way in ways])
def test_a_model_that_is_broken_has_one(model: str, defines: str) -> None:
    found = errors(MODELS / f"{model}.pml", defines)
    assert found and re.match(r"assertion violated|invalid end state", found[0])


def test_a_lost_wake_up_that_only_weak_memory_shows() -> None:
    assert errors(MODELS / "parker.pml", "SC PEEK") == [], "spin alone takes the wrong parker for right"
    assert errors(MODELS / "parker.pml", "PEEK")


@pytest.mark.parametrize("program", OUTCOMES)
def test_the_memory_allows_what_the_language_does(program: str) -> None:
    assert bool(errors(LITMUS, program)) is OUTCOMES[program]


def test_a_model_speaks_of_a_header_and_names_all_ways_to_break_it() -> None:
    models = {path.stem for path in MODELS.glob("*.pml")} - {"memory"}
    assert models == set(BROKEN) == {model for model, _ in RIGHT}
    for model in models:
        assert (MODELS / f"{model}.hpp").exists()
        introduction = (MODELS / f"{model}.pml").read_text(encoding="utf-8").split("*/")[0]
        named = set(re.findall(r"-D([A-Z_]+)", introduction.split("Broken on purpose")[1]))
        assert named == {way.replace("TWO ", "").split()[0] for way in BROKEN[model]}
