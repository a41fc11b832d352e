# Cython only: see _state.pxd.
