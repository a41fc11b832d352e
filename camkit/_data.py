"""Find the folders that live at the top of a checkout and inside the package of a wheel."""

from pathlib import Path


def data_dir(name: str) -> Path:
    """Return the folder ``include`` or ``shaders``.

    Parameters
    ----------
    name : str
        ``"include"`` or ``"shaders"``.

    Returns
    -------
    pathlib.Path
        Absolute path: beside the package's modules when camkit was installed from a wheel, one level up in a checkout
        or an editable install.

    Raises
    ------
    FileNotFoundError
        The folder is in neither place: the installation is damaged.
    """
    package = Path(__file__).resolve().parent
    places = [package / name, package.parent / name]
    for place in places:
        # `include` one level up could be anybody's; ours holds the headers of camkit.
        if place.is_dir() and (name != "include" or (place / "camkit").is_dir()):
            return place
    looked = " and ".join(repr(str(place)) for place in places)
    raise FileNotFoundError(f"cannot find camkit's {name!r} folder: looked in {looked}; reinstall camkit")


def get_include() -> str:
    """Return the folder of camkit's C headers, for the `include_dirs` of an extension.

    Returns
    -------
    str
        Absolute path. The `.pxd` files need no path: Cython finds them beside the package's modules.
    """
    return str(data_dir("include"))
