"""Which kernel modules to load, in which order."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab import LabError

__all__ = ["canonical_name", "load_order"]


def canonical_name(path: str) -> str:
    """Return the name a module is known by: no folder, no suffix, no hyphens."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def load_order(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the files of the modules `names` and of all they need, each after what it needs.

    `folder` is lib/modules/RELEASE. A name that is built into the kernel needs no file. Raises LabError for a module
    that this kernel does not have.
    """
    needs = dict(_read_dependencies(folder / "modules.dep"))
    files = {canonical_name(file): file for file in needs}
    order: dict[str, None] = {}
    for name in names:
        file = files.get(canonical_name(name))
        if file is not None:
            # modules.dep lists the nearest dependency first and the deepest last.
            order.update(dict.fromkeys([*reversed(needs[file]), file]))
        elif canonical_name(name) not in _built_in(folder):
            near = difflib.get_close_matches(canonical_name(name), files, 3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise LabError(f"cannot load module '{name}': kernel {folder.name} has none of that name{hint}")
    return [folder / file for file in order]


def _read_dependencies(table: Path) -> Iterator[tuple[str, list[str]]]:
    for line in table.read_text().splitlines():
        file, _, needed = line.partition(":")
        yield file, needed.split()


def _built_in(folder: Path) -> set[str]:
    table = folder / "modules.builtin"
    return {canonical_name(line) for line in table.read_text().splitlines()} if table.exists() else set()
