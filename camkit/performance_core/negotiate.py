"""Formats of a chain of nodes, agreed on before the first frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from camkit.errors import FormatMismatch
from camkit.memory_manager._checks import check_int, check_size
from camkit.memory_manager._format import PixelFormat

if TYPE_CHECKING:
    from camkit.performance_core._node import Node

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """What frames look like that pass from one node to the next, or that a node takes or gives. Immutable.

    Parameters
    ----------
    format : str, int or PixelFormat, optional
        Pixel format, kept as its V4L2 name. None: any, or not known.
    size : (int, int), optional
        Width and height in pixels. None: any, or not known.
    stride : int, optional
        Bytes from one row of plane 0 to the next. None: any, or not known.

    Raises
    ------
    FormatNotSupported
        There is no such format.
    TypeError, ValueError
        A size or stride that no picture, or none of this format, can have.
    """

    format: str | None = None
    size: Size | None = None
    stride: int | None = None

    def __post_init__(self) -> None:
        row = None if self.format is None else PixelFormat.find(self.format)
        if row is not None:
            object.__setattr__(self, "format", row.name)
        if self.size is not None:
            object.__setattr__(self, "size", check_size(self.size, row))
        if self.stride is not None:
            least = row.row_bytes(self.size[0]) if row is not None and self.size is not None else 1
            object.__setattr__(self, "stride", check_int("stride", self.stride, least, (1 << 32) - 1))

    def __str__(self) -> str:
        words = [self.format or "any format"]
        if self.size is not None:
            words.append(f"{self.size[0]}x{self.size[1]}")
        if self.stride is not None:
            words.append(f"with stride {self.stride}")
        return " ".join(words)

    @property
    def known(self) -> bool:
        """bool: format and size are both told."""
        return self.format is not None and self.size is not None

    def fits(self, frames: FrameSpec) -> bool:
        """Tell whether `frames` may be what this asks for: whatever both tell is the same."""
        pairs = ((self.format, frames.format), (self.size, frames.size), (self.stride, frames.stride))
        return all(asked is None or told is None or asked == told for asked, told in pairs)

    def of(self, frames: FrameSpec | None) -> FrameSpec:
        """Return what a node gives that declares this, when it takes `frames`: what it leaves open is as it was."""
        if frames is None or frames == self:
            return self
        format, size = self.format or frames.format, self.size or frames.size
        return FrameSpec(format, size, self.stride)


def declared(what: Any, name: str) -> tuple[FrameSpec, ...]:
    """Turn what a node declares (a format, a FrameSpec, or several of them; None: anything) into FrameSpecs."""
    made = _specs(what, name)
    if any(spec.stride is not None for spec in made):
        raise ValueError(f"{name} cannot ask for a stride: a frame that was copied has another, and each tells its own")
    return made


def _specs(what: Any, name: str) -> tuple[FrameSpec, ...]:
    if what is None:
        return ()
    if isinstance(what, FrameSpec):
        return (what,)
    if isinstance(what, (str, int, PixelFormat)) and not isinstance(what, bool):
        return (FrameSpec(what),)  # type: ignore[arg-type]
    if not isinstance(what, Iterable):
        raise TypeError(f"{name} is {what!r}, not a format, a FrameSpec or several of them")
    return tuple(each for part in what for each in _specs(part, name))


def words(those: Sequence[FrameSpec]) -> str:
    """Name what a node takes."""
    return " or ".join(map(str, those)) or "anything"


def mismatch(node: Node, takes: Sequence[FrameSpec], frames: FrameSpec) -> FormatMismatch:
    """Return the error of a node that does not take `frames`; `negotiate` puts the other end's name to it."""
    error = FormatMismatch(f"{node.name!r} takes {words(takes)}, not {frames}")
    error.takes = tuple(takes)
    return error


def negotiate(nodes: Sequence[Node], frames: FrameSpec | None = None) -> FrameSpec | None:
    """Walk along a chain from its source on and let every node agree to what the one before it gives.

    Parameters
    ----------
    nodes : sequence of Node
        A source, stages and a sink in order; or a part of such a chain.
    frames : FrameSpec, optional
        What comes into the first of them, where that is no source.

    Returns
    -------
    FrameSpec or None
        What comes out of the last one; None where it is not known.

    Raises
    ------
    FormatMismatch
        A node does not take what comes; the message names both ends and what to try.
    """
    giver: Node | None = None
    for i, node in enumerate(nodes):
        try:
            given = node.negotiate(frames)
        except FormatMismatch as error:
            raise _explained(error, giver, node, frames, giver is nodes[0] and i > 0) from None
        if giver is None or given != frames:
            giver = node
        frames = given
    return frames


def _explained(
    error: FormatMismatch, giver: Node | None, taker: Node, frames: FrameSpec | None, from_source: bool
) -> FormatMismatch:
    takes: Sequence[FrameSpec] = error.takes
    if giver is None:
        return error
    if not takes:
        return FormatMismatch(f"cannot connect {giver.name!r} to {taker.name!r}: the one gives {frames}; {error}")
    formats = list(dict.fromkeys(take.format for take in takes if take.format is not None))
    sizes = list(dict.fromkeys(take.size for take in takes if take.size is not None))
    tries = []
    if from_source:
        asks = [f'format="{formats[0]}"'] if formats and frames and frames.format not in formats else []
        asks += [f"size={sizes[0]}"] if sizes and frames and frames.size not in sizes else []
        tries.append(f"open the camera with {', '.join(asks)}" if asks else "open the camera in another mode")
    tries.append(f"put a stage between them that gives {words([replace(take, stride=None) for take in takes])}")
    text = f"cannot connect {giver.name!r} to {taker.name!r}: the one gives {frames}, the other takes {words(takes)}; "
    explained = FormatMismatch(text + ", or ".join(tries))
    explained.takes = tuple(takes)
    return explained
