from camkit.gl_core._gl cimport GLuint
from camkit.gl_core._ways.own_textures cimport OwnTextures


cdef class Orphan(OwnTextures):
    cdef GLuint buffer
