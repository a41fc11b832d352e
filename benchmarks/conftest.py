"""Shared by the benchmarks: programs and Cython loops that are compiled when first wanted."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
BUILT = TOP / "build" / "benchmarks"
FLAGS = ["-std=c++17", "-O3", "-pthread", f"-I{TOP / 'include'}"]


def fingerprint(*sources: Path) -> str:
    """Hash of what a binary is made from: its source and every header of ours."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for path in [*sources, *sorted((TOP / "include").rglob("*.h*"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def native():
    """Compile benchmarks/native/NAME.cpp with the flags of the extensions; call it to run it and get its JSON."""

    def run(name: str, *arguments: str, flags: tuple[str, ...] = ()) -> dict:
        source = HERE / "native" / f"{name}.cpp"
        program = BUILT / f"{name}-{fingerprint(source, *sorted(source.parent.glob('*.h*')))}"
        if not program.exists():
            BUILT.mkdir(parents=True, exist_ok=True)
            subprocess.run(["g++", *FLAGS, *flags, str(source), "-o", str(program)], check=True)
        done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def cython_loop():
    """Compile benchmarks/NAME.pyx against the checkout and import it."""

    def load(name: str):
        from Cython.Compiler.Main import compile as cythonize
        from Cython.Compiler.Options import CompilationOptions

        source = HERE / f"{name}.pyx"
        folder = BUILT / f"{name}-{fingerprint(source, *sorted((TOP / 'camkit').rglob('*.pxd')))}"
        module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        if not module.exists():
            folder.mkdir(parents=True, exist_ok=True)
            cpp = folder / f"{name}.cpp"
            options = CompilationOptions(
                output_file=str(cpp), cplus=True, language_level=3, include_path=[str(TOP)],
                compiler_directives={"boundscheck": False, "wraparound": False, "cdivision": True},
            )  # fmt: skip
            if cythonize(str(source), options).num_errors:
                raise RuntimeError(f"{source.name} does not compile")
            include = f"-I{sysconfig.get_path('include')}"
            subprocess.run(["g++", *FLAGS, "-shared", "-fPIC", include, str(cpp), "-o", str(module)], check=True)
        spec = importlib.util.spec_from_file_location(name, module)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
        return loaded

    return load
