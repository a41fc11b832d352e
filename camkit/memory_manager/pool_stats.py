"""What a pool tells of itself: its counts, and who holds its slots."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Counts of a `FramePool` since it was made.

    Attributes
    ----------
    slots, slot_bytes : int
        How many buffers, and the bytes of one.
    free, in_use : int
        Slots that can be taken, and slots that somebody holds; all are one or the other until the pool is closed.
    high_water : int
        Most slots that were in use at once.
    acquired, released : int
        How often a slot was taken, and how often one came back.
    exhausted : int
        How often there was none.
    misuses : int
        Releases too many and the like, all refused: 0, or a native stage is wrong.
    """

    slots: int
    slot_bytes: int
    free: int
    in_use: int
    high_water: int
    acquired: int
    released: int
    exhausted: int
    misuses: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """Who holds one slot of a `FramePool` that is in use.

    Attributes
    ----------
    slot : int
        Index of the buffer.
    references : int
        References to it, all together.
    leases : int
        Those that are Python frames, which views of their pixels keep alive. The others belong to queues, native
        stages, sinks and DLPack tensors.
    held_s : float or None
        Seconds since it was taken; None where native code took it, which does not look at the clock.
    taken : str or None
        Where it was taken: the thread and its Python stack, if the pool watches for leaks.
    """

    slot: int
    references: int
    leases: int
    held_s: float | None
    taken: str | None

    def __str__(self) -> str:
        words = [f"slot {self.slot}: {self.references} reference(s), {self.leases} of them Python frames"]
        if self.held_s is not None:
            words.append(f"held for {self.held_s:.1f} s")
        if self.taken is not None:
            words.append(f"taken by {self.taken}")
        return ", ".join(words)


def exhausted(slots: int, holders: tuple[SlotHolder, ...], watched: bool) -> str:
    """Say that a pool of `slots` has no free one, and who has them all."""
    ours = [holder for holder in holders if holder.leases]
    words = f"no free slot in a pool of {slots}: {len(ours)} held by Python frames and views of them"
    known = [holder.held_s for holder in ours if holder.held_s is not None]
    if known:
        words += f" (the longest for {max(known):.1f} s)"
    words += f", {len(holders) - len(ours)} by queues, native stages or DLPack tensors alone"
    words += "; close frames and drop their views, or make a larger pool"
    if not watched:
        return f"{words}; CAMKIT_DEBUG_LEAKS=1 tells where each was taken"
    return "\n".join([words, *map(str, holders)])
