"""The ways of a frame's pixels to the GPU, best first: what each is called, needs, and where its code is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from camkit.gl_core._dmabuf_image import no_import
from camkit.gl_core._ways.client import Client
from camkit.gl_core._ways.imported import Imported
from camkit.gl_core._ways.orphan import Orphan
from camkit.gl_core._ways.pbo import Pbo
from camkit.gl_core._ways.persistent import Persistent, Pinned

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
        Its class. A trial in a child process makes it without a `Memory`, since it has no frame.
    refusal : callable
        Asked with (functions, layout, memory or None) before anything is made: why it cannot be, empty if it may,
        None if only the memory of the first frame can tell.
    risky : bool
        It asks more of the driver than OpenGL 3.3 does: its first trial on a driver is in a child process.
    lends : str
        The method of a sink that makes a pool of the only memory that it takes; empty: it takes more than that.
    """

    name: str
    tier: str
    words: str
    make: "type[Transfer]"
    refusal: "Callable[[Functions, Layout, Memory | None], str | None]"
    risky: bool
    lends: str = ""


NO_DMABUFS = "the frames have no dma-bufs"


def _always(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    return ""


def _buffer_storage(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    if functions.has("BufferStorage"):
        return ""
    return "the driver has no GL_ARB_buffer_storage (OpenGL 4.4)"


def _import(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    why = no_import(functions)
    if why or memory is None:
        return why or None
    if min(memory.dmabufs) >= 0:
        return ""
    return (
        f"{NO_DMABUFS} ({memory.kind} memory): a camera has with io='expbuf', 'udmabuf' or 'dma-heap', "
        "a pool with backing='udmabuf' or 'dma-heap'"
    )


def _gpu_memory(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    if not functions.has("BufferStorage"):
        return "the driver has no GL_ARB_buffer_storage (OpenGL 4.4)"
    if memory is None:
        return None
    if functions.group is not None and all(functions.group.holds(address, False) for address in memory.addresses):
        return ""
    return "frames do not lie in the GPU's memory; give the camera some: memory=sink.pool"


def _pinned(functions: "Functions", layout: "Layout", memory: Memory | None) -> str | None:
    if "GL_AMD_pinned_memory" not in functions.extensions:
        return "the driver has no GL_AMD_pinned_memory"
    if memory is None:
        return None
    if functions.group is not None and all(functions.group.holds(address, True) for address in memory.addresses):
        return ""
    return "frames do not lie in pages that the GPU was told of; give the camera some: memory=sink.pinned_pool"


CANDIDATES = (
    Candidate("import", "0", "the frame's memory is the texture", Imported, _import, True),
    Candidate("persistent", "1a", "fetched by the GPU from its own memory", Persistent, _gpu_memory, True, "pool"),
    Candidate(
        "pinned", "1b", "fetched by the GPU from pages of the process's own", Pinned, _pinned, True, "pinned_pool"
    ),
    Candidate("client", "2a", "OpenGL reads the frame's memory", Client, _always, False),
    Candidate("pbo", "2b", "copied into a mapped buffer, which the GPU fetches", Pbo, _buffer_storage, True),
    Candidate("orphan", "2c", "copied into a new buffer for each frame", Orphan, _always, False),
)
# A way that copies less is taken unless another one is faster by more than these: what the CPU copies it cannot do
# meanwhile, which a trial without other work does not show, and times vary by as much from one trial to the next.
NEAR, NEAR_US = 1.25, 20.0


def best(measured_us: dict[str, float]) -> str:
    """Return the name of the way to take: of those near the fastest the one that copies least, then the fastest."""
    limit = min(measured_us.values()) * NEAR + NEAR_US
    near = [row for row in CANDIDATES if measured_us.get(row.name, limit + 1) <= limit]
    return min(near, key=lambda row: (row.tier[0], measured_us[row.name])).name


NAMES = ("auto", *(row.name for row in CANDIDATES))


def row_of(name: str) -> Candidate:
    """Return the row of a way."""
    return next(row for row in CANDIDATES if row.name == name)


def check_transfer(transfer: str) -> str:
    """Return the name of a way, or raise ValueError."""
    if transfer not in NAMES:
        raise ValueError(f"transfer is {transfer!r}; there are {', '.join(map(repr, NAMES))}")
    return transfer
