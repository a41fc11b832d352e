"""What every test may count on."""

import atexit
import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
BUILT = TOP / "build" / "tests"
# Where several processes share the tests (tools/test.sh), a file is the work of one of them, and so is a class. These
# take longest and begin first: one at the end would keep all waiting. The stock kernel's emulator wants each CPU that
# there is, which the cameras of the others had better have.
LONG = ["TestUserModeLinux1", "TestUserModeLinux2", "test_packaging", "test_native", "TestStockKernel", "test_models"]

# What a trial of the ways to the GPU finds holds for the tests, and for the children that they start, and no longer.
CACHE = tempfile.mkdtemp(prefix="camkit-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
os.environ["CAMKIT_TRANSFER_CACHE"] = str(Path(CACHE) / "transfers.json")

# A shell's background job ignores SIGINT, and so would the children that the tests send one to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first where several processes share the tests."""

    def rank(item: pytest.Item) -> int:
        name = item.cls.__name__ if getattr(item, "cls", None) else item.path.stem
        return LONG.index(name) if name in LONG else len(LONG)

    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=rank)


@pytest.fixture(scope="session")
def alloc_probe() -> Path:
    """Compile the library that counts allocations, to be given to a child in LD_PRELOAD."""
    return compiled_probe("alloc_probe")


@pytest.fixture(scope="session")
def syscall_probe() -> Path:
    """Compile the library that counts system calls, to be loaded by ctypes."""
    return compiled_probe("syscall_probe")


def compiled_probe(name: str) -> Path:
    """Compile native/NAME.c into a library."""
    BUILT.mkdir(parents=True, exist_ok=True)
    library, source = BUILT / f"{name}.so", TOP / "tests" / "native" / f"{name}.c"
    # Another process that shares the tests may have loaded it.
    fresh = library.with_suffix(f".{os.getpid()}")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Werror", source, "-o", fresh, "-ldl"], check=True)
    return fresh.replace(library)


@contextlib.contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Have other processes that share the tests wait for what this one makes."""
    import fcntl

    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all ways to the GPU take the same time, however busy the machine is: the first of the best is taken."""
    from camkit.gl_core import trials

    measure = trials.measure
    monkeypatch.setattr(trials, "measure", lambda way: 0 * measure(way) + 100.0)


@pytest.fixture(scope="session")
def proof_nodes():
    """The compiled module tests/native/proof_nodes.pyx, built against this checkout; its __file__ is for children."""
    return compiled_nodes("proof_nodes")


@pytest.fixture(scope="session")
def gl_nodes():
    """The compiled module tests/native/gl_nodes.pyx, likewise."""
    return compiled_nodes("gl_nodes")


def compiled_nodes(name: str):
    """Compile tests/native/NAME.pyx and import it."""
    from Cython.Compiler.Main import compile as cythonize
    from Cython.Compiler.Options import CompilationOptions

    source = TOP / "tests" / "native" / f"{name}.pyx"
    digest = hashlib.sha256(sys.version.encode())
    for path in [source, *sorted((TOP / "include").rglob("*.h*")), *sorted((TOP / "camkit").rglob("*.pxd"))]:
        digest.update(path.read_bytes())
    folder = BUILT / f"{name}-{digest.hexdigest()[:16]}"
    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    with one_at_a_time(name):
        if not module.exists():
            folder.mkdir(parents=True, exist_ok=True)
            options = CompilationOptions(
                output_file=str(folder / f"{name}.cpp"), cplus=True, language_level=3, include_path=[str(TOP)],
                compiler_directives={"boundscheck": False, "wraparound": False, "cdivision": True},
            )  # fmt: skip
            assert not cythonize(str(source), options).num_errors
            include = [f"-I{sysconfig.get_path('include')}", f"-I{TOP / 'include'}"]
            flags = ["-std=c++17", "-O2", "-shared", "-fPIC", "-pthread", *include]
            fresh = module.with_suffix(".new")
            subprocess.run(["g++", *flags, str(folder / f"{name}.cpp"), "-o", str(fresh)], check=True)
            fresh.replace(module)
    spec = importlib.util.spec_from_file_location(name, module)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="session")
def c_stages(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compile and load the C functions of tests/data/c_stage."""
    return compile_c_stages(tmp_path_factory.mktemp("c_stages"))


@pytest.fixture(scope="session")
def compile_stages() -> Callable[..., ctypes.CDLL]:
    """Compile and load them with another line in the place of CAMKIT_STAGE_LIBRARY, into a folder."""
    return compile_c_stages


def compile_c_stages(folder: Path, version: str = "CAMKIT_STAGE_LIBRARY") -> ctypes.CDLL:
    import camkit

    text = (TOP / "tests" / "data" / "c_stage" / "stages.c").read_text()
    source, library = folder / "stages.c", folder / "stages.so"
    source.write_text(text.replace("CAMKIT_STAGE_LIBRARY", version))
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    include = f"-I{camkit.get_include()}"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-Wall", include, source, "-o", library], check=True)
    return ctypes.CDLL(str(library))
