#!/usr/bin/env python3
"""Write the tables of OpenGL and EGL functions and numbers, typed as the Khronos headers type them.

    tools/gl_table.py [--check]     --check: write nothing, fail if a file is not what would be written

The functions are those of tools/gl_names.txt, the numbers those that camkit/gl_core uses. The headers are those of
Debian's libgl-dev and libegl-dev; a build needs none of them.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
GL_CORE = TOP / "camkit" / "gl_core"
HEADERS = {
    "gl": ("/usr/include/GL/glcorearb.h", "/usr/include/GL/glext.h", TOP / "tools" / "gl_extra.txt"),
    "egl": ("/usr/include/EGL/egl.h", "/usr/include/EGL/eglext.h", TOP / "tools" / "gl_extra.txt"),
}
LEAST_VERSION = {"gl": (3, 3), "egl": (1, 4)}

# What an extension or a version brings lies between "#ifndef GL_..." and "#define GL_... 1".
BLOCK = re.compile(r"#ifndef ((?:GL|EGL)_\w+)")
VERSION = re.compile(r"E?GL_VERSION_(\d)_(\d)")
NUMBER = re.compile(r"#define ((?:GL|EGL)_\w+)\s+(0x[0-9A-Fa-f]+|\d+)\s*$")
PROTOTYPE = re.compile(r"(?:GLAPI|EGLAPI) (.+?) *(?:EGL)?APIENTRY (e?gl)(\w+) ?\((.*)\);")
USED = re.compile(r"\bE?GL_[A-Z0-9_a-z]+\b")
# Types that Cython has a name for already: pointers to its own and to OpenGL's are then of one type.
PLAIN = {
    "GLint64": "int64_t", "GLuint64": "uint64_t", "GLubyte": "unsigned char", "EGLuint64KHR": "uint64_t",
    "EGLuint64CHROMIUM": "uint64_t", "EGLAttrib": "intptr_t",
}  # fmt: skip
HANDLE = re.compile(r"\b(?:EGLDisplay|EGLContext|EGLSurface|EGLImage|EGLImageKHR|EGLClientBuffer|GLeglImageOES)\b ?\*?")
MADE_BY = "# Made by tools/gl_table.py from Khronos' headers and tools/gl_names.txt: change those."


class Function(NamedTuple):
    """One function: its C type, and where it is from."""

    name: str
    result: str
    parameters: list[str]
    version: tuple[int, int] | None
    extension: str


def names() -> dict[str, dict[str, str]]:
    """Read tools/gl_names.txt: {api: {function: extension, or nothing}}."""
    found: dict[str, dict[str, str]] = {}
    for line in (TOP / "tools" / "gl_names.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            api = found.setdefault(words[0].strip("[]"), {})
        else:
            api[words[0]] = words[1] if len(words) > 1 else ""
    for api_name, listed in found.items():
        if list(listed) != sorted(listed):
            raise SystemExit(f"gl_names.txt: [{api_name}] is not in alphabetical order")
    return found


def lines(api: str) -> Iterator[tuple[str, str]]:
    """Yield (block, line) of the headers."""
    for header in HEADERS[api]:
        if not Path(header).is_file():
            raise SystemExit(f"there is no {header}: apt install libgl-dev libegl-dev")
        block = ""
        for line in Path(header).read_text().splitlines():
            start = BLOCK.match(line)
            block = start[1] if start else block
            yield block, line


def functions(api: str, wanted: dict[str, str]) -> list[Function]:
    """Find the functions in the headers; the first header that has one is right."""
    found: dict[str, Function] = {}
    for block, line in lines(api):
        it = PROTOTYPE.match(line)
        if it is None or it[2] != api or it[3] not in wanted or it[3] in found:
            continue
        since = VERSION.fullmatch(block)
        version = (int(since[1]), int(since[2])) if since else None
        parameters = [] if it[4].strip() == "void" else [typed(text) for text in it[4].split(",")]
        found[it[3]] = Function(it[3], typed(it[1]), parameters, version, wanted[it[3]] or ("" if since else block))
    missing = wanted.keys() - found.keys()
    if missing:
        raise SystemExit(f"no header has {', '.join(api + name for name in sorted(missing))}: put it into gl_extra.txt")
    return [found[name] for name in wanted]


def typed(text: str) -> str:
    """Write a C type, or a parameter, as Cython knows it."""
    text = re.sub(r"\s*\*\s*", " *", text.strip())
    for old, new in PLAIN.items():
        text = re.sub(rf"\b{old}\b", new, text)
    text = HANDLE.sub("void *", text) if "*" not in text else HANDLE.sub("void **", text)
    return text.replace("* *", "**").replace("*const*", "* const *").replace(" *const *", " * const *")


def numbers(used: set[str]) -> dict[str, str]:
    """Find the numbers in the headers."""
    found: dict[str, str] = {}
    for api in HEADERS:
        for block, line in lines(api):
            it = NUMBER.match(line)
            if it and it[1] in used and it[1] != block and it[1] not in found:
                found[it[1]] = it[2]
    return found


def struct(api: str, listed: list[Function]) -> str:
    """Write the .pxd of one table."""
    words = " ".join(" ".join([function.result, *function.parameters]) for function in listed)
    fixed = sorted(set(re.findall(r"\bu?int\w*_t\b", words)))
    own = sorted(set(re.findall(r"\bE?GL\w+", words)))
    out = [MADE_BY, *([f"from libc.stdint cimport {', '.join(fixed)}", ""] if fixed else [])]
    types = textwrap.wrap(", ".join(own) + ",", 116, initial_indent="    ", subsequent_indent="    ")
    out += ["from camkit.gl_core._types cimport (", *types, ")", "", "", f"cdef struct {api}_functions:"]
    for function in listed:
        star = "" if function.result.endswith("*") else " "
        line = f"    {function.result}{star}(*{function.name})({', '.join(function.parameters)}) noexcept nogil"
        if len(line) > 120:
            bare = [re.sub(r"(?<=[ *])\w+$", "", part).rstrip() for part in function.parameters]
            line = f"    {function.result}{star}(*{function.name})({', '.join(bare)}) noexcept nogil"
        out.append(line)
    return "\n".join(out) + "\n"


def lists(tables: dict[str, list[Function]]) -> str:
    """Write the names for Python."""
    out = ['"""Names of the functions in the tables, in their order, and what each optional one needs."""', "", MADE_BY]
    for api, listed in tables.items():
        out += ["", f"{api.upper()}_NAMES = (", *[f'    "{function.name}",' for function in listed], ")"]
    out += [
        "",
        "# A driver hands out addresses of functions that it does not support: these need their version or extension.",
    ]
    for api, listed in tables.items():
        newer = [one for one in listed if one.version is None or one.version > LEAST_VERSION[api]]
        out.append(f"{api.upper()}_OPTIONAL: dict[str, tuple[tuple[int, int] | None, str]] = {{")
        out += [f'    "{one.name}": ({one.version}, "{one.extension}"),' for one in newer]
        out.append("}")
    return "\n".join(out) + "\n"


def enums() -> str:
    """Write the numbers that are used."""
    texts = [path.read_text() for path in sorted(GL_CORE.rglob("*.pyx"))]
    found = numbers({name for text in texts for name in USED.findall(text)})
    rows = sorted(found.items(), key=lambda row: (row[0].startswith("EGL"), int(row[1], 0), row[0]))
    return "\n".join([MADE_BY, "cdef enum:", *[f"    {name} = {value}" for name, value in rows]]) + "\n"


def files() -> dict[Path, str]:
    """Make every file: {path: text}."""
    tables = {api: functions(api, wanted) for api, wanted in names().items()}
    made = {GL_CORE / f"_{api}_table.pxd": struct(api, listed) for api, listed in tables.items()}
    return made | {GL_CORE / "_gl_names.py": lists(tables), GL_CORE / "_enums.pxd": enums()}


def main() -> None:
    stale = [path for path, text in files().items() if not path.is_file() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit(f"run tools/gl_table.py: {', '.join(path.name for path in stale)} would change")
        return
    for path, text in files().items():
        if path in stale:
            path.write_text(text)
            print(f"wrote {path.relative_to(TOP)}")


if __name__ == "__main__":
    main()
