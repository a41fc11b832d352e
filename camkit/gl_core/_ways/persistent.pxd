from libc.stdint cimport uint64_t

from camkit.gl_core._share_group cimport ShareGroup, gpu_region
from camkit.gl_core._ways.own_textures cimport OwnTextures
from camkit.memory_manager._abi cimport camkit_plane

cdef enum:
    MOST = 16  # regions that are looked at; of one memory each pool is one


cdef class Persistent(OwnTextures):
    cdef ShareGroup group
    cdef gpu_region regions[MOST]
    cdef gpu_region trial  # owned, while there is one
    cdef bint pinned
    cdef int count
    cdef uint64_t version  # of the group when `regions` were copied

    # Where the bytes of a plane lie; NULL if not in memory of the GPU's.
    cdef gpu_region *_find(self, const camkit_plane *p, size_t needed) noexcept nogil
    cdef int _refresh(self) except -1
    cdef int _make_trial(self, size_t bytes) except -1


cdef class Pinned(Persistent):
    pass
