"""What runs inside: the first process of the guest, and the command's own shell script."""

import os
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lab import CHECKOUT
from lab.modules import canonical_name

__all__ = ["Job", "Layout", "command_script", "init_script", "load_lines"]

# How long the webcam may take to appear; Python alone needs 5 s to start in the slow engine.
WEBCAM_WAIT_S = 240


@dataclass(frozen=True)
class Job:
    """What the user asked to be run, whatever the engine.

    `vivid` and `webcam` are None for "no such camera", else the options given for it. `shares` are folders of the host
    that the guest may write to, by their real paths.
    """

    command: list[str]
    vivid: str | None = ""
    webcam: str | None = None
    modules: list[str] = field(default_factory=list)
    shares: list[Path] = field(default_factory=list)
    environment: list[str] = field(default_factory=list)
    pictures: Path | None = None
    terminal: os.terminal_size | None = None
    merged: bool = False

    def module_names(self) -> list[str]:
        """Return the kernel modules this job needs; vivid's nodes keep their numbers, whatever comes after it."""
        cameras = ([] if self.vivid is None else ["vivid"]) + ([] if self.webcam is None else ["uvcvideo", "vhci_hcd"])
        return [*cameras, *self.modules]


@dataclass(frozen=True)
class Layout:
    """How one engine gives the guest its root, its ports to the host and its shares.

    `output` also carries the names of signals from the host. `root` is where the host's file system, with a layer of
    memory on top, is mounted by the shell lines `mount_root`.
    """

    busybox: str
    root: str
    mount_root: list[str]
    share_types: list[str]
    output: str
    errors: str
    result: str


def init_script(job: Job, layout: Layout, engine: str, load_modules: list[str]) -> str:
    """Return the shell script that is process 1 of the guest.

    It ends by writing one line to the result port: `exit CODE` of the command, or `fail WHY`.
    """
    inside, root = "/run/camkit-lab", layout.root
    shares = [
        f"$B mkdir -p {shlex.quote(root + str(folder))}\n"
        f"$B mount -t {kind} {shlex.quote(root + str(folder))} || fail {shlex.quote(f'cannot share {folder}')}"
        for folder, kind in zip(job.shares, layout.share_types, strict=True)
    ]
    return f"""#!{layout.busybox} sh
B={layout.busybox}
R={root}
L=$R{inside}
fail() {{ echo "fail $*" > {layout.result}; $B sync; $B poweroff -f; }}
load() {{ $B insmod "$@" || fail "cannot load module $*"; }}
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
{_lines(layout.mount_root)}
$B stty raw -echo -F {layout.output}
$B stty raw -echo -F {layout.errors}
$B stty raw -echo -F {layout.result}
for d in proc sys dev; do $B mount --rbind /$d $R/$d; done
$B mkdir -p $R/dev/shm $R/dev/pts
$B mount -t tmpfs shm $R/dev/shm
$B mount -t devpts pts $R/dev/pts
$B mount -t tmpfs run $R/run
$B chroot $R $B mount -t configfs configfs /sys/kernel/config 2>/dev/null
$B ifconfig lo 127.0.0.1 up
{_lines(load_modules)}
{_lines(shares)}
$B mkdir $L
$B cat > $L/command <<'CAMKIT_LAB_END'
{command_script(job, engine, inside)}CAMKIT_LAB_END
echo "camkit lab: guest up after $($B cut -d' ' -f1 /proc/uptime) s"
{_relay(job, layout)}
# Background jobs of a shell without job control ignore SIGINT, so it is the relay that runs behind.
(
  while [ ! -s $L/pid ]; do $B sleep .1; done
  while read -r name; do $B kill -$name -$($B cat $L/pid); done
) < {layout.output} 2> /dev/null &
$B setsid $B chroot $R /bin/bash {inside}/command < /dev/null > $out 2> $err
code=$?
# What the command left running may hold the pipes open for ever; threads of the kernel do not mind.
for process in /proc/[0-9]*; do
  case " 1 $copiers " in *" ${{process#/proc/}} "*) ;; *) kill -9 ${{process#/proc/}} 2> /dev/null ;; esac
done
[ -z "$copiers" ] || wait $copiers
[ -s $L/fail ] && fail $($B cat $L/fail)
echo "exit $code" > {layout.result}
$B sync
# On a busy host the emulated serial port may still have the line in hand.
$B sleep .2
$B poweroff -f
"""


def command_script(job: Job, engine: str, inside: str) -> str:
    """Return what bash runs in the guest: the environment, the webcam, then the command in the caller's folder."""
    passed = [f"{name}={os.environ[name]}" for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ]
    if job.terminal:
        passed += [f"{name}={os.environ[name]}" for name in ("TERM", "COLORTERM") if name in os.environ]
    variables = [*passed, "PYTHONUNBUFFERED=1", f"CAMKIT_LAB={engine}", *job.environment]
    return f"""echo $$ > {inside}/pid
fail() {{ echo "$*" > {inside}/fail; exit 125; }}
export {" ".join(map(shlex.quote, variables))}
{_webcam(job, inside)}
cd {shlex.quote(os.getcwd())} || fail {shlex.quote(f"cannot enter {os.getcwd()}")}
{job.command[0] if len(job.command) == 1 else "exec " + shlex.join(job.command)}
"""


def load_lines(files: list[str], vivid: str | None) -> list[str]:
    """Return the shell lines that load modules, vivid with its options."""
    options = re.sub("[; ]+", " ", vivid or "").strip()
    return [f"load {file} {options if canonical_name(file) == 'vivid' else ''}".rstrip() for file in files]


def _webcam(job: Job, inside: str) -> str:
    if job.webcam is None:
        return ""
    pictures = f"--pictures {shlex.quote(str(job.pictures))}" if job.pictures else ""
    # Its own session: a Ctrl-C is for the command, and the camera stays plugged in meanwhile.
    return f"""PYTHONPATH={shlex.quote(str(CHECKOUT))} setsid {shlex.quote(sys.executable)} -m lab.uvc_camera \\
  --node-file {inside}/webcam {pictures} {job.webcam} < /dev/null > {inside}/webcam.log 2>&1 &
for i in $(seq {WEBCAM_WAIT_S * 20}); do
  [ -s {inside}/webcam ] && break
  kill -0 $! 2> /dev/null || fail "the webcam ended: $(tail -n 1 {inside}/webcam.log)"
  sleep .05
done
[ -s {inside}/webcam ] || fail "the webcam did not appear within {WEBCAM_WAIT_S} s: $(tail -n 1 {inside}/webcam.log)"
export CAMKIT_LAB_UVC=$(cat {inside}/webcam)"""


def _relay(job: Job, layout: Layout) -> str:
    """Return the lines that set $out and $err: the ports themselves for a terminal, else pipes, as on the host."""
    if job.terminal:
        size = f"rows {job.terminal.lines} cols {job.terminal.columns}"
        ports = {"out": layout.output, "err": layout.output if job.merged else layout.errors}
        return "\n".join([f"$B stty {size} -F {layout.output}", *(f"{name}={port}" for name, port in ports.items())])
    copy = '$B mkfifo $L/{0}\n$B cat $L/{0} > {1} &\ncopiers="$copiers $!"\n{0}=$L/{0}'
    if job.merged:
        return copy.format("out", layout.output) + "\nerr=$out"
    return copy.format("out", layout.output) + "\n" + copy.format("err", layout.errors)


def _lines(lines: list[str]) -> str:
    return "\n".join(lines) if lines else ":"
