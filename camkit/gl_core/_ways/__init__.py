"""The ways of a frame's pixels to the GPU, one a module; `transfers.py` lists them."""
