"""Match: several cameras as one source of frames that belong together."""

from __future__ import annotations

from typing import Any

from camkit.errors import ClockUnknown
from camkit.performance_core._matcher import MOST_INPUTS
from camkit.performance_core._source import Source
from camkit.performance_core.step import step_of


class Match:
    """The source of a pipeline that works on several cameras at once.

    Each frame of the first camera, the reference, goes on with the frame of every other one whose timestamp is nearest
    to its own: `frame.companions`, in the order of the inputs, without a copy. All are given back together. A frame is
    part of one match at most. A reference for which some input has nothing within `tolerance`, and every other frame
    that is not chosen, counts as dropped `unmatched` in the account of its input.

    A reference waits until the nearest frame of every input is known: until a later one has come, or until the frames
    of that input have never followed each other so closely that the next could be nearer; `patience` at most from when
    it reached the match. Then it takes what is there. Frames of the others wait no longer either when no reference
    comes. Every input has a thread of its own, and a link with the pipeline's policy and depth.

    The match ends when an input has ended and its last frames are used; the other sources are stopped then. One that
    fails ends it in the same way, and the run raises its error. One that hangs, without an end, leaves the others'
    frames unmatched until its own time limit raises.

    Parameters
    ----------
    *inputs : Camera, Source, Step or list
        2 to 8 cameras; a list is a camera and the stages that its frames pass before they are matched.
    tolerance : float
        Seconds that two timestamps may be apart.
    patience : float, optional
        Seconds that a frame may wait for its partners.
    name : str, optional
        In messages and in statistics.

    Raises
    ------
    ClockUnknown
        Timestamps of an input are on a clock that cannot be compared: here if the camera says so beforehand, else when
        such a frame comes, by the pipeline's run.

    Examples
    --------
    >>> both = camkit.Match(camkit.open("/dev/video0"), camkit.open("/dev/video2"), tolerance=0.01)
    >>> camkit.Pipeline(both, lambda left: print(left.timestamp_ns, left.companions[0].timestamp_ns)).run(frames=100)
    """

    def __init__(self, *inputs: Any, tolerance: float, patience: float = 0.1, name: str = "match") -> None:
        if not 2 <= len(inputs) <= MOST_INPUTS:
            raise ValueError(f"a Match has 2 to {MOST_INPUTS} inputs, not {len(inputs)}")
        for what, seconds in (("tolerance", tolerance), ("patience", patience)):
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 3600:
                raise ValueError(f"{what} is {seconds!r}, not a number of seconds from 0 to 3600")
        self.inputs = tuple(_chain(one) for one in inputs)
        self.tolerance, self.patience, self.name = float(tolerance), float(patience), str(name)
        for chain in self.inputs:
            source = step_of(chain[0]).node
            source = getattr(source, "source", source)
            clock = getattr(getattr(source, "stream", None), "clock", "monotonic")
            if clock not in ("monotonic", "unknown"):  # not known yet: the frames will tell
                raise ClockUnknown(
                    f"cannot match frames of {source.name!r}: its timestamps are on a clock that is {clock!r}, not the "
                    "system's monotonic one, so that they tell nothing of other cameras' times"
                )

    def __repr__(self) -> str:
        return f"<Match of {len(self.inputs)}, {self.tolerance:g} s>"


def _chain(one: Any) -> tuple[Any, ...]:
    chain = one if isinstance(one, (list, tuple)) else (one,)
    first = step_of(chain[0]).node if chain else None
    if not isinstance(getattr(first, "source", first), Source):
        raise TypeError(f"an input of a Match is a camera, a Source, or a list that begins with one, not {one!r}")
    return tuple(chain)
