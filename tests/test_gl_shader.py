"""The shaders: each variant compiles, and errors name the file and line of the source."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from camkit.errors import ShaderError
from camkit.gl_core.context import Context, headless
from camkit.gl_core.shader import Source, build_program
from camkit.memory_manager import FORMATS

DRAWN = [row for row in FORMATS.values() if row.shader]


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    made = headless()
    yield made
    made.destroy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quad.vert").write_text("void main() { gl_Position = vec4(0.0); }\n")
    return tmp_path


@pytest.mark.parametrize("folded", [False, True], ids=["plain", "folded"])
@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_every_format_has_a_program(context: Context, row, folded: bool) -> None:
    context.make_current()
    assert build_program(context.functions, row.shader, row.order, folded=folded) > 0
    assert context.functions.errors() == []


@pytest.mark.parametrize("shader", sorted({row.shader for row in DRAWN}))
def test_a_wrong_order_does_not_compile(context: Context, shader: str) -> None:
    context.make_current()
    with pytest.raises(ShaderError, match=rf"cannot compile shader '{shader}.frag' with order NONSENSE") as caught:
        build_program(context.functions, shader, "NONSENSE")
    assert f"{shader}.frag knows the order" in str(caught.value)
    assert f"{shader}.frag:" in str(caught.value)


def test_an_error_in_an_included_file_names_that_file(context: Context, folder: Path) -> None:
    (folder / "bad.glsl").write_text("float f() { return 1.0; }\n\nfloat g() { return wrong; }\n")
    (folder / "x.frag").write_text('\n#include "bad.glsl"\nout vec4 c;\nvoid main() { c = vec4(f()); }\n')
    context.make_current()
    with pytest.raises(ShaderError, match=r"bad\.glsl:3") as caught:
        build_program(context.functions, "x", "", folder)
    assert "wrong" in str(caught.value)


def test_lines_after_an_include_are_still_right(context: Context, folder: Path) -> None:
    (folder / "good.glsl").write_text("float f() { return 1.0; }\n" * 1)
    (folder / "x.frag").write_text('#include "good.glsl"\nout vec4 c;\n\nvoid main() { c = oops; }\n')
    context.make_current()
    with pytest.raises(ShaderError, match=r"x\.frag:4"):
        build_program(context.functions, "x", "", folder)


def test_what_does_not_link_says_why(context: Context, folder: Path) -> None:
    (folder / "quad.vert").write_text("out vec2 place;\nvoid main() { place = vec2(0.0); gl_Position = vec4(0.0); }\n")
    (folder / "x.frag").write_text("in vec3 place;\nout vec4 c;\nvoid main() { c = vec4(place, 1.0); }\n")
    context.make_current()
    with pytest.raises(ShaderError, match="cannot link shaders 'quad.vert' and 'x.frag'") as caught:
        build_program(context.functions, "x", "", folder)
    assert "place" in str(caught.value)


def test_a_missing_file_is_named_with_who_includes_it(folder: Path) -> None:
    with pytest.raises(ShaderError, match=r"cannot read shader .*y\.frag': No such file"):
        Source("y.frag", folder=folder)
    (folder / "x.frag").write_text('#include "gone.glsl"\n')
    with pytest.raises(ShaderError, match=r"gone\.glsl', which x\.frag includes"):
        Source("x.frag", folder=folder)


def test_a_file_that_includes_itself_is_an_error(folder: Path) -> None:
    (folder / "a.glsl").write_text('#include "b.glsl"\n')
    (folder / "b.glsl").write_text('#include "a.glsl"\n')
    with pytest.raises(ShaderError, match=r"a\.glsl includes b\.glsl includes a\.glsl"):
        Source("a.glsl", folder=folder)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("1:12(5): error: `x' undeclared", "colour.glsl:12: error: `x' undeclared"),  # Mesa
        ("0(7) : error C1503: undefined variable", "grey.frag:7 : error C1503: undefined variable"),  # NVIDIA
        ("ERROR: 1:3: 'x' : undeclared identifier", "ERROR: colour.glsl:3: 'x' : undeclared identifier"),  # AMD, Apple
        ("9:1(1): error: far away", "9:1(1): error: far away"),
    ],
)
def test_the_logs_of_all_drivers_get_file_names(log: str, said: str) -> None:
    assert Source("grey.frag", "Y").explain(log) == said
