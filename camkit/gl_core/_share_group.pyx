"""ShareGroup: what the contexts that see the same buffers know of the memory that the GPU can read by itself."""

from libc.stdint cimport uintptr_t

from camkit.gl_core._enums cimport (
    GL_CLIENT_STORAGE_BIT,
    GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD,
    GL_MAP_COHERENT_BIT,
    GL_MAP_PERSISTENT_BIT,
    GL_MAP_READ_BIT,
    GL_MAP_WRITE_BIT,
    GL_PIXEL_UNPACK_BUFFER,
    GL_STREAM_DRAW,
)
from camkit.gl_core._gl cimport Functions

import threading

from camkit.errors import GLError

# Read as well as written, and kept on the CPU's side, so that it is cached: cameras and decoders read it, too.
cdef int ACCESS = GL_MAP_READ_BIT | GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT


cdef class ShareGroup:
    """The mapped buffers of contexts that share their objects. Safe from any thread.

    Parameters
    ----------
    keeper : Keeper
        Whose context makes and deletes them.
    """

    def __init__(self, keeper):
        self.keeper = keeper
        self.lock = threading.Lock()
        self.regions = {}

    def add(self, nbytes):
        """Make a buffer and map it for good.

        Returns
        -------
        (int, int)
            Address of the memory, and OpenGL's name of the buffer.

        Raises
        ------
        GLError
        """
        address, buffer = self.keeper.run(map_buffer, nbytes)
        self._note(address, nbytes, buffer, False)
        return address, buffer

    def pin(self, address, nbytes):
        """Make a buffer of pages of the process's own, which must stay until `remove`.

        Returns
        -------
        int
            OpenGL's name of the buffer.

        Raises
        ------
        GLError
        """
        buffer = self.keeper.run(pin_buffer, address, nbytes)
        self._note(address, nbytes, buffer, True)
        return buffer

    def remove(self, address, buffer):
        """Delete a buffer that `add` or `pin` made. No frame may lie in it any more."""
        with self.lock:
            del self.regions[address]
            self.version.fetch_add(1)
        self.keeper.run(delete_buffer, buffer)

    def holds(self, address, pinned=None):
        """Tell whether an address is that of such memory, of one kind or any."""
        with self.lock:
            return any(begin <= address < begin + nbytes for begin, (nbytes, _, kind) in self.regions.items()
                       if pinned is None or pinned is kind)

    def _note(self, address, nbytes, buffer, pinned):
        with self.lock:
            self.regions[address] = nbytes, buffer, pinned
            self.version.fetch_add(1)

    cdef int look(self, bint pinned, gpu_region *out, int most) except -1:
        cdef int n = 0
        with self.lock:
            for begin, (nbytes, buffer, kind) in self.regions.items():
                if <bint>kind == pinned and n < most:
                    out[n].begin, out[n].end, out[n].buffer = begin, begin + nbytes, buffer
                    n += 1
        return n


def map_buffer(Functions functions not None, size_t nbytes):
    """Make a buffer that stays mapped: its address and its name."""
    cdef GLuint buffer = 0
    cdef void *address
    if functions.f.BufferStorage == NULL:
        raise GLError(f"cannot get {nbytes} bytes of the GPU's memory: {functions.renderer!r} has no "
                      "GL_ARB_buffer_storage (OpenGL 4.4); a pool of ordinary memory does without")
    functions.f.GenBuffers(1, &buffer)
    functions.f.BindBuffer(GL_PIXEL_UNPACK_BUFFER, buffer)
    functions.f.BufferStorage(GL_PIXEL_UNPACK_BUFFER, nbytes, NULL, ACCESS | GL_CLIENT_STORAGE_BIT)
    address = functions.f.MapBufferRange(GL_PIXEL_UNPACK_BUFFER, 0, nbytes, ACCESS)
    functions.f.BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0)
    try:
        functions.check(f"get {nbytes} bytes of the GPU's memory")
        if address == NULL:
            raise GLError(f"cannot get {nbytes} bytes of the GPU's memory: {functions.renderer!r} did not map them")
    except GLError:
        functions.f.DeleteBuffers(1, &buffer)
        raise
    # Other contexts see a new buffer when this one is done with it.
    functions.f.Finish()
    return <uintptr_t>address, buffer


def pin_buffer(Functions functions not None, uintptr_t address, size_t nbytes):
    """Make a buffer of pages that are there: its name. Both numbers are of whole pages."""
    cdef GLuint buffer = 0
    if "GL_AMD_pinned_memory" not in functions.extensions:
        raise GLError(f"cannot have the GPU read pages of ours: {functions.renderer!r} has no GL_AMD_pinned_memory; a "
                      "pool of the driver's memory does without")
    functions.f.GenBuffers(1, &buffer)
    functions.f.BindBuffer(GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD, buffer)
    functions.f.BufferData(GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD, nbytes, <const void *>address, GL_STREAM_DRAW)
    functions.f.BindBuffer(GL_EXTERNAL_VIRTUAL_MEMORY_BUFFER_AMD, 0)
    try:
        functions.check(f"have the GPU read {nbytes} bytes of ours")
    except GLError:
        functions.f.DeleteBuffers(1, &buffer)
        raise
    functions.f.Finish()
    return buffer


def delete_buffer(Functions functions not None, GLuint buffer):
    """Unmap and delete a buffer."""
    functions.f.DeleteBuffers(1, &buffer)
    functions.check("delete a buffer of the GPU's memory")
