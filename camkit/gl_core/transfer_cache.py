"""What trials of the ways to the GPU found, kept for the next time: in memory, and in a file of the user's cache."""

import errno
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SWITCH = "CAMKIT_TRANSFER_CACHE"
VERSION = 2  # of what is in the file; a file of another version is written anew
LASTS_S = 30 * 86400.0  # after that a row is none: the machine, its clocks and what runs beside may be others
CLOSE_S = 86400.0  # the same of figures between which the noise has chosen
MOST_ROWS = 256  # of one driver, the oldest go
MOST_DRIVERS = 16

Row = dict[str, Any]


class TransferCache:
    """Rows of text by driver and key, for any thread. Trouble with the file is told, and nothing else comes of it.

    Parameters
    ----------
    path : Path or None
        The file; None: in memory only.

    Attributes
    ----------
    trouble : str
        Why the file is not read or not written; empty if it is.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.trouble = ""
        self._lock = threading.Lock()
        self._drivers: dict[str, dict[str, Row]] | None = None

    def get(self, driver: str, key: str) -> Row | None:
        """Return what is known and not too old, or None; `at` of it is Unix time."""
        with self._lock:
            if self._drivers is None:
                self._drivers = self._read()
            row = self._drivers.get(driver, {}).get(key)
            return row if row is not None and age_s(row) < LASTS_S else None

    def put(self, driver: str, rows: dict[str, Row | None]) -> None:
        """Remember rows, or forget those that are None."""
        with self._lock:
            # Another process may have written meanwhile.
            drivers = {**(self._drivers or {}), **self._read()}
            known = {**(self._drivers or {}).get(driver, {}), **drivers.pop(driver, {})}
            for key, row in rows.items():
                known.pop(key, None)
                if row is not None:
                    known[key] = {"at": time.time()} | row
            drivers[driver] = dict(list(known.items())[-MOST_ROWS:])
            self._drivers = dict(list(drivers.items())[-MOST_DRIVERS:])
            self._write()

    def explain(self) -> str:
        """Tell in words what is wrong with the file; empty if nothing is."""
        return f"not remembered in {self.path}: {self.trouble}" if self.trouble else ""

    def _read(self) -> dict[str, dict[str, Row]]:
        if self.path is None:
            return {}
        try:
            self._check()
            found = json.loads(self.path.read_bytes())
            if found["version"] != VERSION:
                return {}
            return {
                str(driver): {str(key): _checked(row) for key, row in rows.items()}
                for driver, rows in found["drivers"].items()
            }
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.trouble = f"cannot read it: {error.strerror}"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.trouble = "it was damaged, and is written anew"
        return {}

    def _check(self) -> None:
        # A pipe has nobody at its other end, and a device, such as /dev/null, would be replaced by a file.
        if self.path is not None and self.path.exists() and not self.path.is_file():
            raise OSError(errno.EINVAL, "it is no regular file")

    def _write(self) -> None:
        if self.path is None:
            return
        try:
            self._check()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Under another name first: whoever reads meanwhile, or a crash, finds a whole file.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump({"version": VERSION, "drivers": self._drivers}, file, indent=1)
                os.replace(name, self.path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            self.trouble = f"cannot write it: {error.strerror}"


def _checked(row: Any) -> Row:
    us, why, at = row.get("us"), row.get("why"), row.get("at")
    good = isinstance(why, str) if us is None else isinstance(us, (int, float)) and 0 < us < 1e9
    if not good or not isinstance(at, (int, float)) or not 0 <= at < 1e12:
        raise ValueError("no row of ours")
    return {"us": float(us), "at": float(at)} if us is not None else {"why": why, "at": float(at)}


def age_s(row: Row) -> float:
    """Return how old a row is, in seconds; one from the future, as a clock that was set back makes it, is too old."""
    age = time.time() - float(row["at"])
    return age if age >= 0 else LASTS_S


def _default_path() -> Path | None:
    try:
        if sys.platform == "win32":
            folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            folder = Path.home() / "Library" / "Caches"
        else:
            # The specification says that a relative path is to be ignored.
            wish = os.environ.get("XDG_CACHE_HOME", "")
            folder = Path(wish) if os.path.isabs(wish) else Path.home() / ".cache"
    except RuntimeError:
        return None  # the user has no home
    return folder / "camkit" / "transfers.json"


_caches: dict[Path | None, TransferCache] = {}
_caches_lock = threading.Lock()


def shared_cache() -> TransferCache | None:
    """Return the cache of this process, None if the user wants none.

    The environment's CAMKIT_TRANSFER_CACHE is the path of its file, or ``off``.
    """
    wish = os.environ.get(SWITCH, "")
    if wish == "off":
        return None
    path = Path(wish) if wish else _default_path()
    with _caches_lock:
        return _caches.setdefault(path, TransferCache(path))
