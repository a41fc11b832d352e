"""The apt packages the lab needs, and how it takes kernels from apt."""

import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lab import LabError
from lab.process import TOOLS_ENVIRONMENT, run_step

__all__ = ["BACKPORTS_SOURCE", "download", "dependency", "names", "newest_version", "require"]


class Package(NamedTuple):
    """An apt package, the tool or the file that shows it is installed, and who needs it."""

    name: str
    probe: str
    needed_by: str


TABLE = (
    Package("busybox-static", "busybox", "guest"),
    Package("qemu-system-x86", "qemu-system-x86_64", "qemu"),
    Package("kmod", "depmod", "qemu kernel"),
    Package("apt", "apt-get", "qemu kernel"),
    Package("dpkg", "dpkg-deb", "qemu kernel"),
    Package("apt", "apt-get", "uml kernel"),
    Package("dpkg", "dpkg-deb", "uml kernel"),
    Package("kmod", "depmod", "uml kernel"),
    Package("gcc", "gcc", "uml kernel"),
    Package("libc6-dev", "/usr/include/stdio.h", "uml kernel"),
    Package("make", "make", "uml kernel"),
    Package("flex", "flex", "uml kernel"),
    Package("bison", "bison", "uml kernel"),
    Package("bc", "bc", "uml kernel"),
    Package("xz-utils", "xz", "uml kernel"),
    Package("tar", "tar", "uml kernel"),
)

BACKPORTS_SOURCE = "/etc/apt/sources.list.d/camkit-backports.list"


def names(engines: Iterable[str] = ("uml", "qemu")) -> list[str]:
    """Return the apt packages that `engines` need, the building of their kernels included."""
    wanted = {"guest", *engines, *(f"{engine} kernel" for engine in engines)}
    return sorted({package.name for package in TABLE if package.needed_by in wanted} - {"apt", "dpkg", "tar"})


def require(*needed_by: str) -> None:
    """Raise LabError naming every missing tool and the one line that installs them."""
    missing = [package for package in TABLE if package.needed_by in needed_by and not _present(package.probe)]
    if missing:
        probes = ", ".join(sorted({package.probe for package in missing}))
        packages = " ".join(sorted({package.name for package in missing}))
        raise LabError(f"missing {probes}; run: apt-get install -y --no-install-recommends {packages}")


def newest_version(package: str, series: str = "") -> str:
    """Return the newest version of `package` in apt that begins with `series`; a series 6.1 is not 6.12."""
    table = run_step(["apt-cache", "madison", package], what=f"list the versions of {package}")
    for version in re.findall(r"\| *(\S+) \|.*Packages", table):
        if re.match(re.escape(series) + (r"(?!\d)" if series else ""), version):
            return str(version)
    wanted = f"{package} {series}" if series else package
    raise LabError(f"apt offers no {wanted}; {_source_help()}")


def dependency(package: str, version: str) -> tuple[str, str]:
    """Return name and version of what a meta package points at."""
    table = run_step(["apt-cache", "show", f"{package}={version}"], what=f"read the entry of {package}")
    match = re.search(r"^Depends: (\S+)(?: \(= (\S+?)\))?", table, re.MULTILINE)
    if not match:
        raise LabError(f"cannot find which kernel {package} {version} stands for: it depends on nothing")
    return match[1], match[2] or version


def download(package: str, version: str, into: Path) -> None:
    """Fetch one .deb and unpack it into the folder `into`."""
    what = f"download {package} {version}"
    archive = into.with_name(into.name + ".deb.d")
    archive.mkdir(parents=True)
    run_step(["apt-get", "download", f"{package}={version}"], what=what, folder=archive, progress=what)
    packages = list(archive.glob("*.deb"))
    if len(packages) != 1:
        raise LabError(f"cannot {what}: apt-get left {len(packages)} files; run: apt-get update")
    run_step(["dpkg-deb", "-x", str(packages[0]), str(into)], what=f"unpack {packages[0].name}")
    shutil.rmtree(archive)


def _present(probe: str) -> bool:
    if probe.startswith("/"):
        return Path(probe).exists()
    return shutil.which(probe, path=TOOLS_ENVIRONMENT["PATH"]) is not None


def _source_help() -> str:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    if release.get("ID") != "debian":
        return "the lab takes its kernels from Debian's packages, 6.12 is in Debian 12 (backports) and 13"
    suite = f"{release.get('VERSION_CODENAME', 'bookworm')}-backports"
    line = f"deb http://deb.debian.org/debian {suite} main"
    return f"run these two lines as root:\n  echo '{line}' > {BACKPORTS_SOURCE}\n  apt-get update"
