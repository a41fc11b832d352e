"""Set a V4L2 device to what was asked: its input, what comes in there, what of it is taken, and the format."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from camkit.camera_capture._v4l2.controls import ControlNode
from camkit.camera_capture._v4l2.device import Device
from camkit.camera_capture._v4l2.inputs import InputNode
from camkit.camera_capture._v4l2.negotiate import Agreement, negotiate
from camkit.camera_capture._v4l2.node import Node
from camkit.camera_capture._v4l2.selection import SelectionNode
from camkit.camera_capture._v4l2.signal import chosen_input, detect
from camkit.camera_capture._v4l2.timings import TimingsNode
from camkit.camera_capture._v4l2.wishes import PRIORITIES, Wishes
from camkit.camera_capture.info import Request
from camkit.camera_capture.inputs import Input, standard_name, standards_of
from camkit.camera_capture.selection import BOUNDS, TARGETS, Rect
from camkit.camera_capture.timings import Timings, is_named, nearest_timings
from camkit.errors import CameraBusy, CameraError, NoSignal, SettingNotSupported, SourceChanged

TURNS = {"rotate": 0x00980922, "hflip": 0x00980914, "vflip": 0x00980915}  # V4L2_CID_*
FPS_TOLERANCE = 2e-4
SHOWN = 6  # of what an error offers

T = TypeVar("T", str, int)


def configure(device: Device, request: Request, *, following: bool = False) -> Agreement:
    """Set the device to what was asked, in the order in which one setting rules the next.

    Parameters
    ----------
    device : Device
        Open device, not streaming.
    request : Request
        What is asked of it, the options of `Wishes` included.
    following : bool, optional
        A stream goes on after its signal has changed: what was asked of the signal must hold for what came.

    Returns
    -------
    Agreement
        With the differences of all settings.

    Raises
    ------
    SettingNotSupported, FormatNotSupported
        The device has not got what was asked; it is left as it was, as far as it lets us.
    NoSignal
        `timings` or `standard` is "auto", and there is no signal.
    SourceChanged
        `following`, and the signal is not what was asked.
    CameraBusy, CameraError
        It is in use, or fails.
    """
    wishes = Wishes.make(request.options)
    with ExitStack() as undo:
        settings = _Settings(device, request, wishes, undo, following)
        settings.set_priority()
        try:
            settings.set_input()
            settings.set_source()
            settings.turn()
            size = settings.set_crop()
            agreed = negotiate(device, request, size)
            settings.set_compose(agreed.size)
        except CameraBusy as error:
            highest = Node(device).priority() or 0
            if highest <= PRIORITIES[wishes.priority or "interactive"]:
                raise
            name = next(name for name, number in PRIORITIES.items() if number == highest)
            words = f"{error.strerror}; somebody has opened it with priority {name!r}, which keeps lower ones out"
            raise CameraBusy(error.errno, words, device.path) from None
        undo.pop_all()
    return agreed._replace(differences={**settings.differences, **agreed.differences})


def select_streaming(device: Device, target: str, rect: Rect, request: Request) -> Rect:
    """Set a rectangle while the device streams; the other one stays as asked for, and the picture fills the frame.

    As for `select`.
    """
    others = {name: request.options.get(name) for name in TARGETS if name != target}
    if "compose" in others and others["compose"] is None:
        others["compose"] = SelectionNode(device).get(TARGETS["compose"])
    return select(device, target, rect, request.match, {name: wish for name, wish in others.items() if wish})


def select(
    device: Device, target: str, rect: Rect, match: str, keep: Mapping[str, tuple[int, int, int, int]] | None = None
) -> Rect:
    """Set a rectangle and return what the driver made of it.

    Parameters
    ----------
    device : Device
        Open device.
    target : str
        A key of TARGETS.
    rect : Rect
        What is asked.
    match : str
        As of a request.
    keep : mapping of str to rectangle, optional
        What others must be afterwards, for there is a limit to scaling, and one rules the other.

    Raises
    ------
    SettingNotSupported
        The device has no such rectangle, or makes something else of it or of those to keep, and `match` is "exact";
        all are as they were then.
    CameraBusy
        The size of frames would change while it streams.
    """
    keep = keep or {}
    node, number = SelectionNode(device), TARGETS[target]
    before, bounds = node.get(number), node.get(number + BOUNDS)
    if before is None:
        input = chosen_input(device)
        where = "it" if input is None else f"its input {input.name!r}"
        raise SettingNotSupported(f"cannot set {target} {rect} of '{device.path}': {where} has no such rectangle")
    others = {n: r for n in TARGETS.values() if n != number and (r := node.get(n)) is not None}
    error, answer = node.set(number, rect)
    got = Rect(*answer)
    if error == errno.EBUSY:
        raise node.failure(f"set {target} {rect}, which would change the size of frames: stop() first", error)
    if error and error not in (errno.EINVAL, errno.ERANGE):
        raise node.failure(f"set {target} {rect}", error)
    why = "" if got == rect and not error else "not offered"
    if bounds is not None and why:
        why += f", it lies within {Rect(*bounds)}"
    for name, wish in keep.items():
        now = None if error else node.get(TARGETS[name])
        if now is not None and now != tuple(wish):
            why += f"{', and' if why else ''} {name} would become {Rect(*now)}"
    if error or (why and match == "exact"):
        node.set(number, before)
        for other_number, rectangle in others.items():
            if node.get(other_number) != rectangle:
                node.set(other_number, rectangle)
        nearest = "" if error else f'; nearest is {got}, which match="nearest" takes'
        raise SettingNotSupported(f"cannot set {target} {rect} of '{device.path}': {why.strip()}{nearest}")
    return got


class _Settings:
    """One run of `configure`."""

    def __init__(self, device: Device, request: Request, wishes: Wishes, undo: ExitStack, following: bool) -> None:
        self.device, self.request, self.wishes, self.undo, self.following = device, request, wishes, undo, following
        self.differences: dict[str, tuple[Any, Any]] = {}

    def set_priority(self) -> None:
        name = self.wishes.priority
        if name is None:
            return
        node = Node(self.device)
        error = node.set_priority(PRIORITIES[name])
        if error in (errno.ENOTTY, errno.EINVAL):
            raise self._refusal("priority", name, "its driver knows no priorities")
        if error:
            raise node.failure(f"open with priority {name!r}", error)

    def set_input(self) -> None:
        wish = self.wishes.input
        if wish is None:
            return
        node = InputNode(self.device)
        before, rows = node.current(), node.inputs()
        names = {row.number: row.name for row in rows}
        index = _find_input(wish, names)
        if index is None:
            there = ", ".join(f"{number} {name!r}" for number, name in names.items())
            raise self._refusal("input", wish, f"there are {there}" if names else "it has no inputs to choose from")
        if index == before:
            return
        error = node.select(index)
        if error:
            raise node.failure(f"open with input {names[index]!r}", error)
        if before is not None:
            self.undo.callback(node.select, before)

    def set_source(self) -> None:
        """Set what comes in at the input: timings, or a standard."""
        input = chosen_input(self.device)
        for name, has in (
            ("timings", input is not None and input.has_timings),
            ("standard", input is not None and input.has_standards),
        ):
            wish = getattr(self.wishes, name)
            if wish is not None and not has:
                where = f"its input {input.name!r}" if input is not None else "it"
                raise self._refusal(name, str(wish), f"{where} has no {name}")
        if input is not None and input.has_timings:
            self._set_timings(input)
        elif input is not None and input.has_standards:
            self._set_standard(input)

    def _set_timings(self, input: Input) -> None:
        node, wish = TimingsNode(self.device), self.wishes.timings
        current, found = node.current(), detect(self.device)
        if wish is None or wish == "auto":
            if wish == "auto" and found.timings is None:
                raise self._no_signal(input, str(found.signal))
            timings = found.timings
            if timings is None or (current is not None and timings.same(current)):
                return
        else:
            timings = self._named_timings(wish, node) if isinstance(wish, str) else wish
            if self.following and found.timings is not None and not timings.same(found.timings):
                timings = self._changed("timings", timings, found.timings)
        if timings != current:
            error = node.set(timings)
            if error in (errno.EINVAL, errno.ERANGE):
                raise self._refusal("timings", str(timings), f"its driver does not take them for {input.name!r}")
            if error:
                raise node.failure(f"set timings {timings}", error)
            if current is not None:
                self.undo.callback(node.set, current)
        got = node.current()
        # Receivers may take 59.94 for 60.
        if wish is None or wish == "auto" or got is None or abs(timings.fps - got.fps) <= FPS_TOLERANCE * got.fps:
            return
        if self.request.match == "exact":
            raise self._refusal("timings", str(wish), f"nearest is {got}")
        self.differences["timings"] = (str(wish), str(got))

    def _named_timings(self, name: str, node: TimingsNode) -> Timings:
        near = nearest_timings(name, node.offered())
        fitting = [timings for timings in near if is_named(name, timings)]
        if fitting:
            return fitting[0]
        if not near or self.request.match == "exact":
            raise self._refusal("timings", name, f"nearest are {_listed(map(str, near))}" if near else "it lists none")
        self.differences["timings"] = (name, str(near[0]))
        return near[0]

    def _set_standard(self, input: Input) -> None:
        node, wish = InputNode(self.device), self.wishes.standard
        current, known, found = node.standard() or 0, standards_of(node.standards()), detect(self.device)
        if wish is None or wish == "auto":
            if wish == "auto" and not found.standard:
                raise self._no_signal(input, str(found.signal))
            standard = 0 if found.standard & current else found.standard
        else:
            ids = {row.name.casefold(): row.id for row in known}
            if wish.casefold() not in ids:
                raise self._refusal("standard", wish, f"there are {', '.join(row.name for row in known)}")
            standard = ids[wish.casefold()]
            if self.following and found.standard and not found.standard & standard:
                self._changed("standard", wish, standard_name(found.standard, known))
                standard = found.standard
        if not standard or standard == current:
            return
        error = node.set_standard(standard)
        if error:
            raise node.failure(f"set standard {standard_name(standard, known)}", error)
        self.undo.callback(node.set_standard, current)

    def turn(self) -> None:
        """Set rotation and flips."""
        node = ControlNode(self.device)
        for name, id in TURNS.items():
            wish = getattr(self.wishes, name)
            if wish is None:
                continue
            try:
                raw = node.query(id)
            except CameraError as refused:
                if refused.errno == errno.ENODEV:
                    raise
                raise self._refusal(name, wish, "it has no such control") from None
            if not raw.minimum <= wish <= raw.maximum or (wish - raw.minimum) % max(raw.step, 1):
                offers = f"{raw.minimum} to {raw.maximum} in steps of {raw.step}"
                raise self._refusal(name, wish, f"it takes {offers}")
            before = node.read(raw, 0)
            error, _ = node.write([(raw, int(wish))])
            if error:
                raise node.failure(f"open with {name}={wish!r}", error)
            self.undo.callback(node.write, [(raw, before)])

    def set_crop(self) -> tuple[int, int] | None:
        """Set the crop and return the size that frames have when none was asked for."""
        wish = self.wishes.crop
        if wish is None:
            return None
        node = SelectionNode(self.device)
        before = node.get(TARGETS["crop"])
        got = select(self.device, "crop", wish, self.request.match)
        if before is not None:
            self.undo.callback(node.set, TARGETS["crop"], before)
        return got.size[::-1] if self.wishes.rotate in (90, 270) else got.size

    def set_compose(self, size: tuple[int, int]) -> None:
        """Put the picture where it was asked for, else over the whole frame: what lies beside it is anything."""
        node, target, wish = SelectionNode(self.device), TARGETS["compose"], self.wishes.compose
        before = node.get(target)
        whole = Rect(0, 0, *size)
        if wish is not None:
            got = select(self.device, "compose", wish, self.request.match)
            if before is not None:
                self.undo.callback(node.set, target, before)
            if got != wish:
                self.differences["compose"] = (tuple(wish), tuple(got))
        elif before is not None and before != whole:
            node.set(target, whole)
        # Format and compose have had a say in it: there is a limit to scaling.
        crop = self.wishes.crop
        got_crop = node.get(TARGETS["crop"])
        if crop is None or got_crop is None or Rect(*got_crop) == crop:
            return
        if self.request.match == "exact":
            raise self._refusal("crop", str(crop), f"for frames of {size[0]}x{size[1]} nearest is {got_crop}")
        self.differences["crop"] = (tuple(crop), got_crop)

    def _changed(self, name: str, wish: object, found: T | Timings) -> Any:
        if self.request.match == "exact":
            raise SourceChanged(
                errno.EPROTO,
                f"the signal is {found} now, and {name}={str(wish)!r} was asked for; open with "
                f'match="nearest" or without {name} to follow it',
                self.device.path,
            )
        self.differences[name] = (str(wish), str(found))
        return found

    def _no_signal(self, input: Input, why: str) -> NoSignal:
        hint = "see to the cable and to what sends, or name the timings or the standard"
        return NoSignal(errno.ENOLINK, f"cannot tell what comes in at {input.name!r}: {why}; {hint}", self.device.path)

    def _refusal(self, name: str, wish: object, why: str) -> SettingNotSupported:
        return SettingNotSupported(f"cannot open '{self.device.path}' with {name}={wish!r}: {why}")


def _find_input(wish: str | int, names: dict[int, str]) -> int | None:
    if isinstance(wish, int):
        return wish if wish in names else None
    words = wish.casefold()
    exact = [index for index, name in names.items() if name.casefold() == words]
    begins = [index for index, name in names.items() if words and name.casefold().startswith(words)]
    fitting: Sequence[int] = exact or begins
    return fitting[0] if len(fitting) == 1 else None


def _listed(words: Iterable[str]) -> str:
    return ", ".join(list(dict.fromkeys(words))[:SHOWN])
