"""Build the C++ headers' own tests without Python, plain and under the sanitizers, and run them."""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tests" / "native"
HEADERS = ROOT / "include"
BUILD = ROOT / "build" / "native"

FLAGS = ["-std=c++17", "-O2", "-g1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread"]
MODES = {
    "plain": [],
    "address,undefined": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
SUBJECTS = sorted(path.stem.removesuffix("_test") for path in SOURCES.glob("*_test.cpp"))
ADVICE = "install the compiler and its sanitizers: apt-get install g++"

# How long the random stress of those that have one lasts: `make stress` asks for a minute of each.
STRESS_S = os.environ.get("CAMKIT_STRESS_SECONDS", "")
STRESSED = {"slot_pool"}

# A test that hangs has lost a wake-up; an honest one takes a second or two, on a busy machine under a sanitizer longer.
DEADLINE_S = 600 + float(STRESS_S or 0)
pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


@functools.cache
def compiler() -> tuple[str, str]:
    """Return the path of g++ and what it says of its version."""
    path = shutil.which("g++")
    if path is None:
        pytest.fail(f"cannot build the native tests: g++ is not on the PATH; {ADVICE}", pytrace=False)
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return path, version


def own_headers(source: Path) -> list[Path]:
    """Return the project's files that `source` includes, directly or not, itself first."""
    found = [source]
    for path in found:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith('#include "'):
                continue
            name = line.split('"')[1]
            known = next((p for p in (path.parent / name, HEADERS / name) if p.exists()), None)
            if known is not None and known not in found:
                found.append(known)
    return found


def build(subject: str, mode: str) -> Path:
    """Compile a test, or find it compiled from the same bytes, by the same compiler, with the same flags."""
    path, version = compiler()
    source = SOURCES / f"{subject}_test.cpp"
    flags = [*FLAGS, *MODES[mode], f"-I{HEADERS}"]
    content = [version, *FLAGS, *MODES[mode], *(p.read_text(encoding="utf-8") for p in own_headers(source))]
    digest = hashlib.sha256("\0".join(content).encode()).hexdigest()[:16]
    stem = f"{subject}-{mode.replace(',', '-')}-"
    program = BUILD / f"{stem}{digest}"
    if program.exists():
        return program
    BUILD.mkdir(parents=True, exist_ok=True)
    fresh = BUILD / f"{stem}{digest}.{os.getpid()}"
    result = subprocess.run([path, *flags, str(source), "-o", str(fresh)], capture_output=True, text=True)
    if result.returncode != 0:
        missing = "cannot find" in result.stderr
        pytest.fail(f"g++ cannot build {source.name}:\n{result.stderr}" + (ADVICE if missing else ""), pytrace=False)
    for stale in BUILD.glob(f"{stem}*"):
        if stale != fresh:
            stale.unlink(missing_ok=True)
    fresh.replace(program)
    return program


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a test; one that hangs fails."""
    options = {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1",
    }
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, **options}
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"{command[-1]} did not end in {DEADLINE_S} s: {error.stderr!r}", pytrace=False)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_native(subject: str, mode: str) -> None:
    program = str(build(subject, mode))
    arguments = [STRESS_S] if STRESS_S and subject in STRESSED else []
    result = run([program, *arguments])
    if "unexpected memory mapping" in result.stderr:
        # A kernel that randomises addresses more widely than this runtime knows of, not a finding of it.
        result = run(["setarch", "--addr-no-randomize", program, *arguments])
    assert (result.returncode, result.stderr) == (0, "")
    print(result.stdout)


# A program that does one thing wrong, and what the sanitizer says of it: a build without a sanitizer proves nothing.
SEEDED = {
    "thread": ("int shared; std::thread other([&] { shared = 1; }); shared = 2; other.join();", "data race"),
    "address,undefined": (
        "int* gone = new int(1); delete gone; volatile int seen = *gone; (void)seen;",
        "use-after-free",
    ),
    "plain": ("volatile int fine = 1; (void)fine;", ""),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_seeded_fault_is_found(mode: str, tmp_path: Path) -> None:
    fault, complaint = SEEDED[mode]
    source = tmp_path / "seeded.cpp"
    source.write_text(f"#include <thread>\nint main() {{ {fault} }}\n")
    program = str(tmp_path / "seeded")
    subprocess.run([compiler()[0], *FLAGS, "-Wno-error", *MODES[mode], str(source), "-o", program], check=True)
    result = run([program])
    if "unexpected memory mapping" in result.stderr:
        result = run(["setarch", "--addr-no-randomize", program])
    assert (result.returncode != 0) == bool(complaint) and complaint in result.stderr


def test_an_overflow_is_found(tmp_path: Path) -> None:
    source = tmp_path / "overflow.cpp"
    source.write_text("int main(int n, char**) { return (0x7fffffff + n) == 0; }\n")
    program = str(tmp_path / "overflow")
    flags = [*FLAGS, *MODES["address,undefined"]]
    subprocess.run([compiler()[0], *flags, str(source), "-o", program], check=True)
    assert "signed integer overflow" in run([program]).stderr


def test_every_header_that_threads_share_has_a_test() -> None:
    tested = {path for subject in SUBJECTS for path in own_headers(SOURCES / f"{subject}_test.cpp")}
    shared = {path for path in HEADERS.rglob("*.hpp") if "std::atomic" in path.read_text(encoding="utf-8")}
    assert len(shared) > 20
    assert not shared - tested
