"""Which textures hold the planes of a picture: one a plane, in exactly the bytes of the camera."""

from typing import TYPE_CHECKING, NamedTuple

from camkit.errors import FormatNotSupported
from camkit.gl_core._gl import R8, R16, RED, RG, RG8, RGBA, RGBA8, UNSIGNED_BYTE, UNSIGNED_SHORT

if TYPE_CHECKING:
    from camkit.memory_manager._format import PixelFormat

# By bytes of a texel and of a sample: internal format, client format, client type. Only formats that a driver can copy
# as they are: three-byte texels would be converted on the CPU, ten times slower.
TEXELS = {
    (1, 1): (R8, RED, UNSIGNED_BYTE),
    (2, 1): (RG8, RG, UNSIGNED_BYTE),
    (4, 1): (RGBA8, RGBA, UNSIGNED_BYTE),
    (2, 2): (R16, RED, UNSIGNED_SHORT),
}


class PlaneTexture(NamedTuple):
    """The texture of one plane; immutable.

    Attributes
    ----------
    internal, client, kind : int
        OpenGL's internal format, client format and client type.
    columns, rows : int
        Size in texels.
    texel_bytes : int
        Bytes of one texel; a row has `columns` of them.
    """

    internal: int
    client: int
    kind: int
    columns: int
    rows: int
    texel_bytes: int


def texel_bytes(format: "PixelFormat", plane: int) -> int:
    """Return the bytes of a plane that make one texel.

    Packed 4:2:2 takes two pixels as one texel; three samples a pixel are taken as three texels of one sample.
    """
    channels: int = format.planes[plane][2]
    if format.shader == "packed":
        return 4
    return format.itemsize * (1 if channels == 3 else channels)


def plane_textures(format: "PixelFormat", width: int, height: int, largest: int) -> tuple[PlaneTexture, ...]:
    """Lay the planes of a picture out as textures.

    Parameters
    ----------
    format : PixelFormat
    width, height : int
        Of the picture, in pixels.
    largest : int
        Texels a side that the GPU allows.

    Raises
    ------
    FormatNotSupported
        The GPU cannot show the format as it is, or a texture would be too large.
    """
    if not format.shader:
        raise FormatNotSupported(
            f"{format.name} cannot be drawn: the GPU needs pixels; decode it first, or ask the camera for another "
            "format"
        )
    planes = []
    for plane in range(len(format.planes)):
        size = texel_bytes(format, plane)
        shape = format.plane_shape(width, height, plane)
        assert shape is not None  # what has a shader has rows
        rows = shape[0]
        columns: int = format.row_bytes(width, plane) // size
        if max(columns, rows) > largest:
            raise FormatNotSupported(
                f"{format.name} {width}x{height} needs a texture of {columns}x{rows}, and this GPU takes {largest}x"
                f"{largest}; use a smaller size or another format"
            )
        planes.append(PlaneTexture(*TEXELS[size, format.itemsize], columns, rows, size))
    return tuple(planes)
