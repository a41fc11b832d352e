"""Pixel formats: the rows of include/camkit/pixel_format.h as Python objects."""

from camkit.memory_manager._abi cimport (
    CAMKIT_FORMAT_COUNT,
    camkit_format_from_v4l2,
    camkit_format_row,
    camkit_image_bytes,
    camkit_plane_rows,
    camkit_plane_stride,
    camkit_row_bytes,
)

from camkit.errors import FormatNotSupported

MODELS = ("yuv", "rgb", "grey", "bayer", "compressed")


cdef str fourcc_text(uint32_t code):
    return "".join(chr((code >> shift) & 0xFF) for shift in (0, 8, 16, 24)) if code else ""


cdef class PixelFormat:
    """Describe how a format lays pixels out in memory.

    Objects are made by camkit only, one for each format: take them from `FORMATS` or `PixelFormat.find`. Immutable and
    safe to share between threads.
    """

    def __cinit__(self):
        self.row = camkit_format_row(0)  # never NULL, whoever calls __new__

    def __init__(self):
        raise TypeError("pixel formats are not made by hand: take one from camkit.FORMATS, or PixelFormat.find(name)")

    @staticmethod
    def find(name):
        """Find a format by its V4L2 name or fourcc, in any case.

        Parameters
        ----------
        name : str, int or PixelFormat
            `"NV12"`, `"rgb24"`, the fourcc `"RGB3"` as text or number, or a format. Fourccs of planes in separate
            memories, such as `"NM12"`, name the same format.

        Raises
        ------
        FormatNotSupported
            No row of that name; the message lists the names there are.
        """
        if isinstance(name, PixelFormat):
            return name
        if isinstance(name, int) and not isinstance(name, bool):
            found = camkit_format_from_v4l2(<uint32_t>name) if 0 <= name < 1 << 32 else -1
            if found >= 0:
                return _all[found]
            raise FormatNotSupported(f"pixel format {name:#x} is not known; camkit has {', '.join(FORMATS)}")
        if not isinstance(name, str):
            raise TypeError(f"a pixel format is named by a str, not {type(name).__name__}")
        text = _ALIASES.get(name.upper(), name.upper())
        for row in _all:
            if text == row.name or text.ljust(4) == row.fourcc:
                return row
        if len(text) == 4 and text.isascii():  # a name for the same planes in separate memories
            found = camkit_format_from_v4l2(int.from_bytes(text.encode(), "little"))
            if found >= 0:
                return _all[found]
        raise FormatNotSupported(f"pixel format {name!r} is not known; camkit has {', '.join(FORMATS)}")

    def separate(self, name):
        """Return the V4L2 fourcc that `name` is if it means this format with its planes in separate memories.

        Returns
        -------
        int or None
            None: `name` means the format as such.
        """
        if isinstance(name, str) and len(name) == 4 and name.isascii():
            name = int.from_bytes(name.upper().encode(), "little")
        if not isinstance(name, int) or name == self.row.v4l2 or self.row.plane_count < 2:
            return None
        return name if camkit_format_from_v4l2(<uint32_t>name) == <int>self.id else None

    def __repr__(self):
        return f"PixelFormat({self.name})"

    def __reduce__(self):
        return PixelFormat.find, (self.name,)

    @property
    def name(self):
        """str: V4L2 name, such as `YUYV`."""
        return self.row.name.decode()

    @property
    def fourcc(self):
        """str: V4L2 fourcc, four characters."""
        return fourcc_text(self.row.v4l2)

    @property
    def v4l2(self):
        """int: V4L2 fourcc."""
        return self.row.v4l2

    @property
    def drm(self):
        """int: DRM fourcc of the same bytes, 0 if there is none."""
        return self.row.drm

    @property
    def model(self):
        """str: `yuv`, `rgb`, `grey`, `bayer` or `compressed`."""
        return MODELS[self.row.model]

    @property
    def shader(self):
        """str: fragment shader of the plane layout, empty if the GPU cannot show the bytes as they are."""
        return self.row.shader.decode()

    @property
    def order(self):
        """str: order of the components, a `#define` for the shader."""
        return self.row.order.decode()

    @property
    def itemsize(self):
        """int: bytes of one sample."""
        return self.row.itemsize

    @property
    def multiple(self):
        """tuple of int: width and height must be multiples of these."""
        return self.row.width_multiple, self.row.height_multiple

    @property
    def compressed(self):
        """bool: the bytes are opaque: no rows, no stride."""
        return self.row.planes[0].hsub == 0

    @property
    def planes(self):
        """tuple of (hsub, vsub, channels), one for each plane."""
        return tuple(
            (self.row.planes[i].hsub, self.row.planes[i].vsub, self.row.planes[i].channels)
            for i in range(self.row.plane_count)
        )

    def row_bytes(self, width, plane=0):
        """Bytes of the pixels of one row of a plane, without padding; 0 for a compressed format."""
        return camkit_row_bytes(self.row, self._plane(plane), width)

    def plane_shape(self, width, height, plane=0):
        """Shape of the array of a plane: (rows, columns) or (rows, columns, samples); None for a compressed format."""
        cdef int i = self._plane(plane)
        if self.compressed:
            return None
        channels = self.row.planes[i].channels
        rows, columns = camkit_plane_rows(self.row, i, height), -(-width // self.row.planes[i].hsub)
        return (rows, columns) if channels == 1 else (rows, columns, channels)

    def plane_stride(self, first, plane=0):
        """Bytes from one row of a plane to the next when plane 0 has stride `first` and all lie in one buffer."""
        return camkit_plane_stride(self.row, self._plane(plane), first)

    def image_bytes(self, width, height, stride=0):
        """Bytes of a whole picture, planes one after the other; 0 for a compressed format."""
        return camkit_image_bytes(self.row, stride or camkit_row_bytes(self.row, 0, width), height)

    cdef int _plane(self, plane) except -1:
        if not 0 <= plane < self.row.plane_count:
            raise IndexError(f"{self.name} has {self.row.plane_count} plane(s), there is no plane {plane}")
        return plane


cdef PixelFormat PixelFormat_of(uint32_t id):
    return _all[id]


cdef PixelFormat PixelFormat_make(uint32_t id):
    cdef PixelFormat f = PixelFormat.__new__(PixelFormat)
    f.id = id
    f.row = camkit_format_row(id)
    return f


cdef list _all = [PixelFormat_make(i) for i in range(CAMKIT_FORMAT_COUNT)]

FORMATS = {row.name: row for row in _all}
_ALIASES = {"MJPEG": "MJPG", "JPEG": "MJPG", "GRAY": "GREY", "GRAY8": "GREY", "GRAY16": "Y16", "YUY2": "YUYV",
            "I420": "YU12", "RGBA": "RGBA32", "RGB": "RGB24", "BGR": "BGR24"}
