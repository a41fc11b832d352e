"""Album: pictures that a window's user wants to keep, written by threads of their own."""

import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from camkit.errors import GLError, OutputError
from camkit.gl_core.png import encode_png

if TYPE_CHECKING:
    from camkit.gl_core._snapshots import Shot

JOIN_S = 10.0
UNFIT = re.compile(r"[^\w.-]+")  # what a file's name should not hold


class Album:
    """Save pictures as PNG, named by camera and frame; no file is ever replaced. Its methods are for one thread.

    Parameters
    ----------
    folder : path
    tell : callable
        Gets a line for people when a picture was saved, or could not be; called by the thread that wrote it.
    """

    def __init__(self, folder: str | os.PathLike[str], tell: Callable[[str], object]) -> None:
        self.folder = Path(folder)
        self._tell = tell
        self._threads: list[threading.Thread] = []

    def keep(self, name: str, take: Callable[[], "Shot"]) -> None:
        """Save a picture in a thread of its own, for neither the window nor the camera may wait for a disk.

        Parameters
        ----------
        name : str
            Of the camera.
        take : callable
            Returns the picture, or raises GLError.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._work, args=(name, take), name="camkit-snapshot")
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait until all is written."""
        for thread in self._threads:
            thread.join(JOIN_S)
        self._threads = []

    def save(self, name: str, shot: "Shot") -> Path:
        """Write one picture now.

        Raises
        ------
        OutputError
            It cannot be written; the message says why.
        """
        stem = f"{UNFIT.sub('-', name).strip('-.') or 'camera'}-{shot.sequence:06d}"
        data = encode_png(shot.pixels)
        try:
            for number in range(1, 1000):
                path = self.folder / f"{stem}{f'-{number}' if number > 1 else ''}.png"
                try:
                    with open(path, "xb") as file:
                        file.write(data)
                    return path
                except FileExistsError:
                    continue
        except OSError as error:
            raise OutputError(error.errno, f"cannot save {str(path)!r}: {error.strerror}", str(path)) from error
        raise OutputError(errno.EEXIST, f"cannot save {str(path)!r}: there are {number} of this name", str(path))

    def _work(self, name: str, take: "Callable[[], Shot]") -> None:
        try:
            self._tell(f"saved {self.save(name, take())}")
        except OutputError as error:
            self._tell(error.strerror or str(error))
        except GLError as error:
            self._tell(str(error))
