# Cython only: see _target.pxd.
