from camkit.gl_core._painter cimport Painter, painting
from camkit.gl_core._sink cimport GLSink
