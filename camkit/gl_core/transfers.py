"""The ways of a frame's pixels to the GPU, best first: what each is called, needs, and where its code is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from camkit.gl_core._ways.client import Client
from camkit.gl_core._ways.pbo import Pbo

if TYPE_CHECKING:
    from camkit.gl_core._gl import Functions
    from camkit.gl_core._layout import Layout
    from camkit.gl_core._transfer import Transfer


class Memory(NamedTuple):
    """Where a frame lies, as far as a way to the GPU may ask.

    Attributes
    ----------
    kind : str
        As of `Frame.memory`.
    writable : bool
    addresses, sizes, strides, offsets, dmabufs : tuple of int
        One a plane: where it begins, bytes that belong to it, bytes from row to row, bytes before it in the memory
        behind its descriptor, and that descriptor (-1: none).
    """

    kind: str
    writable: bool
    addresses: tuple[int, ...]
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offsets: tuple[int, ...]
    dmabufs: tuple[int, ...]


class Candidate(NamedTuple):
    """A row of the ladder.

    Attributes
    ----------
    name, tier : str
        What `transfer=` calls it, and its place: tier 0 copies nothing, 1 lets the GPU fetch, 2 copies by the CPU.
    words : str
        What it does, in a few words.
    make : type
        Its class.
    refusal : callable
        Asked with (functions, layout, memory or None) before anything is made: why it cannot be, empty if it may,
        None if only the memory of the first frame can tell.
    """

    name: str
    tier: str
    words: str
    make: "type[Transfer]"
    refusal: "Callable[[Functions, Layout, Memory | None], str | None]"


def _always(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    return ""


def _buffer_storage(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    if functions.has("BufferStorage"):
        return ""
    return "the driver has no GL_ARB_buffer_storage (OpenGL 4.4)"


CANDIDATES = (
    Candidate("client", "2a", "the driver reads the frame's memory", Client, _always),
    Candidate("pbo", "2b", "copied into a mapped buffer", Pbo, _buffer_storage),
)
NAMES = ("auto", *(row.name for row in CANDIDATES))


def check_transfer(transfer: str) -> str:
    """Return the name of a way, or raise ValueError."""
    if transfer not in NAMES:
        raise ValueError(f"transfer is {transfer!r}; there are {', '.join(map(repr, NAMES))}")
    return transfer
