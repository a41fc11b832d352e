"""The wheel, made from the sdist and used from another folder in an empty environment, holds all that users need."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

TOP = Path(__file__).resolve().parent.parent
NOT_SOURCES = ("*.so", "*.pyd", "*.egg-info", "__pycache__", "build", "dist", ".*")

pytestmark = pytest.mark.timeout(600)


class Built(NamedTuple):
    """What one build of the checkout left."""

    sdist: Path
    wheel: Path
    log: str


class Environment(NamedTuple):
    """An empty virtual environment with the wheel in it, and a folder that is not the checkout to use it from."""

    folder: Path
    elsewhere: Path

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a program of the environment and return its stdout."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CAMKIT"))}
        program = str(self.folder / "bin" / command[0])
        done = subprocess.run(
            [program, *command[1:]], cwd=cwd or self.elsewhere, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def tree(folder: str, *patterns: str) -> Iterator[str]:
    """List files of the checkout, as paths from its top."""
    for pattern in patterns:
        yield from (str(path.relative_to(TOP)) for path in (TOP / folder).rglob(pattern) if path.is_file())


@pytest.fixture(scope="session")
def setup_py() -> ModuleType:
    """Load the project's setup.py, for its table of extensions."""
    spec = importlib.util.spec_from_file_location("camkit_setup", TOP / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["camkit_setup"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build sdist, then from it the wheel, from the sources alone: nothing that an earlier build left takes part."""
    copy = tmp_path_factory.mktemp("sources") / "camkit"
    shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES), symlinks=True)
    out = tmp_path_factory.mktemp("dist")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAMKIT")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)],
        cwd=out,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel, done.stdout)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel beside nothing but its declared dependencies and the build tools of a user's own stage."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    for entry in requirements("camkit", "Cython", "setuptools"):
        (site / entry.name).symlink_to(entry)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", built.wheel], check=True)
    return Environment(folder, tmp_path_factory.mktemp("elsewhere"))


def requirements(*roots: str) -> set[Path]:
    """List what the running environment holds of these distributions' dependencies: no network is needed to copy it."""
    seen: set[str] = set()
    entries: set[Path] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        waiting += [re.split(r"[^\w.-]", text)[0] for text in found.requires or [] if ";" not in text]
        if name != "camkit":
            top = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
            entries |= {Path(str(found.locate_file(part))) for part in top}
    return entries


def test_the_sdist_holds_every_source(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = {
        *tree("camkit", "*.py", "*.pyx", "*.pxd", "*.pyi", "py.typed"),
        *tree("include", "*"),
        *tree("shaders", "*"),
    }
    wanted |= {"setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    assert wanted <= names, f"not in the sdist: {sorted(wanted - names)}"


def test_the_wheel_holds_what_users_need_and_no_more(built: Built, setup_py: ModuleType) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {"pytest_camkit.py", *tree("camkit", "*.py", "*.pxd", "*.pyi", "py.typed")}
    wanted |= {f"camkit/{name}" for name in (*tree("include", "*.h*"), *tree("shaders", "*"))}
    wanted |= {row.name.replace(".", "/") + EXTENSION_SUFFIXES[0] for row in setup_py.ROWS if setup_py.wanted(row)}
    assert names == wanted


def test_cython_has_no_performance_hint(built: Built) -> None:
    hints = re.findall(r"performance hint: .*", built.log)
    assert not hints, "\n".join(hints)


def test_the_installed_package_finds_its_data(installed: Environment) -> None:
    report = "import camkit, json, importlib.metadata as m; from camkit._data import data_dir"
    report += (
        "; print(json.dumps([camkit.get_include(), str(data_dir('shaders')), m.version('camkit'), camkit.__version__]))"
    )
    include, shaders, version, stated = json.loads(installed.run("python", "-c", report))
    assert (Path(include) / "camkit" / "frame.h").is_file()
    assert Path(include).is_relative_to(installed.folder)
    assert {path.name for path in Path(shaders).iterdir()} == {path.name for path in (TOP / "shaders").iterdir()}
    assert version == stated == distribution("camkit").version


def test_the_command_works_from_the_wheel(installed: Environment) -> None:
    assert "run" in installed.run("camkit", "--help")
    assert installed.run("python", "-m", "camkit", "--help") == installed.run("camkit", "--help")


@pytest.mark.parametrize("path", sorted((TOP / "include").rglob("*.h*")), ids=lambda path: path.name)
def test_an_installed_header_compiles_alone(installed: Environment, path: Path, tmp_path: Path) -> None:
    include = installed.run("python", "-c", "import camkit; print(camkit.get_include())").strip()
    name = path.relative_to(TOP / "include")
    # A .h is the ABI for C as well as C++.
    for language in ("c", "c++") if path.suffix == ".h" else ("c++",):
        source = tmp_path / f"one.{'c' if language == 'c' else 'cpp'}"
        source.write_text(f'#include "{name}"\n#include "{name}"\nint main(void) {{ return 0; }}\n')
        standard = "-std=c11" if language == "c" else "-std=c++17"
        compiler = ["gcc" if language == "c" else "g++", standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        done = subprocess.run([*compiler, "-I", include, str(source)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_checkout_is_installed_editable(tmp_path: Path) -> None:
    # From another folder, where only the editable install makes the package visible.
    program = "import camkit; print(camkit.__file__, camkit.get_include(), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\nrun `make build`"
    assert done.stdout.split("\n")[:2] == [str(TOP / "camkit" / "__init__.py"), str(TOP / "include")]


def test_a_users_stage_compiles_and_runs_against_the_wheel(installed: Environment, tmp_path: Path) -> None:
    user = tmp_path / "user_stage"
    shutil.copytree(TOP / "tests" / "data" / "user_stage", user, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    installed.run("python", "setup.py", "--quiet", "build_ext", "--inplace", cwd=user)
    report = installed.run("python", "use.py", cwd=user)
    assert report.startswith("5 negatives from " + str(installed.folder))
