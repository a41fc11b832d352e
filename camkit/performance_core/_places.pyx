"""places: where the slots of a pool are at this moment, each looked at once."""

from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport frame_pool

from camkit.performance_core.node_stats import SlotCounts


def places(size_t pool, uint32_t slots, on_gpu, *, bint streaming=False):
    """Count the first `slots` slots of a pool by where they are.

    They add up whatever happens meanwhile, for each is looked at once and counted in one place.

    Parameters
    ----------
    pool : int
        Address of the `frame_pool`, which the caller keeps.
    slots : int
    on_gpu : set of int
        Addresses of the frames that GPUs read.
    streaming : bool
        What nobody holds is queued with a driver, rather than free.

    Returns
    -------
    SlotCounts
    """
    cdef frame_pool *p = <frame_pool *>pool
    cdef uint32_t i, unheld = 0, reading = 0
    for i in range(slots):
        if p.slots.refs(i) == 0:  # once: it may be another in a moment
            unheld += 1
        elif <size_t>p.frame(i) in on_gpu:
            reading += 1
    cdef uint32_t queued = unheld if streaming else 0
    return SlotCounts(slots, unheld - queued, queued, slots - unheld - reading, reading)
