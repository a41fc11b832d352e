"""The engine `qemu`: Debian's stock kernel on an emulated machine, slower but with more than one CPU."""

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

from lab import guest, packages
from lab.initramfs import Entry, write_initramfs
from lab.kernel import Kernel
from lab.kernel_stock import IMAGE, stock_kernel
from lab.machine import Channels, Machine
from lab.modules import load_order
from lab.process import end_with_parent, find_tool

__all__ = ["IMAGE", "NAME", "command_line", "find_kernel", "in_child"]

NAME = "qemu"
find_kernel = stock_kernel
in_child = end_with_parent

# Needed to reach the host's file system; the other modules load after that.
EARLY_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
NINE_P = "9p -o trans=virtio,version=9p2000.L,msize=512000"
UNPACK: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress}


def command_line(job: guest.Job, kernel: Kernel, machine: Machine, channels: Channels, folder: Path) -> list[str]:
    """Write the initramfs into `folder` and return the command that starts the emulator."""
    packages.require("guest", NAME)
    early = load_order(kernel.modules, EARLY_MODULES)
    late = [file for file in load_order(kernel.modules, job.module_names()) if file not in early]
    layout = guest.Layout(
        busybox="/bin/busybox",
        root="/root",
        mount_root=[
            "$B mount -t devtmpfs dev /dev",
            *guest.load_lines([_inside(file) for file in early], None),
            f"$B mount -t {NINE_P},cache=loose root /host || fail 'cannot mount the file system of the host'",
            "$B mount -t tmpfs -o size=50% layer /layer",
            "$B mkdir /layer/upper /layer/work",
            "$B mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /root",
        ],
        share_types=[f"{NINE_P} share{index}" for index in range(len(job.shares))],
        output="/dev/ttyS1",
        errors="/dev/ttyS3",
        result="/dev/ttyS2",
    )
    load = guest.load_lines([_inside(file) for file in late], job.vivid)
    entries = {name: Entry(0o40755) for name in ("proc", "sys", "dev", "host", "layer", "root", "bin", "lib")}
    entries["bin/busybox"] = Entry(0o100755, Path(find_tool("busybox")).read_bytes())
    for file in [*early, *late]:
        entries[_inside(file)[1:]] = Entry(0o100644, UNPACK.get(file.suffix, bytes)(file.read_bytes()))
    entries["init"] = Entry(0o100755, guest.init_script(job, layout, NAME, load).encode())
    write_initramfs(folder / "initramfs", entries)
    append = "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off clocksource=tsc tsc=reliable"
    # As QEMU 7.2 emulates AVX2's gather instructions, they end Mesa's software renderer with SIGSEGV.
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max,avx2=off"]
    command += ["-m", machine.memory, "-smp", str(machine.cpus), "-display", "none", "-no-reboot", "-nodefaults"]
    command += ["-kernel", str(kernel.image), "-initrd", str(folder / "initramfs")]
    command += ["-append", " ".join([append, *machine.append])]
    command += ["-chardev", "file,id=console,path=/proc/self/fd/2,append=on", "-serial", "chardev:console"]
    command += ["-chardev", "stdio,id=output,signal=off", "-serial", "chardev:output"]
    for name, descriptor in (("result", channels.result), ("errors", channels.errors)):
        command += ["-chardev", f"file,id={name},path=/proc/self/fd/{descriptor}", "-serial", f"chardev:{name}"]
    command += _shared_folder("/", "root", ",readonly=on")
    for index, share in enumerate(job.shares):
        command += _shared_folder(str(share), f"share{index}")
    return command


def _shared_folder(path: str, tag: str, more: str = "") -> list[str]:
    # A comma in a value of QEMU's options is written twice.
    path = path.replace(",", ",,")
    return ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap{more}"]


def _inside(module: Path) -> str:
    """Return where the initramfs has a module: unpacked, in one folder."""
    return "/lib/" + module.name.removesuffix(".xz").removesuffix(".gz")
