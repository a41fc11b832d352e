"""Run tests/kernel inside the camera lab, on real drivers, and report file by file what happened there.

All of it on User-Mode Linux, the part marked `smoke` on Debian's own kernel too. Where the lab cannot start, these
tests fail with its words, which name what to install.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

if sys.platform != "linux":
    pytest.skip("the camera lab runs on Linux", allow_module_level=True)
CHECKOUT = Path(__file__).resolve().parent.parent
FILES = sorted((CHECKOUT / "tests" / "kernel").glob("test_*.py"))
# vivid's options by rig. Contiguous memory for buffers, or none; eight webcams.
RIGS = {
    "scarce": "n_devs=1;allocators=1",
    "eight": ";".join(
        ["n_devs=8", *(f"{name}={','.join(value * 8)}" for name, value in
                       (("node_types", "1"), ("num_inputs", "1"), ("input_types", "0")))]
    ),
}  # fmt: skip
SMOKE = [file for file in FILES if "mark.smoke" in file.read_text()]
# The first test of an engine runs them all, and may have to wait until a kernel is built on a slow machine.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernel")


@cache
def run_in_lab(engine: str, folder: Path) -> tuple[dict[str, list[ElementTree.Element]], str]:
    """Return the reports of the guest's tests by module, and why there are none."""
    report = folder / f"{engine}.xml"
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--engine", engine, "--vivid", "n_devs=2;multiplanar=1,2", "--uvc"]
        # Debian's kernel comes without it.
        + (["--modules", "v4l2loopback"] if engine == "uml" else [])
        + ["--share", folder, "--timeout", "900", "--", sys.executable, "-m", "pytest", "tests/kernel", "-q"]
        # Without the --ignore that holds on the host.
        + ["-o", "addopts=--import-mode=importlib --strict-markers --strict-config", "-p", "no:cacheprovider"]
        + [f"--junit-xml={report}", *(["-m", "smoke"] if engine == "qemu" else [])],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode not in (0, 1) or not report.exists():
        return {}, f"the lab ended with {done.returncode}:\n" + "\n".join(done.stdout.splitlines()[-60:])
    modules: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        # A module that cannot be imported has no class name; its name is the module's.
        name = case.get("classname") or case.get("name") or ""
        modules.setdefault(name.rpartition(".")[2], []).append(case)
    return modules, ""


def check(engine: str, file: Path, folder: Path) -> None:
    modules, trouble = run_in_lab(engine, folder)
    assert not trouble, trouble
    cases = modules.get(file.stem)
    assert cases, f"no test of {file.name} ran on {engine}"
    # In the lab nothing can be missing, so that a skip is a failure too.
    told = [(case, fault) for case in cases for fault in case if fault.tag in ("failure", "error", "skipped")]
    words = "\n\n".join(f"{case.get('name')}: {fault.tag}\n{fault.text}" for case, fault in told)
    assert not told, f"{len(told)} of {len(cases)} tests of {file.name} failed on {engine}:\n{words}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_on_user_mode_linux(folder: Path, file: Path) -> None:
    check("uml", file, folder)


@pytest.mark.qemu
@pytest.mark.parametrize("file", SMOKE, ids=lambda file: file.stem)
def test_on_the_stock_kernel(folder: Path, file: Path) -> None:
    check("qemu", file, folder)


@pytest.mark.parametrize("rig", RIGS)
def test_on_another_rig(folder: Path, rig: str) -> None:
    """A boot of its own, with drivers set up in another way, for the tests of that name in tests/rigs."""
    report = folder / f"{rig}.xml"
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--vivid", RIGS[rig], "--share", folder, "--timeout", "300", "--"]
        + [sys.executable, "-m", "pytest", f"tests/rigs/test_{rig}.py", "-q", f"--junit-xml={report}"]
        + ["-o", "addopts=--import-mode=importlib --strict-markers --strict-config", "-p", "no:cacheprovider"],
        cwd=CHECKOUT, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (suite,) = ElementTree.parse(report).iter("testsuite")
    assert int(suite.get("tests", 0)) > 0 and suite.get("skipped") == "0"
