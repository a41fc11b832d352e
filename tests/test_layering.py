"""Imports run one way only, so that each module can be used, built and understood without those above it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "camkit"

ALLOWED = {
    "memory_manager": {"memory_manager"},
    "performance_core": {"memory_manager", "performance_core"},
    "camera_capture": {"memory_manager", "performance_core", "camera_capture"},
    "gl_core": {"memory_manager", "performance_core", "gl_core"},
}
FOUNDATION = {"errors", "_data"}  # import nothing of camkit but each other
EVERYTHING = {"__init__", "__main__", "cli", "doctor"}  # may import all

CYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+c?import[ \t]+(?P<names>\([^)]*\)|[^\n#;]+)"
    r"|c?import[ \t]+(?P<plain>[^\n#;(]+))",
    re.MULTILINE,
)
TRIPLE_QUOTED = re.compile(r'("""|\'\'\').*?\1', re.DOTALL)


def sources() -> list[Path]:
    """List every source of the package."""
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi", ".pyx", ".pxd", ".pxi"))


def statements(text: str, suffix: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (module, names) of each import, at any depth of the file; `import m` has no names."""
    if suffix in (".py", ".pyi"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from ((alias.name, []) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]
        return
    text = TRIPLE_QUOTED.sub("''", text).replace("\\\n", " ")
    for found in CYTHON_IMPORT.finditer(text):
        if found["plain"]:
            yield from ((part.split()[0], []) for part in found["plain"].split(",") if part.strip())
        else:
            names = re.sub(r"#[^\n]*", "", found["names"]).strip("() \t\n")
            yield found["base"], [part.split()[0] for part in names.split(",") if part.strip()]


def absolute(module: str, path: Path) -> str:
    """Resolve a relative module name as seen from a file of the package."""
    dots = len(module) - len(module.lstrip("."))
    if not dots:
        return module
    package = ["camkit", *path.parent.relative_to(PACKAGE).parts]
    kept = package[: len(package) - (dots - 1)]
    return ".".join([*kept, *filter(None, [module.lstrip(".")])])


def parts_used(text: str, path: Path) -> set[str]:
    """Name the parts of camkit that a file imports; the empty name is camkit itself, which holds them all."""
    used = set()
    for module, names in statements(text, path.suffix):
        module = absolute(module, path)
        if module == "camkit":
            known = ALLOWED.keys() | FOUNDATION | EVERYTHING
            used |= {name if name in known else "" for name in names or [""]}
        elif module.startswith("camkit."):
            used.add(module.split(".")[1])
    return used


def forbidden(text: str, path: Path) -> set[str]:
    """Name the parts that a file imports and must not."""
    part = path.relative_to(PACKAGE).parts[0].split(".")[0]
    if part in EVERYTHING:
        return set()
    return parts_used(text, path) - ALLOWED.get(part, set()) - FOUNDATION


def test_the_parts_are_the_ones_we_know() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].split(".")[0] for path in sources()}
    assert parts == ALLOWED.keys() | FOUNDATION | EVERYTHING


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(TOP)))
def test_imports_run_one_way(path: Path) -> None:
    wrong = forbidden(path.read_text(), path)
    assert not wrong, f"{path.relative_to(TOP)} must not import {sorted(name or 'camkit itself' for name in wrong)}"


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("memory_manager/x.py", "from camkit.performance_core import Stage", {"performance_core"}),
        ("memory_manager/x.py", "def f():\n    import camkit.gl_core.shader", {"gl_core"}),
        ("memory_manager/x.pyx", "from camkit.performance_core._stage cimport (\n    Stage,\n)", {"performance_core"}),
        ("performance_core/_x.pxd", "cimport camkit.camera_capture._v4l2.backend as v", {"camera_capture"}),
        ("performance_core/stages/x.py", "from ...gl_core import shader", {"gl_core"}),
        ("performance_core/x.py", "from camkit import cli", {"cli"}),
        ("camera_capture/x.pyx", "from ..gl_core cimport _gl", {"gl_core"}),
        ("gl_core/x.py", "from camkit.camera_capture.camera import Camera", {"camera_capture"}),
        ("gl_core/x.pyx", "import numpy, camkit", {""}),
        ("gl_core/x.py", "from camkit import open", {""}),
        ("errors.py", "from camkit.memory_manager import Frame", {"memory_manager"}),
        ("camera_capture/x.pyx", '"""\nimport camkit.gl_core\n"""\nfrom ..memory_manager cimport Frame', set()),
        ("gl_core/x.py", "from camkit.errors import GLError\nfrom camkit import _data", set()),
        ("cli/x.py", "from camkit import gl_core, camera_capture", set()),
    ],
)
def test_a_wrong_import_is_seen(file: str, text: str, wrong: set[str]) -> None:
    assert forbidden(text, PACKAGE / file) == wrong


@pytest.mark.parametrize("path", sorted((TOP / "include").rglob("*.h*")), ids=lambda path: path.name)
def test_headers_know_nothing_of_python(path: Path) -> None:
    assert not re.search(r"#\s*include\s*[<\"](Python|numpy/)", path.read_text())
