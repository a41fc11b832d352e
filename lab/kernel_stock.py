"""Fetch Debian's stock kernel, for QEMU."""

from pathlib import Path

from lab import LabError, packages
from lab.kernel import Kernel, cached, recipe_key
from lab.process import run_step

__all__ = ["IMAGE", "stock_kernel"]

IMAGE = "boot/vmlinuz-*"
META_PACKAGE = "linux-image-amd64"


def stock_kernel(series: str) -> Kernel:
    """Return Debian's kernel of a version `series` such as 6.12 from the cache, downloaded on first use."""
    return cached(f"qemu-{series}-{recipe_key(META_PACKAGE)}", IMAGE, lambda result: _fetch(series, result))


def _fetch(series: str, result: Path) -> None:
    packages.require("qemu kernel")
    package, version = packages.dependency(META_PACKAGE, packages.newest_version(META_PACKAGE, series))
    packages.download(package, version, result)
    releases = [folder.name for folder in result.glob("lib/modules/*")]
    if len(releases) != 1:
        raise LabError(f"cannot use {package} {version}: it has the modules of {len(releases)} kernels")
    # The package makes modules.dep only when it is installed.
    run_step(["depmod", "-b", str(result), releases[0]], what=f"list the modules of {releases[0]}")
