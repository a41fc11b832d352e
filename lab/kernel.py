"""Kernels in the cache: found at once, or made once under a lock."""

import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import LabError, say

__all__ = ["Kernel", "cache_folder", "cached", "recipe_key"]


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be started.

    `image` is the file to boot, `modules` the folder lib/modules/RELEASE with a modules.dep.
    """

    image: Path
    modules: Path

    @classmethod
    def inside(cls, folder: Path, image: str) -> "Kernel":
        """Find the kernel in a folder by the pattern `image`; raise LabError if it is not whole."""
        images = sorted(folder.glob(image))
        tables = sorted(folder.glob("lib/modules/*/modules.dep"))
        if len(images) != 1 or len(tables) != 1:
            raise LabError(
                f"cannot use kernel folder '{folder}': it has {len(images)} files '{image}' and {len(tables)} "
                "'lib/modules/*/modules.dep', of each there must be one"
            )
        return cls(images[0].resolve(), tables[0].parent.resolve())


def cache_folder() -> Path:
    """Return where the lab keeps kernels and pictures: $CAMKIT_LAB_CACHE, or ~/.cache/camkit-lab."""
    folder = Path(os.environ.get("CAMKIT_LAB_CACHE") or "~/.cache/camkit-lab").expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"cannot make the lab's cache '{folder}': {error.strerror}; set CAMKIT_LAB_CACHE to a folder of yours"
        ) from error
    return folder


def recipe_key(*parts: str) -> str:
    """Return a short hash of everything that decides how a kernel comes out."""
    text = "\0".join((platform.machine(), *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cached(name: str, image: str, make: Callable[[Path], None]) -> Kernel:
    """Return the kernel called `name`, made by `make(folder)` if the cache does not have it yet.

    The folder appears in the cache by one rename when all of it is there, so an interrupted build is never taken for
    a kernel; callers at the same time wait for the first one and then use its kernel.
    """
    cache = cache_folder()
    final = cache / name
    if not final.is_dir():
        with _Lock(cache / f"{name}.lock"):
            if not final.is_dir():
                _make(final, make)
    return Kernel.inside(final, image)


def _make(final: Path, make: Callable[[Path], None]) -> None:
    for left_over in final.parent.glob(f"{final.name}.part-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{final.name}.part-", dir=final.parent))
    try:
        work.chmod(0o755)
        result = work / "result"
        result.mkdir()
        start = time.monotonic()
        make(result)
        result.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"kernel {final.name} is ready after {time.monotonic() - start:.0f} s, in {final}")


class _Lock:
    """One maker at a time; the kernel lets go of the lock when its holder dies."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        try:
            self._file = self.path.open("a+")
        except OSError as error:
            raise LabError(
                f"cannot lock '{self.path}': {error.strerror}; set CAMKIT_LAB_CACHE to a folder of yours"
            ) from error
        start, told = time.monotonic(), -60.0
        while not self._taken():
            waited = time.monotonic() - start
            if waited - told >= 30:
                told = waited
                holder = self.path.read_text().strip()
                say(f"waiting for process {holder or 'unknown'}, which is making this kernel, {waited:.0f} s")
            time.sleep(0.2)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
