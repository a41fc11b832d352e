from camkit.gl_core._sink cimport GLSink
