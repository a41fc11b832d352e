from libc.stdint cimport uint8_t

from camkit.memory_manager._abi cimport camkit_frame


# Describe `f` as the record says, its pixels being the `size` bytes at `memory`, which stay the caller's. Raises
# ValueError and leaves nothing usable in `f` when the record is not one that to_record() could have made.
cdef int from_record(camkit_frame *f, dict record, uint8_t *memory, size_t size) except -1
