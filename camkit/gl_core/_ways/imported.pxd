from libc.stdint cimport uint32_t, uint64_t

from camkit.gl_core._dmabuf_image cimport DmabufImages, dmabuf_texture
from camkit.gl_core._gl cimport GLuint
from camkit.gl_core._transfer cimport Transfer
from camkit.memory_manager._abi cimport camkit_frame

cdef enum:
    MOST = 128  # buffers in the cache


# Where a plane lies, as long as its texture keeps the memory: a file has its number to itself while it is there.
cdef struct plane_place:
    uint64_t device, inode, offset  # without padding: they are compared as bytes


# A buffer that has been seen, and its textures.
cdef struct known_buffer:
    plane_place places[4]
    dmabuf_texture planes[4]  # owned
    GLuint rests[4]  # owned: the rows that fill no row of a folded texture; 0: there are none
    void *pool  # never looked into: with the generation, whose buffer it is
    uint64_t generation, used  # the upload that used it last
    int looks  # times that texture and memory are to be compared still
    bint bad


cdef class Imported(Transfer):
    cdef DmabufImages images
    cdef known_buffer *known  # owned
    cdef int count, last
    cdef uint64_t uploads, imports
    cdef bint settled  # how the rows are folded is known
    cdef bint syncs  # this machine's devices do not see what the CPU's caches hold
    cdef void *pool  # of the last frame, as the next
    cdef uint64_t generation
    cdef uint64_t strangers_until  # buffers of other streams are kept until this upload; 0: there are none
    cdef int largest
    cdef object lender  # frames of a pool of our own during a trial
    cdef readonly str exporter
    cdef bytes words  # what was wrong with the last bad buffer
    cdef const char *verdict  # those

    cdef known_buffer *_find(self, const plane_place *places) noexcept nogil
    cdef int _see(self, camkit_frame *f, known_buffer *b, const plane_place *places) except -1
    cdef known_buffer *_room(self) noexcept nogil
    cdef int _import(self, camkit_frame *f, known_buffer *b, uint32_t plane) except -1
    cdef int _import_folded(self, camkit_frame *f, known_buffer *b, uint32_t plane, int fold) except -1
    cdef int _compare(self, camkit_frame *f, known_buffer *b, uint32_t plane) except -1
    cdef object _pages(self, camkit_frame *f)
    # Rows that the imported texture shows.
    cdef int _whole(self, uint32_t plane) noexcept nogil
    cdef void _drop(self, known_buffer *b) noexcept nogil
    # Forget the buffers of other streams that came no more.
    cdef void _sweep(self) noexcept nogil
    cdef void _upload_rest(self, camkit_frame *f, known_buffer *b, uint32_t plane) noexcept nogil
