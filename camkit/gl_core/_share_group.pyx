"""ShareGroup: what the contexts that see the same buffers know of the memory that the GPU can read by itself."""

from libc.stdint cimport uintptr_t

from camkit.gl_core._enums cimport (
    GL_CLIENT_STORAGE_BIT,
    GL_MAP_COHERENT_BIT,
    GL_MAP_PERSISTENT_BIT,
    GL_MAP_READ_BIT,
    GL_MAP_WRITE_BIT,
    GL_PIXEL_UNPACK_BUFFER,
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
        with self.lock:
            self.regions[address] = nbytes, buffer
            self.version.fetch_add(1)
        return address, buffer

    def remove(self, address, buffer):
        """Delete a buffer that `add` made. No frame may lie in it any more."""
        with self.lock:
            del self.regions[address]
            self.version.fetch_add(1)
        self.keeper.run(delete_buffer, buffer)

    def holds(self, address):
        """Tell whether an address is that of such memory."""
        with self.lock:
            return any(begin <= address < begin + nbytes for begin, (nbytes, _) in self.regions.items())

    cdef int look(self, gpu_region *out, int most) except -1:
        cdef int n = 0
        with self.lock:
            for begin, (nbytes, buffer) in self.regions.items():
                if n < most:
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


def delete_buffer(Functions functions not None, GLuint buffer):
    """Unmap and delete a buffer."""
    functions.f.DeleteBuffers(1, &buffer)
    functions.check("delete a buffer of the GPU's memory")
