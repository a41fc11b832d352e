"""Trials: what is known of the ways to the GPU, from the cache, from a child process and from trying them here."""

import time
from typing import TYPE_CHECKING

from camkit.errors import GLError
from camkit.gl_core import probe
from camkit.gl_core._trial import WRONG, measure, prove
from camkit.gl_core.dmabufs import exporter_of
from camkit.gl_core.transfer_cache import CLOSE_S, Row, TransferCache, age_s, shared_cache
from camkit.gl_core.transfers import NEAR, NEAR_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camkit.gl_core._gl import Functions
    from camkit.gl_core._layout import Layout
    from camkit.gl_core._transfer import Transfer
    from camkit.gl_core.transfers import Candidate, Memory

MOST_BYTES = 16 << 20  # of a picture in a trial
MOST_PROVED = 64 << 20  # of a picture in the proof of the way that is taken: 8K NV12 has 47
# What child processes said holds for the process also where the user wants no cache: they take a second.
_children = TransferCache(None)


class Trials:
    """Find out about ways that nothing speaks against yet. Belongs to the thread where the context is current.

    Parameters
    ----------
    functions : Functions
        Of the context.
    layout : Layout
        Of the frames.
    wanted : sequence of Candidate
    memory : Memory or None
        Where the first frame lies, if that is known.

    Attributes
    ----------
    measured_us, refused : dict
        {way: microseconds of one upload}, {way: why not}.
    remembered : dict
        {way: date}, of ways that were not tried now, for the cache knows them.
    trouble : str
        What is wrong with the cache.
    """

    def __init__(
        self, functions: "Functions", layout: "Layout", wanted: "Sequence[Candidate]", memory: "Memory | None"
    ) -> None:
        self.functions, self.layout, self.memory = functions, layout, memory
        self.measured_us: dict[str, float] = {}
        self.refused: dict[str, str] = {}
        self.remembered: dict[str, str] = {}
        self._cache = shared_cache()
        self._driver = " | ".join((functions.renderer, functions.version_text, functions.vendor))
        self._ask_children([row for row in wanted if row.risky])
        # A picture that takes long tells nothing more of a way than its upper part does.
        self._part = layout.part(MOST_BYTES)
        fresh: dict[str, Row | None] = {}
        known = self._recall([row.name for row in wanted if row.name not in self.refused])
        for row in wanted:
            if row.name not in self.refused and row.name not in known:
                self._try(row, fresh)
        if fresh:
            self.remember(fresh)

    @property
    def trouble(self) -> str:
        return self._cache.explain() if self._cache is not None else ""

    def make(self, row: "Candidate") -> "tuple[Transfer | None, str]":
        """Make a way and prove it, unless that takes seconds: then the trial's part of the picture speaks for it.

        Returns
        -------
        (Transfer or None, str)
            The way, or why it is not taken.
        """
        return self._make(row, self.layout, proof=self.layout.image_bytes <= MOST_PROVED)

    def _make(self, row: "Candidate", layout: "Layout", proof: bool) -> "tuple[Transfer | None, str]":
        way: Transfer | None = None
        try:
            way = row.make(self.functions, layout, row, self.memory)
            why = prove(way) if proof else ""
        except GLError as error:
            why = str(error)
        if why and way is not None:
            way.delete()
        return (None, why) if why else (way, "")

    def remember(self, rows: "dict[str, Row | None]") -> None:
        """Write down what was found of ways, or with None that it holds no more."""
        if self._cache is not None:
            self._cache.put(self._driver, {self._key(name): row for name, row in rows.items()})

    def _key(self, name: str) -> str:
        # Where the frames lie is part of it only for ways that look at it; the others do not know it when they begin.
        where = "" if self.memory is None else f" from {self.memory.kind} memory at {self.memory.offsets}"
        return f"{self.layout} {self.layout.strides}{where} by {name}"

    def _recall(self, names: "Sequence[str]") -> "set[str]":
        """Take what the cache knows of ways, and return of which it does."""
        if self._cache is None:
            return set()
        found = {name: row for name in names if (row := self._cache.get(self._driver, self._key(name))) is not None}
        times = {name: row["us"] for name, row in found.items() if "us" in row}
        close = [name for name, us in times.items() if us <= min(times.values()) * NEAR + NEAR_US]
        # Where noise has chosen it may choose otherwise tomorrow.
        if len(close) > 1 and any(age_s(found[name]) >= CLOSE_S for name in close):
            for name in close:
                del found[name]
        for name, row in found.items():
            self.remembered[name] = time.strftime("%Y-%m-%d", time.localtime(row["at"]))
            if "us" in row:
                self.measured_us[name] = row["us"]
            else:
                self.refused[name] = f"{row['why']} (remembered)"
        return set(found)

    def _try(self, row: "Candidate", fresh: "dict[str, Row | None]") -> None:
        way, why = self._make(row, self._part, proof=True)
        if way is not None:
            try:
                us = measure(way) * self.layout.image_bytes / self._part.image_bytes
            except GLError as error:
                why = str(error)
            finally:
                way.delete()
        if not why:
            self.measured_us[row.name] = us
            fresh[row.name] = {"us": us}
            return
        self.refused[row.name] = why
        # What a driver refuses now, for want of memory for example, it may take the next time.
        if why.startswith(WRONG):
            fresh[row.name] = {"why": why}

    def _child_key(self, name: str) -> str:
        # What a driver does with dma-bufs depends on whose they are.
        theirs = name == "import" and self.memory is not None
        return f"child: {name}" + (f" of {exporter_of(self.memory.dmabufs[0])}" if theirs and self.memory else "")

    def _ask_children(self, risky: "Sequence[Candidate]") -> None:
        """Refuse what a child process died of, now or once before, and what none could try."""
        cache = self._cache if self._cache is not None else _children
        known = {row.name: cache.get(self._driver, self._child_key(row.name)) for row in risky}
        # A time is no word of a child's: somebody else wrote that.
        unknown = [name for name, row in known.items() if row is None or "why" not in row]
        if unknown:
            deaths = probe.ask(self.layout.part(MOST_BYTES), unknown, self.functions.renderer, self.memory)
            said: dict[str, Row | None] = {name: {"why": why} for name, why in deaths.items()}
            cache.put(self._driver, {self._child_key(name): row for name, row in said.items()})
            known |= said
        for name, row in known.items():
            if row is None or "why" not in row:
                self.refused[name] = "it could not be tried in a child process first"
            elif row["why"]:
                self.refused[name] = row["why"]
