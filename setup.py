"""Build camkit: one row per extension, compiler flags by compiler type, include/ and shaders/ carried into the wheel.

Switches, all by environment variable:

CAMKIT_DEBUG=1      bounds checks in the hot modules, -O0 -g
CAMKIT_SANITIZE=a,b build with these sanitizers of gcc or clang, as tools/sanitize.sh does
CAMKIT_COVERAGE=1   line tracing for the Cython.Coverage plugin (CPython 3.11 only)
CAMKIT_ONLY=a,b     build only the extensions whose name contains one of these strings; "none" builds none
"""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy
from Cython.Build import cythonize
from Cython.Build.Dependencies import create_dependency_tree
from Cython.Compiler.Errors import CompileError
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

DEBUG = os.environ.get("CAMKIT_DEBUG") == "1"
SANITIZE = os.environ.get("CAMKIT_SANITIZE", "")
COVERAGE = os.environ.get("CAMKIT_COVERAGE") == "1"
ONLY = [part for part in os.environ.get("CAMKIT_ONLY", "").split(",") if part]
JOBS = os.cpu_count() or 1


class Row(NamedTuple):
    """One compiled module; its .pyx lies at the module's own path."""

    name: str
    hot: bool = False  # touches every frame or pixel: index checks off
    numpy: bool = False  # needs NumPy's C headers
    sources: tuple[str, ...] = ()  # beside the .pyx
    libraries: tuple[str, ...] = ()
    platform: str = ""  # prefix of sys.platform; empty: everywhere


ROWS = [
    Row("camkit.memory_manager._format"),
    Row("camkit.memory_manager._clock_map"),
    Row("camkit.memory_manager._later"),
    Row("camkit.memory_manager._foreign"),
    Row("camkit.memory_manager._backing"),
    Row("camkit.memory_manager._pool", hot=True),
    Row("camkit.memory_manager._description", hot=True),
    Row("camkit.memory_manager._frame", hot=True, numpy=True),
    Row("camkit.memory_manager._tensor"),
    Row("camkit.memory_manager._dlpack"),
    Row("camkit.performance_core._stats", hot=True),
    Row("camkit.performance_core._node"),
    Row("camkit.performance_core._source", hot=True),
    Row("camkit.performance_core._stage", hot=True),
    Row("camkit.performance_core._sink", hot=True),
    Row("camkit.performance_core._trace", hot=True),
    Row("camkit.performance_core._queue", hot=True),
    Row("camkit.performance_core._ordered_map"),
    Row("camkit.performance_core._thread_pool"),
    Row("camkit.performance_core._outlets"),
    Row("camkit.performance_core._run"),
    Row("camkit.performance_core._chain", hot=True),
    Row("camkit.performance_core._waiting", hot=True),
    Row("camkit.performance_core._delivery", hot=True),
    Row("camkit.performance_core._worker", hot=True),
    Row("camkit.performance_core._deferred", hot=True),
    Row("camkit.performance_core._matcher"),
    Row("camkit.performance_core._places", hot=True),
    Row("camkit.performance_core._pool_source", hot=True),
    Row("camkit.performance_core.stages._python", hot=True),
    Row("camkit.performance_core.stages._native", hot=True),
    Row("camkit.performance_core.stages._builtin", hot=True),
    Row("camkit.camera_capture._intake", hot=True),
    Row("camkit.camera_capture._backend", hot=True),
    Row("camkit.camera_capture._timed", hot=True),
    Row("camkit.camera_capture._synthetic", hot=True),
    Row("camkit.camera_capture._recording.frame_record"),
    Row("camkit.camera_capture._recording.replay", hot=True),
    Row("camkit.camera_capture._v4l2.reader", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.backend", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.uvc_metadata", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.buffers", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.frame", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.memory", platform="linux"),
    Row("camkit.camera_capture._v4l2.colour", platform="linux"),
    Row("camkit.camera_capture._v4l2.device", hot=True, platform="linux"),
    Row("camkit.camera_capture._v4l2.node", platform="linux"),
    Row("camkit.camera_capture._v4l2.controls", platform="linux"),
    Row("camkit.camera_capture._v4l2.events", platform="linux"),
    Row("camkit.camera_capture._v4l2.inputs", platform="linux"),
    Row("camkit.camera_capture._v4l2.selection", platform="linux"),
    Row("camkit.camera_capture._v4l2.timings", platform="linux"),
    Row("camkit.camera_capture._v4l2.reconnect", platform="linux"),
    Row("camkit.camera_capture._v4l2.hotplug", platform="linux"),
    Row("camkit.gl_core._debug", hot=True),
    Row("camkit.gl_core._gl", hot=True),
    Row("camkit.gl_core._egl_calls"),
    Row("camkit.gl_core._check", hot=True),
    Row("camkit.gl_core._gpu_clock", hot=True),
    Row("camkit.gl_core._metronome", hot=True),
    Row("camkit.gl_core._display_clock", hot=True),
    Row("camkit.gl_core._simulated_clock", hot=True),
    Row("camkit.gl_core._wayland_clock", hot=True, platform="linux"),
    Row("camkit.gl_core._sync_clock", hot=True, platform="linux"),
    Row("camkit.gl_core._drm_clock", hot=True, platform="linux"),
    Row("camkit.gl_core._swap_clock", hot=True),
    Row("camkit.gl_core._pacer", hot=True),
    Row("camkit.gl_core._flights", hot=True),
    Row("camkit.gl_core._layout", hot=True),
    Row("camkit.gl_core._texel_reader"),
    Row("camkit.gl_core._dmabuf_image", hot=True),
    Row("camkit.gl_core._transfer", hot=True),
    Row("camkit.gl_core._trial", hot=True),
    Row("camkit.gl_core._ladder", hot=True),
    Row("camkit.gl_core._ways.own_textures", hot=True),
    Row("camkit.gl_core._ways.client", hot=True),
    Row("camkit.gl_core._ways.pbo", hot=True),
    Row("camkit.gl_core._ways.orphan", hot=True),
    Row("camkit.gl_core._ways.imported", hot=True, platform="linux"),
    Row("camkit.gl_core._view", hot=True),
    Row("camkit.gl_core._panel", hot=True),
    Row("camkit.gl_core._board", hot=True),
    Row("camkit.gl_core._ways.persistent", hot=True),
    Row("camkit.gl_core._share_group"),
    Row("camkit.gl_core._hud", hot=True),
    Row("camkit.gl_core._inspect", hot=True),
    Row("camkit.gl_core._overlay", hot=True),
    Row("camkit.gl_core._target"),
    Row("camkit.gl_core._renderer", hot=True),
    Row("camkit.gl_core._gpu_tensor"),
    Row("camkit.gl_core._packer", hot=True),
    Row("camkit.gl_core._readback", hot=True),
    Row("camkit.gl_core._render", hot=True),
    Row("camkit.gl_core._shared_slots", platform="linux"),
    Row("camkit.gl_core._snapshots"),
    Row("camkit.gl_core._borrowed"),
    Row("camkit.gl_core._painter", hot=True),
    Row("camkit.gl_core._state", hot=True),
    Row("camkit.gl_core._on_draw"),
    Row("camkit.gl_core._drawing", hot=True),
    Row("camkit.gl_core._sink"),
    Row("camkit.gl_core._pane", hot=True),
    Row("camkit.gl_core._grid_loop", hot=True),
    Row("camkit.gl_core._grid_pacer", hot=True),
]

# Free-threading is not declared: docs/design/17-proof.md tells what is still open.
DIRECTIVES = {"language_level": 3, "binding": True, "embedsignature": False, "linetrace": COVERAGE}
HOT_DIRECTIVES = DIRECTIVES | {"boundscheck": DEBUG, "wraparound": False, "initializedcheck": DEBUG, "cdivision": True}

SANITIZER = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-O1", "-g1"] if SANITIZE else []
COMPILE_FLAGS = {
    "unix": [
        "-std=c++17",
        "-fvisibility=hidden",
        *(["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]),
        *SANITIZER,
    ],
    "msvc": ["/std:c++17", "/EHsc", "/Zc:__cplusplus", *(["/Od", "/Zi", "/UNDEBUG"] if DEBUG else ["/O2"])],
}
LINK_FLAGS = {"unix": SANITIZER[:1], "msvc": ["/DEBUG"] if DEBUG else []}
TRACE_MACROS = [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]

# In C++ `#include "x"`, in Cython `cdef extern from "x"`.
INCLUDE = re.compile(r"""^\s*(?:\#\s*include|cdef\s+extern\s+from)\s+["'<]([\w./]+)""", re.MULTILINE)

# Top-level folders that a wheel carries inside the package; camkit/_data.py finds them in both places.
ROOT_DATA = {"include": "*.h*", "shaders": "*.*"}


def headers(source: Path) -> list[str]:
    """List our own headers that a .pyx comes to include, by its .pxd files and by each other."""
    tree = create_dependency_tree(quiet=True)
    files = map(Path, tree.all_dependencies(str(source)))
    waiting = [name for file in files for name in INCLUDE.findall(file.read_text())]
    found: set[Path] = set()
    while waiting:
        name = waiting.pop()
        for path in (Path("include", name), source.parent / name):
            if path.is_file() and path not in found:
                found.add(path)
                waiting += INCLUDE.findall(path.read_text())
    return sorted(map(str, found))


def options_file() -> str:
    """Record what shapes the build beside the sources, touched only when it changes, so that a change rebuilds."""
    path = Path("build", "options-sanitize.txt" if SANITIZE else "options.txt")
    text = "\n".join(map(str, [DIRECTIVES, HOT_DIRECTIVES, COMPILE_FLAGS, LINK_FLAGS, sys.platform]))
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return str(path)


def wanted(row: Row) -> bool:
    """Tell whether this platform and CAMKIT_ONLY ask for the row."""
    if ONLY and not any(part in row.name for part in ONLY):
        return False
    return sys.platform.startswith(row.platform)


def extension(row: Row) -> Extension:
    """Turn a row into an Extension."""
    source = Path(*row.name.split(".")).with_suffix(".pyx")
    if not source.is_file():
        raise SystemExit(f"cannot build {row.name}: {source} is missing; CAMKIT_ONLY leaves extensions out")
    return Extension(
        row.name,
        [str(source), *(str(source.parent / extra) for extra in row.sources)],
        include_dirs=["include", str(source.parent), *([numpy.get_include()] if row.numpy else [])],
        libraries=list(row.libraries),
        define_macros=TRACE_MACROS if COVERAGE else [],
        language="c++",
    )


def extensions() -> list[Extension]:
    """Make an Extension of each row that is wanted."""
    rows = [row for row in ROWS if wanted(row)]
    if ONLY and not rows and ONLY != ["none"]:
        raise SystemExit(f"cannot build CAMKIT_ONLY={','.join(ONLY)}: no extension of this platform has such a name")
    return [extension(row) for row in rows]


class BuildExt(build_ext):
    """Translate and compile on every core, with the flags of the compiler at hand."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or JOBS

    def run(self) -> None:
        # Here and not in setup(), so that an sdist or a query of the metadata translates nothing.
        hot = {row.name for row in ROWS if row.hot}
        self._translate([ext for ext in self.extensions if ext.name not in hot], DIRECTIVES)
        self._translate([ext for ext in self.extensions if ext.name in hot], HOT_DIRECTIVES)
        super().run()

    def build_extensions(self) -> None:
        kind = self.compiler.compiler_type
        flags = COMPILE_FLAGS["msvc" if kind == "msvc" else "unix"]
        for ext in self.extensions:
            ext.extra_compile_args = [*flags, *ext.extra_compile_args]
            ext.extra_link_args = [*LINK_FLAGS.get(kind, []), *ext.extra_link_args]
        super().build_extensions()

    def _translate(self, group: list[Extension], directives: dict[str, object]) -> None:
        # The coverage plugin finds C++ only beside its .pyx.
        folder = None if COVERAGE else "build/cython-debug" if DEBUG else "build/cython"
        try:
            translated = cythonize(group, nthreads=JOBS, compiler_directives=directives, build_dir=folder)
        except CompileError as error:
            raise SystemExit(f"cannot translate {error}: Cython's messages are above") from None
        sources = {ext.name: ext.sources for ext in translated}
        for ext in group:
            ext.depends = [*headers(Path(ext.sources[0])), options_file()]
            ext.sources = sources[ext.name]


class BuildPy(build_py):
    """Copy top-level include/ and shaders/ beside the package's modules, except in an editable install."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source, target in self._root_data():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return super().get_outputs(include_bytecode) + [target for _, target in self._root_data()]

    def get_output_mapping(self) -> dict[str, str]:
        return {**super().get_output_mapping(), **{target: source for source, target in self._root_data()}}

    def get_source_files(self) -> list[str]:
        return super().get_source_files() + [source for source, _ in self._root_data()]

    def _root_data(self) -> list[tuple[str, str]]:
        found = []
        for folder, pattern in ROOT_DATA.items():
            for path in sorted(Path(folder).rglob(pattern)):
                if path.is_file():
                    found.append((str(path), str(Path(self.build_lib, "camkit", path))))
        return found


if __name__ == "__main__":
    setup(
        packages=find_packages(include=["camkit", "camkit.*"]),
        # Beside the package, for pytest imports it in every run: camkit itself comes with the first recording.
        py_modules=["pytest_camkit"],
        # A mapping of include/ to a package name would make editable installs a finder, which breaks cimport.
        package_dir={"": "."},
        package_data={"": ["*.pxd", "*.pyi", "py.typed"]},
        include_package_data=False,
        ext_modules=extensions(),
        cmdclass={"build_ext": BuildExt, "build_py": BuildPy},
        zip_safe=False,
    )
