"""Build the User-Mode Linux kernel from Debian's kernel source."""

import os
import re
import shutil
from pathlib import Path

from lab import LabError, packages, say
from lab.kernel import Kernel, cached, recipe_key
from lab.process import run_step

__all__ = ["IMAGE", "uml_kernel"]

IMAGE = "linux"
CONFIG = Path(__file__).with_name("uml.config")
# vivid paces its frames by the timer tick: at User-Mode Linux's 100 Hz, 60 fps comes out as 39.7 with gaps.
PATCHES = (("arch/um/Kconfig", r"(?s)(config HZ\n.*?default )100\n", r"\g<1>1000\n"),)
# Out of the kernel's tree; Debian keeps it as source for dkms.
EXTRA_MODULES = ("v4l2loopback",)
OBJECTS = 830  # about as many as there are to compile: the scale of the progress lines


def uml_kernel(series: str) -> Kernel:
    """Return the kernel of a version `series` such as 6.12 from the cache, built on first use in 3 to 8 minutes."""
    key = recipe_key(*_options(), repr(PATCHES), repr(EXTRA_MODULES))
    return cached(f"uml-{series}-{key}", IMAGE, lambda result: _build(series, result))


def _build(series: str, result: Path) -> None:
    packages.require("uml kernel")
    work = result.parent
    source, objects, log = work / "source", work / "objects", work / "log"
    _unpack_source(series, work, source)
    for file, pattern, replacement in PATCHES:
        text, count = re.subn(pattern, replacement, (source / file).read_text())
        if count != 1:
            raise LabError(f"cannot patch {file} of kernel {series}: '{pattern}' is there {count} times")
        (source / file).write_text(text)
    objects.mkdir()
    make = ["make", "-s", "ARCH=um", f"O={objects}", f"-j{len(os.sched_getaffinity(0))}"]
    fragment = work / "fragment"
    fragment.write_text("\n".join(_options()) + "\n")
    run_step(
        [*make, "allnoconfig"],
        what="configure the uml kernel",
        folder=source,
        environment={"KCONFIG_ALLCONFIG": str(fragment)},
        log=log,
    )
    _check_options((objects / ".config").read_text())

    def progress() -> str:
        done = sum(1 for _ in objects.rglob("*.o"))
        return f"building the uml kernel {series}: {min(99, 100 * done // OBJECTS)} % ({done} objects)"

    run_step([*make, "linux", "modules"], what="build the uml kernel", folder=source, log=log, progress=progress)
    install = [*make, f"INSTALL_MOD_PATH={result}", "modules_install"]
    run_step(install, what="install the uml kernel's modules", folder=source, log=log)
    for module in EXTRA_MODULES:
        try:
            _build_extra(module, work, source, make, install, log)
        except LabError as error:
            # An older suite's version may not fit this kernel; nothing else needs the module.
            say(f"this uml kernel comes without {module}: {error}")
    for link in ("build", "source"):
        for stale in result.glob(f"lib/modules/*/{link}"):
            stale.unlink()
    shutil.copy2(objects / "linux", result / IMAGE)


def _unpack_source(series: str, work: Path, source: Path) -> None:
    match = re.match(r"\d+\.\d+", series)
    if not match:
        raise LabError(f"cannot build kernel '{series}': a version such as 6.12 is wanted, or a folder with a kernel")
    package = f"linux-source-{match[0]}"
    archive = work / "archive"
    packages.download(package, packages.newest_version(package, series), archive)
    tar = ["tar", "xf", str(archive / f"usr/src/{package}.tar.xz"), "-C", str(work)]
    run_step(tar, what=f"unpack {package}", progress=f"unpacking {package}")
    shutil.rmtree(archive)
    (work / package).rename(source)


def _build_extra(module: str, work: Path, source: Path, make: list[str], install: list[str], log: Path) -> None:
    package, archive = f"{module}-dkms", work / module
    packages.download(package, packages.newest_version(package), archive)
    [folder] = archive.glob(f"usr/src/{module}-*")
    tree = f"M={folder}"
    run_step([*make, tree, "modules"], what=f"build {module}", folder=source, log=log, progress=f"building {module}")
    run_step([*install, tree], what=f"install {module}", folder=source, log=log)


def _options() -> list[str]:
    lines = (line.strip() for line in CONFIG.read_text().splitlines())
    return sorted(line for line in lines if line and not line.startswith("#"))


def _check_options(configured: str) -> None:
    lost = sorted(set(_options()) - set(configured.splitlines()))
    if lost:
        raise LabError(f"cannot configure the uml kernel: it refuses {', '.join(lost)}; see {CONFIG}")
