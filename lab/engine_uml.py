"""The engine `uml`: the kernel as a process of the host, user code at native speed."""

import os
import random
import shlex
from pathlib import Path

from lab import guest, packages
from lab.kernel import Kernel
from lab.kernel_uml import IMAGE, uml_kernel
from lab.machine import Channels, Machine
from lab.modules import load_order
from lab.process import end_with_parent, find_tool

__all__ = ["IMAGE", "NAME", "command_line", "find_kernel", "in_child"]

NAME = "uml"
find_kernel = uml_kernel


def command_line(job: guest.Job, kernel: Kernel, machine: Machine, channels: Channels, folder: Path) -> list[str]:
    """Write the guest's first program into `folder` and return the command that starts the kernel."""
    packages.require("guest")
    layout = guest.Layout(
        busybox=find_tool("busybox"),
        root="/mnt/root",
        mount_root=[
            "$B mount -t tmpfs -o size=50% layer /mnt",
            "$B mkdir /mnt/upper /mnt/work /mnt/root",
            "$B mount -t devtmpfs dev /dev",
            "$B mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root",
        ],
        share_types=[f"hostfs -o {shlex.quote(str(share))} none" for share in job.shares],
        output="/dev/tty1",
        errors="/dev/tty2",
        result="/dev/tty3",
    )
    files = [shlex.quote(str(file)) for file in load_order(kernel.modules, job.module_names())]
    init = folder / "init"
    init.write_text(guest.init_script(job, layout, NAME, guest.load_lines(files, job.vivid)))
    init.chmod(0o755)
    return [
        str(kernel.image),
        f"mem={machine.memory}",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        f"init={init}",
        f"uml_dir={folder}/",
        "con=null",
        "con0=null,fd:2",
        "con1=fd:0,fd:1",
        f"con2=null,fd:{channels.errors}",
        f"con3=null,fd:{channels.result}",
        "quiet",
        "panic=-1",
        *machine.append,
    ]


def in_child() -> None:
    """Keep the kernel on one CPU of the host: a system call of the guest is then 4 times faster."""
    end_with_parent()
    os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
