from camkit.gl_core._ways.own_textures cimport OwnTextures


cdef class Client(OwnTextures):
    pass
