"""tools/setup.py asks for what is missing, in one line, and is silent when nothing is."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lab import packages as lab_packages

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("camkit_tools_setup", TOP / "tools" / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["camkit_tools_setup"] = module
    spec.loader.exec_module(module)
    return module


def test_the_lab_gets_every_package_it_asks_for(tool: ModuleType) -> None:
    listed = {package.name for package in tool.packages(["build", "screen", "tests", "lab"])}
    assert set(lab_packages.names()) <= listed


def test_an_unknown_group_names_the_known_ones(tool: ModuleType) -> None:
    with pytest.raises(
        SystemExit, match="no package group 'labs' in apt-packages.txt; there are build, screen, tests, bench, lab"
    ):
        list(tool.packages(["labs"]))


def test_dpkg_is_asked_for_presence_and_age(tool: ModuleType) -> None:
    absent = tool.Package("camkit-has-no-such-package")
    old = tool.Package("libc6", major=999)
    assert tool.missing([tool.Package("libc6"), tool.Package("libc6", major=2), absent, old]) == [absent, old]


def test_without_root_the_exact_line_is_given(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [tool.Package("xvfb"), tool.Package("libgbm1", 25, "bookworm-backports")]
    monkeypatch.setattr(tool, "missing", lambda wanted: rows)
    monkeypatch.setattr(tool, "suites", lambda: "")
    monkeypatch.setattr(tool, "codename", lambda: "bookworm")
    monkeypatch.setattr(tool.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(tool.shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    with pytest.raises(SystemExit) as stop:
        tool.install_packages(["build"])
    assert "2 Debian packages are missing; as root, run\n  sh -c '" in str(stop.value)
    assert "deb http://deb.debian.org/debian bookworm-backports main" in str(stop.value)
    assert "apt-get -qq update" in str(stop.value)
    assert "xvfb libgbm1/bookworm-backports" in str(stop.value)


def test_a_newer_debian_needs_no_backports(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "codename", lambda: "trixie")
    script = tool.apt_script([tool.Package("libgbm1", 25, "bookworm-backports")])
    assert "backports" not in script
    assert script.endswith(" libgbm1")
