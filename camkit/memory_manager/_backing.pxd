from libc.stdint cimport uint32_t

from camkit.memory_manager._abi cimport pool_memory


# The memory of `count` slots, `pitch` bytes apart, by the name of its kind. The caller owns it until a frame_pool has
# its destroy function.
cdef pool_memory *get_memory(str backing, uint32_t count, size_t pitch, size_t alignment, bint prefault) except NULL
# What the system gave, in words.
cdef str explain_memory(pool_memory *m, str backing)
