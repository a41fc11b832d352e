"""Settings: what a camera has beside formats and controls: inputs, signals, standards, timings, EDID, selections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camkit.camera_capture.inputs import Input, Signal, Standard
from camkit.camera_capture.selection import Rect, Selection
from camkit.camera_capture.timings import Timings, TimingsRange
from camkit.errors import SettingNotSupported

if TYPE_CHECKING:
    from camkit.camera_capture._backend import Backend
    from camkit.camera_capture._v4l2.settings import V4L2Settings


class Settings:
    """The part of `Camera` that tells of its settings. All of them are asked anew each time.

    What a camera has not got is None or empty when asked, and SettingNotSupported when set. What concerns the input
    and its signal is chosen by the options of `camkit.open`.
    """

    _source: Backend

    @property
    def inputs(self) -> tuple[Input, ...]:
        """tuple of Input: where its pictures can come from, and how it is there now."""
        settings = self._settings()
        return () if settings is None else settings.inputs

    @property
    def input(self) -> Input | None:
        """Input or None: the one that is chosen."""
        return next((row for row in self.inputs if row.current), None)

    @property
    def signal(self) -> Signal:
        """Signal: what comes in at that input now."""
        settings = self._settings()
        return Signal("unknown") if settings is None else settings.signal

    @property
    def standards(self) -> tuple[Standard, ...]:
        """tuple of Standard: analogue standards that the chosen input takes."""
        settings = self._settings()
        return () if settings is None else settings.standards

    @property
    def standard(self) -> str | None:
        """str or None: the analogue standard that is set."""
        settings = self._settings()
        return None if settings is None else settings.standard

    @property
    def timings(self) -> Timings | None:
        """Timings or None: the digital timings that are set."""
        settings = self._settings()
        return None if settings is None else settings.timings

    @property
    def offered_timings(self) -> tuple[Timings, ...]:
        """tuple of Timings: those that the driver lists for the chosen input."""
        settings = self._settings()
        return () if settings is None else settings.offered_timings

    @property
    def timings_range(self) -> TimingsRange | None:
        """TimingsRange or None: what timings the chosen input can take at all."""
        settings = self._settings()
        return None if settings is None else settings.timings_range

    @property
    def selections(self) -> dict[str, Selection]:
        """dict of str to Selection: `crop` and `compose`, each if there is one, with defaults and bounds."""
        settings = self._settings()
        return {} if settings is None else settings.selections

    @property
    def crop(self) -> Rect | None:
        """Rect or None: the part of the picture that is taken, in pixels of the source.

        Setting it while the camera streams works where frames keep their size, else CameraBusy is raised; before, it
        does what the option of `camkit.open` does.
        """
        selection = self.selections.get("crop")
        return None if selection is None else selection.rect

    @crop.setter
    def crop(self, rect: tuple[int, int, int, int]) -> None:
        self._source.select("crop", rect)

    @property
    def compose(self) -> Rect | None:
        """Rect or None: where in the frame that part is put; to be set like `crop`."""
        selection = self.selections.get("compose")
        return None if selection is None else selection.rect

    @compose.setter
    def compose(self, rect: tuple[int, int, int, int]) -> None:
        self._source.select("compose", rect)

    @property
    def priority(self) -> str | None:
        """str or None: the highest priority that anybody has set on the device."""
        settings = self._settings()
        return None if settings is None else settings.priority

    @property
    def edid(self) -> bytes | None:
        """bytes or None: the EDID that sources read at the chosen input, blocks of 128 bytes; empty: none now.

        It can be set while the camera does not stream; empty bytes take it away, which tells sources that nobody is
        there.
        """
        settings = self._settings()
        return None if settings is None else settings.edid

    @edid.setter
    def edid(self, data: bytes) -> None:
        settings = self._settings()
        if settings is None:
            raise SettingNotSupported(f"cannot set the EDID of camera {str(self._source.info)!r}: it can have none")
        settings.set_edid(data)

    def _settings(self) -> V4L2Settings | None:
        return self._source.settings()
