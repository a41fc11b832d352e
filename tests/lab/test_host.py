"""What the lab does before a guest starts: arguments, packages, modules, archives, kernels."""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from lab import LabError, guest, kernel, kernel_uml, modules, packages
from lab.__main__ import main
from lab.initramfs import Entry, archive
from tests.lab.conftest import CHECKOUT, run_lab


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no command"),
        (["--"], "no command"),
        (["--prepare", "--", "true"], "take no command"),
        (["--packages", "--", "true"], "take no command"),
        (["true"], "unrecognized arguments: true"),
        (["--engine", "kvm", "--", "true"], "invalid choice: 'kvm'"),
        (["--mem", "lots", "--", "true"], "'lots' is no memory size"),
        (["--cpus", "0", "--", "true"], "'0' is no count"),
        (["--timeout", "-1", "--", "true"], "'-1' is no time in seconds"),
        (["--timeout", "nan", "--", "true"], "'nan' is no time in seconds"),
        (["--env", "1=2", "--", "true"], "'1=2' is not of the form NAME=VALUE"),
    ],
)
def test_wrong_arguments_end_with_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_missing_tools_are_named_with_the_line_that_installs_them(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "CAMKIT_LAB_CACHE": str(tmp_path / "cache")}
    done = run_lab("--prepare", env=environment)
    assert done.returncode == 125
    message = done.stderr.decode()
    assert re.search(r"missing .*\bbison, .*\bflex, gcc, make\b", message)
    install = re.search(r"run: apt-get install -y --no-install-recommends (.*)", message)
    assert install
    assert {"bison", "flex", "gcc", "make"} <= set(install[1].split())
    assert "Traceback" not in message


def test_missing_apt_suite_is_named_with_the_lines_that_add_it(tmp_path: Path) -> None:
    silent_apt = tmp_path / "apt-cache"
    silent_apt.write_text("#!/bin/sh\n")
    silent_apt.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CAMKIT_LAB_CACHE": str(tmp_path / "cache"),
    }
    done = run_lab("--prepare", "--engine", "qemu", env=environment)
    message = done.stderr.decode()
    assert done.returncode == 125, message
    assert "apt offers no linux-image-amd64 6.12" in message
    if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        assert re.search(r"echo 'deb http://deb\.debian\.org/debian \w+-backports main' > /etc/apt/\S+\n", message)
        assert "apt-get update" in message
    assert not list((tmp_path / "cache").glob("qemu-*[!k]")), "half a kernel was left"


def test_packages_are_those_that_the_set_up_installs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--packages"]) == 0
    printed = capsys.readouterr().out.split()
    section = re.search(r"(?ms)^\[lab\]\n(.*?)(?=^\[|\Z)", (CHECKOUT / "tools" / "apt-packages.txt").read_text())
    assert section
    installed = [line.split()[0] for line in section[1].splitlines() if line and not line.startswith("#")]
    assert sorted(printed) == sorted(installed)
    assert main(["--packages", "--engine", "uml"]) == 0
    assert "qemu-system-x86" not in capsys.readouterr().out


def test_a_series_is_not_a_prefix_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-cache"
    rows = "".join(f" thing | {version} | http://here Packages\n" for version in ("6.12.9-1", "6.1.7-2", "6.1.5-1"))
    apt.write_text(f"#!/bin/sh\ncat <<'END'\n{rows}END\n")
    apt.chmod(0o755)
    monkeypatch.setitem(packages.TOOLS_ENVIRONMENT, "PATH", f"{tmp_path}:{os.environ['PATH']}")
    # The program is looked up in the caller's PATH, its environment is the given one.
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert packages.newest_version("thing", "6.1") == "6.1.7-2"
    assert packages.newest_version("thing", "6.12") == "6.12.9-1"
    assert packages.newest_version("thing") == "6.12.9-1"
    with pytest.raises(LabError, match=r"apt offers no thing 6\.2"):
        packages.newest_version("thing", "6.2")


def write_module_tables(folder: Path) -> None:
    folder.mkdir()
    (folder / "modules.dep").write_text(
        "kernel/a/cam-era.ko.xz: kernel/b/buffers.ko.xz kernel/c/core.ko.xz\n"
        "kernel/b/buffers.ko.xz: kernel/c/core.ko.xz\n"
        "kernel/c/core.ko.xz:\n"
        "kernel/d/other.ko.xz: kernel/c/core.ko.xz\n"
    )
    (folder / "modules.builtin").write_text("kernel/e/inside-kernel.ko\n")


def test_modules_load_after_what_they_need(tmp_path: Path) -> None:
    folder = tmp_path / "6.12-test"
    write_module_tables(folder)
    files = modules.load_order(folder, ["cam_era", "inside_kernel", "other", "cam-era"])
    assert [modules.canonical_name(str(file)) for file in files] == ["core", "buffers", "cam_era", "other"]
    with pytest.raises(LabError, match=r"'cam_eras': kernel 6\.12-test has none of that name; near it: cam_era"):
        modules.load_order(folder, ["cam_eras"])


def test_vivid_options_go_to_vivid_only() -> None:
    lines = guest.load_lines(["/m/core.ko", "/m/vivid.ko.xz"], "n_devs=2; multiplanar=1,2")
    assert lines == ["load /m/core.ko", "load /m/vivid.ko.xz n_devs=2 multiplanar=1,2"]


def test_initramfs_unpacks_to_what_went_in(tmp_path: Path) -> None:
    entries = {
        "bin": Entry(0o40755),
        "bin/odd": Entry(0o100755, b"123"),
        "empty": Entry(0o100644),
        "init": Entry(0o100755, bytes(range(256)) * 40),
    }
    busybox = shutil.which("busybox")
    assert busybox, "missing busybox; run: apt-get install -y busybox-static"
    subprocess.run([busybox, "cpio", "-idm"], input=archive(entries), cwd=tmp_path, check=True, capture_output=True)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == sorted(entries)
    for name, entry in entries.items():
        assert (tmp_path / name).stat().st_mode == entry.mode
        assert entry.mode & 0o40000 or (tmp_path / name).read_bytes() == entry.data


def make_kernel(result: Path) -> None:
    (result / "lib/modules/6").mkdir(parents=True)
    (result / "lib/modules/6/modules.dep").touch()
    (result / "linux").touch()


def test_an_interrupted_build_leaves_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path))

    def interrupted(result: Path) -> None:
        make_kernel(result)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernel.cached("uml-x", "linux", interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["uml-x.lock"]
    # What a killed maker leaves behind has a name of its own, and goes with the next try.
    (tmp_path / "uml-x.part-dead" / "result").mkdir(parents=True)
    assert kernel.cached("uml-x", "linux", make_kernel).image == tmp_path / "uml-x" / "linux"
    assert not list(tmp_path.glob("*.part-*"))


def test_the_second_caller_waits_for_the_first_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path))
    made, begun, go_on = [], threading.Event(), threading.Event()

    def slowly(result: Path) -> None:
        made.append(result)
        begun.set()
        assert go_on.wait(30)
        make_kernel(result)

    kernels: list[kernel.Kernel] = []
    callers = [
        threading.Thread(target=lambda: kernels.append(kernel.cached("uml-x", "linux", slowly))) for _ in range(2)
    ]
    callers[0].start()
    assert begun.wait(30)
    callers[1].start()
    said = ""
    while "waiting" not in said and callers[1].is_alive():
        said += capfd.readouterr().err
    go_on.set()
    for caller in callers:
        caller.join(30)
    assert f"waiting for process {os.getpid()}, which is making this kernel" in said
    assert len(made) == 1
    assert len(kernels) == 2
    assert kernels[0] == kernels[1]


def test_a_cache_that_cannot_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(LabError, match=r"cannot make the lab's cache .*set CAMKIT_LAB_CACHE"):
        kernel.cache_folder()


def test_a_changed_recipe_makes_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(kernel_uml, "cached", lambda name, *_: asked.append(name))
    kernel_uml.uml_kernel("6.12")
    fragment = tmp_path / "uml.config"
    fragment.write_text("# only a comment more\n" + kernel_uml.CONFIG.read_text())
    monkeypatch.setattr(kernel_uml, "CONFIG", fragment)
    kernel_uml.uml_kernel("6.12")
    fragment.write_text(fragment.read_text() + "CONFIG_SMP=y\n")
    kernel_uml.uml_kernel("6.12")
    assert asked[0] == asked[1] != asked[2]
    assert asked[0].startswith("uml-6.12-")


def test_a_folder_without_a_kernel_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kernel", str(tmp_path), "--", "true"]) == 125
    assert f"cannot use kernel folder '{tmp_path}': it has 0 files 'linux'" in capsys.readouterr().err
