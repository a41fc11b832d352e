"""Run tests/kernel inside the camera lab, on real drivers, and report file by file what happened there.

All of it on User-Mode Linux, the part marked `smoke` on Debian's own kernel too. Where the lab cannot start, these
tests fail with its words, which name what to install. A class is one boot, for of processes that share the tests one
takes a whole class.
"""

from __future__ import annotations

import contextlib
import os
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
# The files of each boot. User-Mode Linux has one CPU and mostly waits for its cameras: two boots take half of the time.
# By size, for the long files take long.
BY_SIZE = sorted(FILES, key=lambda file: file.stat().st_size)
BOOTS = {"uml-1": sorted(BY_SIZE[0::2]), "uml-2": sorted(BY_SIZE[1::2]), "qemu": SMOKE}
# The first test of a boot runs them all, and may have to wait until a kernel is built on a slow machine.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernel")


def favour(boot: str) -> None:
    """Have cameras keep their time beside other work: before that, where it may be, and no two kernels on one CPU."""
    if boot.startswith("uml"):
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpus[int(boot[-1]) % len(cpus)]})
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, -5)


@cache
def run_in_lab(boot: str, folder: Path) -> tuple[dict[str, list[ElementTree.Element]], str]:
    """Return the reports of the guest's tests by module, and why there are none."""
    report, engine = folder / f"{boot}.xml", boot.partition("-")[0]
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--engine", engine, "--vivid", "n_devs=2;multiplanar=1,2", "--uvc"]
        # Debian's kernel comes without it.
        + (["--modules", "v4l2loopback"] if engine == "uml" else [])
        + ["--share", folder, "--timeout", "3300", "--", sys.executable, "-m", "pytest", *BOOTS[boot], "-q"]
        # Without the --ignore that holds on the host.
        + ["-o", "addopts=--import-mode=importlib --strict-markers --strict-config", "-p", "no:cacheprovider"]
        + [f"--junit-xml={report}", "--timeout=900", *(["-m", "smoke"] if engine == "qemu" else [])],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=lambda: favour(boot),
    )
    if done.returncode not in (0, 1) or not report.exists():
        return {}, f"the lab ended with {done.returncode}:\n" + "\n".join(done.stdout.splitlines()[-60:])
    modules: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        # A module that cannot be imported has no class name; its name is the module's.
        name = case.get("classname") or case.get("name") or ""
        modules.setdefault(name.rpartition(".")[2], []).append(case)
    return modules, ""


def check(boot: str, file: Path, folder: Path) -> None:
    modules, trouble = run_in_lab(boot, folder)
    assert not trouble, trouble
    cases = modules.get(file.stem)
    assert cases, f"no test of {file.name} ran on {boot}"
    # In the lab nothing can be missing, so that a skip is a failure too.
    told = [(case, fault) for case in cases for fault in case if fault.tag in ("failure", "error", "skipped")]
    words = "\n\n".join(f"{case.get('name')}: {fault.tag}\n{fault.text}" for case, fault in told)
    assert not told, f"{len(told)} of {len(cases)} tests of {file.name} failed on {boot}:\n{words}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "file" in metafunc.fixturenames:
        metafunc.parametrize("file", BOOTS[metafunc.cls.boot], ids=lambda file: file.stem)


class OnDrivers:
    boot: str

    def test_on_drivers(self, folder: Path, file: Path) -> None:
        check(self.boot, file, folder)


class TestUserModeLinux1(OnDrivers):
    boot = "uml-1"


class TestUserModeLinux2(OnDrivers):
    boot = "uml-2"


@pytest.mark.qemu
class TestStockKernel(OnDrivers):
    boot = "qemu"


@pytest.mark.parametrize("rig", RIGS)
def test_on_another_rig(folder: Path, rig: str) -> None:
    """A boot of its own, with drivers set up in another way, for the tests of that name in tests/rigs."""
    report = folder / f"{rig}.xml"
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--vivid", RIGS[rig], "--share", folder, "--timeout", "1200", "--"]
        + [sys.executable, "-m", "pytest", f"tests/rigs/test_{rig}.py", "-q", "--timeout=600", f"--junit-xml={report}"]
        + ["-o", "addopts=--import-mode=importlib --strict-markers --strict-config", "-p", "no:cacheprovider"],
        cwd=CHECKOUT, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (suite,) = ElementTree.parse(report).iter("testsuite")
    assert int(suite.get("tests", 0)) > 0 and suite.get("skipped") == "0"
