from camkit.camera_capture._v4l2.abi cimport v4l2_format
from camkit.memory_manager._abi cimport camkit_colour


# What the driver says of the colour of `format`, as it last answered.
cdef camkit_colour colour_of(const v4l2_format *format) except *
