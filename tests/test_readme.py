"""Everything that the README tells people to type is typed here."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import camkit
from tests.xscreen import own_screen

TOP = Path(__file__).resolve().parent.parent
README = (TOP / "README.md").read_text()
PICTURE = TOP / "docs" / "images" / "snapshot.png"


def blocks(language: str, text: str = README) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    """Return the shell commands, without comments."""
    return [" ".join(shlex.split(line, comments=True)) for block in blocks("sh") for line in block.splitlines()]


def run(arguments: list[str], folder: Path) -> str:
    """Run Python in a folder, and return what it printed; it must print no complaint."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=200)
    found = {0, 10} if "doctor" in arguments else {0}  # on a busy machine frames are lost and late, which it tells
    assert done.returncode in found, done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    return done.stdout


def test_there_are_snippets_of_both_kinds_and_of_no_other() -> None:
    assert len(blocks("python")) >= 2
    assert len(blocks("sh")) >= 2
    assert len(blocks("python") + blocks("sh")) * 2 == len(re.findall("^```", README, re.MULTILINE))


PROGRAMS = [snippet for snippet in blocks("python") if "def test_" not in snippet]


@pytest.mark.parametrize("snippet", PROGRAMS, ids=lambda text: text.splitlines()[-1])
def test_a_python_snippet_runs(snippet: str, tmp_path: Path) -> None:
    printed = run(["-W", "error", "-c", snippet], tmp_path)
    assert printed
    for saved in re.findall(r'save\("(.*?)"\)', snippet):
        with Image.open(tmp_path / saved) as picture:
            assert picture.size == (640, 480)


def test_the_document_on_memory_runs_from_top_to_bottom(tmp_path: Path) -> None:
    snippets = blocks("python", (TOP / "docs" / "memory.md").read_text())
    assert len(snippets) >= 3
    assert run(["-W", "error", "-c", "".join(snippets)], tmp_path) == "99\n"


def test_a_test_passes(tmp_path: Path) -> None:
    [test] = set(blocks("python")) - set(PROGRAMS)
    run(["-c", next(snippet for snippet in PROGRAMS if "Recorder(" in snippet)], tmp_path)
    (tmp_path / "test_it.py").write_text(test)
    assert "1 passed" in run(["-m", "pytest", "-W", "error", "-p", "pytest_camkit", "test_it.py"], tmp_path)


@pytest.mark.parametrize("line", [line for line in shell_lines() if not line.startswith("make ")])
def test_a_shell_line_runs(line: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(line)
    assert program == "camkit", f"{line!r} is run by no test"
    if arguments[0] == "view":
        with own_screen(tmp_path):
            assert "frames" in run(["-m", "camkit", *arguments], tmp_path)
    else:
        assert run(["-m", "camkit", *arguments], tmp_path)


def test_the_make_targets_exist() -> None:
    targets = {line.split()[1] for line in shell_lines() if line.startswith("make ")}
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", (TOP / "Makefile").read_text(), re.MULTILINE)


def test_the_picture_is_what_its_command_makes(tmp_path: Path) -> None:
    command = re.search(r"made by `camkit (run [^`]* --snapshot snapshot\.png)`", README)
    assert command and "](docs/images/snapshot.png)" in README
    run(["-m", "camkit", *shlex.split(command[1])], tmp_path)
    shown, fresh = np.asarray(Image.open(PICTURE)), np.asarray(Image.open(tmp_path / "snapshot.png"))
    assert shown.shape == fresh.shape
    # Above is the stamp, which tells the time, and below is the box that moves.
    height = len(shown)
    bars = slice(height // 3, height * 2 // 3)
    assert np.abs(shown[bars].astype(int) - fresh[bars]).max() <= 1
    assert PICTURE.stat().st_size < 60_000


def test_every_pixel_format_is_named() -> None:
    for name, row in camkit.FORMATS.items():
        assert row.model == "bayer" or name in README


def test_every_file_it_names_exists() -> None:
    for name in re.findall(r"`((?:docs|examples|include)/[^`]*|[A-Z]+\.md)`", README):
        assert (TOP / name).exists(), name
