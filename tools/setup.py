#!/usr/bin/env python3
"""Make a checkout ready to work: Debian packages, a virtual environment in .venv, the extensions built in place.

Needs nothing but Python's standard library, does only what is missing, and says what it does.

    tools/setup.py [--packages-only | --no-build] [GROUP...]     groups of tools/apt-packages.txt
"""

import argparse
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

TOP = Path(__file__).resolve().parent.parent
VENV = TOP / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
BACKPORTS_LIST = "/etc/apt/sources.list.d/camkit-backports.list"


class Package(NamedTuple):
    """One line of apt-packages.txt."""

    name: str
    major: int = 0  # oldest version that will do
    suite: str = ""  # where a newer one is


def fail(message: str) -> NoReturn:
    """Stop with one message on stderr and exit code 1."""
    raise SystemExit(f"setup: {message}")


def say(message: str) -> None:
    """Tell the user what happens now."""
    print(f"setup: {message}", flush=True)


def run(command: Sequence[str | Path], purpose: str, **environment: str) -> None:
    """Run a command from the top of the checkout, or fail saying what it was for."""
    done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False)
    if done.returncode:
        fail(f"cannot {purpose}: `{shlex.join(map(str, command))}` ended with exit code {done.returncode}")


def packages(groups: Sequence[str]) -> Iterator[Package]:
    """Read the packages of the groups."""
    path = TOP / "tools" / "apt-packages.txt"
    sections: dict[str, list[Package]] = {}
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if section := re.fullmatch(r"\[(\w+)\]", words[0]):
            rows = sections.setdefault(section[1], [])
        else:
            major = next((int(word[2:]) for word in words[1:] if word.startswith(">=")), 0)
            suite = next((word for word in words[1:] if not word.startswith(">=")), "")
            rows.append(Package(words[0], major, suite))
    for group in groups:
        if group not in sections:
            fail(f"no package group {group!r} in {path.name}; there are {', '.join(sections)}")
        yield from sections[group]


def missing(wanted: Sequence[Package]) -> list[Package]:
    """Ask dpkg which packages are absent or too old; needs no network and no root."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status} ${Version}\n"]
    answer = subprocess.run([*query, *(row.name for row in wanted)], capture_output=True, text=True, check=False)
    installed = {}
    for line in answer.stdout.splitlines():
        name, status, version = (line.split(" ") + [""])[:3]
        if status == "installed":
            digits = re.match(r"(?:\d+:)?(\d+)", version)
            installed[name] = int(digits[1]) if digits else 0
    return [row for row in wanted if installed.get(row.name, -1) < row.major]


def suites() -> str:
    """Return the text of every apt source."""
    files = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text() for path in files if path.suffix in (".list", ".sources") and path.is_file())
    return re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)


def codename() -> str:
    """Return the name of the running release, such as bookworm."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")


def apt_script(absent: Sequence[Package]) -> str:
    """Write the one shell line, to be run by root, that installs the packages."""
    steps: list[str] = []
    names = []
    for row in absent:
        # On a newer Debian the default suite is new enough.
        offered = bool(row.suite) and row.suite.startswith(codename())
        names.append(f"{row.name}/{row.suite}" if offered else row.name)
        if offered and not steps and row.suite not in suites():
            source = f"deb http://deb.debian.org/debian {row.suite} main"
            steps.append(f"echo {shlex.quote(source)} > {BACKPORTS_LIST}")
    steps.append("apt-get -qq update")
    install = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends"
    steps.append(f"{install} {' '.join(names)}")
    return " && ".join(steps)


def install_packages(groups: Sequence[str]) -> None:
    """Install what is missing when we may, else stop with the line that does it."""
    wanted = list(packages(groups))
    if not (shutil.which("dpkg-query") and shutil.which("apt-get")):
        say(f"no apt here: expecting the equivalents of {' '.join(row.name for row in wanted)}")
        return
    absent = missing(wanted)
    if not absent:
        return
    script = apt_script(absent)
    sudo = []
    if os.geteuid() != 0:
        sudo = ["sudo"] if shutil.which("sudo") else []
        if not sudo or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
            who = "run" if sudo else "as root, run"
            line = shlex.join([*sudo, "sh", "-c", script])
            fail(f"{len(absent)} Debian packages are missing; {who}\n  {line}\nand start again")
    say(f"installing {' '.join(row.name for row in absent)}")
    # What apt and dpkg have to complain about comes on stderr.
    run([*sudo, "sh", "-c", f"({script}) >/dev/null"], "install Debian packages")
    if absent := missing(wanted):
        fail(f"apt left {', '.join(f'{row.name} >= {row.major}' for row in absent)} uninstalled; see its output above")


def venv_works() -> bool:
    """Tell whether .venv holds a usable Python of our own version."""
    check = f"import sys, pip; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return VENV_PYTHON.exists() and not subprocess.run([VENV_PYTHON, "-c", check], check=False).returncode


def pip_install(*arguments: str, **environment: str) -> None:
    """Run pip install in the virtual environment."""
    pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    purpose = "install Python packages (is the network or a package index within reach?)"
    run([*pip, *arguments], purpose, **environment)


def project_state() -> str:
    """Name the state that the environment was made for; it holds this folder's path and our Python's version."""
    text = (TOP / "pyproject.toml").read_bytes()
    return hashlib.sha256(text + f"{TOP} {sys.version}".encode()).hexdigest()


def stamped(stamp: Path) -> bool:
    """Tell whether the step that leaves this stamp was done for the present state."""
    return stamp.is_file() and stamp.read_text() == project_state()


def install_environment() -> None:
    """Create .venv and put in what pyproject.toml asks for, once for each state of that file."""
    import tomllib  # here, so that an older Python gets as far as being refused

    stamp = VENV / "packages.stamp"
    if stamped(stamp) and VENV_PYTHON.exists():
        return
    if not venv_works():
        say(f"creating {VENV.name}")
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", VENV], "create the virtual environment (Debian: python3-venv)")
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())
    extras = settings["project"]["optional-dependencies"]
    wanted = [settings["build-system"]["requires"], settings["project"]["dependencies"], extras["test"], extras["dev"]]
    say("installing Python packages")
    pip_install(*dict.fromkeys(requirement for group in wanted for requirement in group))
    stamp.write_text(project_state())


def build() -> None:
    """Build the extensions in place; setuptools and Cython know what is out of date."""
    run([VENV_PYTHON, "setup.py", "--quiet", "build_ext", "--inplace"], "build camkit's extensions")


def install_camkit() -> None:
    """Install the `camkit` command and the metadata, pointing at this checkout."""
    stamp = VENV / "camkit.stamp"
    if not stamped(stamp):
        # The extensions are in place already; setuptools would build each of them once more.
        pip_install("--no-deps", "--no-build-isolation", "--editable", ".", CAMKIT_ONLY="none")
        stamp.write_text(project_state())


def main() -> None:
    """Parse the command line and do the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="groups of Debian packages (tools/apt-packages.txt)")
    steps = parser.add_mutually_exclusive_group()
    steps.add_argument("--packages-only", action="store_true", help="stop after the Debian packages")
    steps.add_argument("--no-build", action="store_true", help="stop after the virtual environment")
    options = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python meets first
        fail(f"camkit needs Python 3.11 or newer, this is {sys.version.split()[0]}; try `make PYTHON=python3.12`")
    install_packages(options.groups)
    if not options.packages_only:
        install_environment()
        if not options.no_build:
            build()
            install_camkit()


if __name__ == "__main__":
    main()
