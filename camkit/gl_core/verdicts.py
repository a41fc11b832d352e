"""What became of each way to the GPU, as rows, and as a table to read."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from camkit.gl_core._trial import WRONG
from camkit.gl_core.transfers import CANDIDATES, NO_DMABUFS

WAITING = "it can be judged when the first frame has come"
NOT_ASKED = "not asked for"
SLOWER, COPIES = "slower", "copies more"
# Whose memory the textures lie in: tier, and how to have frames there.
IMPORTS = (
    ("0a", "io='udmabuf', or a pool with backing='udmabuf'"),
    ("0b", "io='expbuf'"),
    ("0c", "io='dma-heap', or a pool with backing='dma-heap'"),
)
PLAIN = ("2d", "plain", "the calls of 'client', with textures made anew for each frame: never less work")
HEAD = ("tier", "way", "verdict", "us", "GB/s", "why")
WIDTH = 98  # of a terminal of 100, and `Pipeline.explain` sets it in by two


class Verdict(NamedTuple):
    """One row.

    Attributes
    ----------
    tier, way, verdict : str
        `verdict` in a word or two: ``"taken"``, ``"slower"``, ``"refused"``, ``"wrong"``, ``"not asked for"``, ...
    us : float or None
        Microseconds of one upload, the GPU's part included; None: it was not timed.
    gb_s : float or None
        The picture's bytes by that; None where nobody moves them, too.
    why : str
    """

    tier: str
    way: str
    verdict: str
    us: float | None
    gb_s: float | None
    why: str


def verdicts(
    taken: str | None,
    refused: Mapping[str, str],
    measured_us: Mapping[str, float],
    remembered: Mapping[str, str],
    nbytes: int,
    kind: str,
) -> list[Verdict]:
    """Give every way its row.

    Parameters
    ----------
    taken : str or None
        The way; None while the first frame has to come.
    refused : dict
        {way: why it is not taken}.
    measured_us : dict
        {way: microseconds}.
    remembered : dict
        {way: date} of those of which the figure is one of an earlier trial.
    nbytes : int
        Of a picture.
    kind : str
        Tier of the frames' dma-bufs; empty where they have none, or no frame has come.
    """
    rows = []
    for row in CANDIDATES:
        why = refused.get(row.name, "")
        us = measured_us.get(row.name)
        word, rest = ("taken", row.words) if row.name == taken else _word(why)
        if us is not None:
            date = remembered.get(row.name)
            rest += f", {f'remembered from {date}' if date else 'measured'}"
        moved = us and row.tier[0] != "0"
        one = Verdict(row.tier, row.name, word, us, nbytes / us / 1e3 if us and moved else None, rest)
        if row.tier != "0":
            rows.append(one)
            continue
        for tier, how in IMPORTS:
            # Without a frame, or without a driver that imports, what is said holds for all memory.
            if tier == kind or not (kind or why.startswith(NO_DMABUFS)):
                rows.append(one._replace(tier=tier))
            else:
                offer = f"none of this kind was offered; open with {how}"
                rows.append(Verdict(tier, row.name, "no frame", None, None, offer))
    return [*rows, Verdict(*PLAIN[:2], "as client", None, None, PLAIN[2])]


def _word(why: str) -> tuple[str, str]:
    if why is WAITING:
        return "waits", why
    for word in (SLOWER, COPIES, WRONG, NOT_ASKED):
        if why.startswith(word):
            return word, why.removeprefix(word).lstrip(":, ").strip("()")
    return "refused", why


def table(rows: Sequence[Verdict], width: int = WIDTH) -> str:
    """Draw rows as lines no longer than `width`, unless a single word is."""
    cells = [HEAD, *((*row[:3], _figure(row.us), _figure(row.gb_s), row.why) for row in rows)]
    widths = [max(len(cell[i]) for cell in cells) for i in range(5)]
    lines = []
    for cell in cells:
        left = "  ".join(cell[i].rjust(widths[i]) if i > 2 else cell[i].ljust(widths[i]) for i in range(5))
        room = max(20, width - len(left) - 4)
        why = textwrap.wrap(cell[5], room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"  {left}  {why[0]}".rstrip(), *(" " * (len(left) + 4) + more for more in why[1:])]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
