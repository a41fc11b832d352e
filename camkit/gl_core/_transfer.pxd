from libc.stdint cimport uint8_t, uint32_t

from camkit.gl_core._gl cimport Functions, GLuint, gl_functions
from camkit.gl_core._layout cimport Layout, plane_layout
from camkit.gl_core._texel_reader cimport TexelReader
from camkit.gl_core._types cimport GLint
from camkit.memory_manager._abi cimport camkit_frame, page_memory


# One way from a frame's memory into textures, for frames of one Layout. Everything belongs to the context's thread.
cdef class Transfer:
    cdef Functions functions  # keeps gl
    cdef gl_functions *gl
    cdef readonly Layout layout
    cdef readonly str name, tier  # those of its row in the ladder
    cdef readonly object memory  # of the first frame, a Memory; None: not known when it was made
    cdef GLuint textures[4]  # one a plane, of the last frame; the Transfer's own
    cdef int fold[4]  # rows of the picture in one row of the texture, a power of two
    cdef int pitch[4]  # texels from one of them to the next; only where fold is more than 1
    cdef GLuint rests[4]  # where rows are left that fill no row of the texture, a texture of those; else 0
    cdef TexelReader reader  # of see(); None before the first, and after a trial
    cdef bint holds  # the GPU reads the frame's own memory after upload(): the frame must live until a fence behind it
    cdef size_t copied  # bytes that the CPU copied in the last upload
    cdef const char *why  # why upload() answered 0; borrowed, valid until the next call
    cdef readonly int rounds  # so many uploads use each texture and each buffer once
    cdef page_memory lent  # owned: for trials
    cdef bint given  # lend() lends pictures that are there already: to be looked at, never to be written

    # Put a frame, which check_frame() passed and which has the layout's format and size, into `textures`. 1: done;
    # 0: this way cannot take this frame, `why` tells.
    cdef int upload(self, camkit_frame *f) except -1 nogil
    # Memory as this way wants it for trial number k: sets data and size of each plane; all else of `trial` is set. It
    # stays until end_trial(). Here: whole pages of our own, the same for each k.
    cdef int lend(self, int k, camkit_frame *trial) except -1
    cdef int end_trial(self) except -1
    # Write the rows of a plane of the last frame to `to`, without padding, as the GPU sees them.
    cdef int see(self, uint32_t plane, uint8_t *to) except -1
    # The same of a texture in a plane's format.
    cdef int read(self, GLuint texture, plane_layout *p, int columns, int rows, uint8_t *to) except -1
    # Bind the textures of the last frame, plane 0 to texture unit 0 and so on, and the rests from unit 4 on.
    cdef void bind(self) noexcept nogil
    # As of Ladder.
    cdef bint folding(self, int plane, GLint *out) noexcept nogil
