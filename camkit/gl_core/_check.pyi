# Cython only: see _check.pxd.
