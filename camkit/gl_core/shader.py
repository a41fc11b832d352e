"""Put the shaders together and compile them; errors name the file and the line of the source."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from camkit._data import data_dir
from camkit.errors import ShaderError
from camkit.gl_core._gl import FRAGMENT_SHADER, VERTEX_SHADER

if TYPE_CHECKING:
    from camkit.gl_core._gl import Functions

VERSION = "#version 330 core"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"[ \t]*$')
# "1:12(5):" of Mesa, "1(12) :" of NVIDIA, "ERROR: 1:12:" of AMD, Intel and Apple: number of the file, then of the line.
PLACE = re.compile(r"\b(\d+)(?::(\d+)(?:\(\d+\))?|\((\d+)\))(?= ?:)")


class Source:
    """The text of one shader with its includes put in; not changed after it is made, so any thread may read it.

    Parameters
    ----------
    name : str
        File name in the shaders' folder.
    order : str, optional
        Order of the components; the shader sees it as the macro ``ORDER_<order>``.
    folder : pathlib.Path, optional
        Where the files are. Default: camkit's own shaders.
    folded : bool, optional
        Several rows of a plane may lie in one row of its texture: the macro ``FOLDED``.

    Attributes
    ----------
    text : str
        What the driver gets.
    files : list of str
        File names by the number that the driver knows them by.

    Raises
    ------
    ShaderError
        A file is missing, or includes itself.
    """

    def __init__(self, name: str, order: str = "", folder: Path | None = None, folded: bool = False) -> None:
        self.name, self.order = name, order
        self.folder = folder if folder is not None else data_dir("shaders")
        self.files: list[str] = []
        head = [VERSION, *([f"#define ORDER_{order}"] if order else []), *(["#define FOLDED"] if folded else [])]
        self.text = "\n".join([*head, *self._lines(name, [])]) + "\n"

    def __str__(self) -> str:
        return f"{self.name!r} with order {self.order}" if self.order else repr(self.name)

    def explain(self, log: str) -> str:
        """Replace the numbers of files in a driver's log by their names."""

        def named(found: re.Match[str]) -> str:
            number, line = int(found[1]), found[2] or found[3]
            return f"{self.files[number]}:{line}" if number < len(self.files) else found[0]

        return PLACE.sub(named, log)

    def _lines(self, name: str, parents: list[str]) -> list[str]:
        if name in parents:
            raise ShaderError(f"cannot build shader {self}: {' includes '.join([*parents, name])}")
        path = self.folder / name
        try:
            text = path.read_text()
        except OSError as error:
            by = f", which {parents[-1]} includes" if parents else ""
            raise ShaderError(f"cannot read shader {str(path)!r}{by}: {error.strerror}") from error
        number = len(self.files)
        self.files.append(name)
        lines = [f"#line 1 {number}"]
        for index, line in enumerate(text.splitlines(), 1):
            include = INCLUDE.match(line)
            if include:
                lines += [*self._lines(include[1], [*parents, name]), f"#line {index + 1} {number}"]
            else:
                lines.append(line)
        return lines


def build_program(
    gl: "Functions",
    fragment: str,
    order: str,
    folder: Path | None = None,
    folded: bool = False,
    *,
    vertex: str = "quad.vert",
) -> int:
    """Compile and link the program that draws one plane layout, or something else.

    Parameters
    ----------
    gl : Functions
        Of the context, which is current.
    fragment : str
        Name of the plane layout, such as ``"two_planes"``.
    order : str
        Order of the components.
    folder : pathlib.Path, optional
        Where the files are. Default: camkit's own shaders.
    folded : bool, optional
        As for `Source`.
    vertex : str, optional
        File name of the vertex shader.

    Returns
    -------
    int
        The program; the caller deletes it.

    Raises
    ------
    ShaderError
        It does not compile or link; the message holds the driver's log with file names and lines.
    """
    corner, pixel = Source(vertex, folder=folder), Source(f"{fragment}.frag", order, folder, folded)
    shaders: list[int] = []
    for kind, source in ((VERTEX_SHADER, corner), (FRAGMENT_SHADER, pixel)):
        shader, log = gl.compile_shader(kind, source.text)
        if not shader:
            for done in shaders:
                gl.delete_shader(done)
            raise ShaderError(f"cannot compile shader {source} on {gl.renderer!r}:\n{source.explain(log)}")
        shaders.append(shader)
    program, log = gl.link_program(shaders)
    if not program:
        raise ShaderError(f"cannot link shaders {corner} and {pixel} on {gl.renderer!r}:\n{log}")
    return program
