"""Run the guest: pass its output on, signals in, and find out how its command ended."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from lab import LabError, say
from lab.process import end_group

__all__ = ["TIMED_OUT", "Channels", "Machine", "run_machine"]

TIMED_OUT = 124
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A command that was told to stop gets this long before the guest is ended.
GRACE_S = 20.0
CHUNK = 1 << 16
CONSOLE_TAIL = 4000


@dataclass(frozen=True)
class Machine:
    """The size of the guest and how long it may run."""

    memory: str = "4G"
    cpus: int = 2
    append: list[str] = field(default_factory=list)
    timeout: float = 600.0
    verbose: bool = False


class Channels:
    """The pipes between host and guest.

    The engine gets `signals` as standard input and `output` as standard output; the numbers `errors` and `result` are
    valid in the engine's process. All ends are owned by this object and closed by `close()`.
    """

    def __init__(self) -> None:
        self.signals, self.signals_in = os.pipe()
        self.output_out, self.output = os.pipe()
        self.errors_out, self.errors = os.pipe()
        self.result_out, self.result = os.pipe()
        self._open = {*self._engine_ends(), self.signals_in, self.output_out, self.errors_out, self.result_out}

    def _engine_ends(self) -> tuple[int, int, int, int]:
        return self.signals, self.output, self.errors, self.result

    def start(
        self, command: list[str], console: IO[bytes] | None, in_child: Callable[[], None]
    ) -> "subprocess.Popen[bytes]":
        """Start the engine with its ends of the pipes, and close those here."""
        try:
            child = subprocess.Popen(
                command,
                stdin=self.signals,
                stdout=self.output,
                stderr=console,
                pass_fds=(self.errors, self.result),
                start_new_session=True,
                preexec_fn=in_child,
            )
        except OSError as error:
            raise LabError(f"cannot start {command[0]}: {error.strerror}") from error
        self._close(*self._engine_ends())
        return child

    def close(self) -> None:
        """Close what is still open."""
        self._close(*self._open)

    def _close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            self._open.discard(descriptor)
            os.close(descriptor)


def run_machine(
    channels: Channels, command: list[str], machine: Machine, console: IO[bytes], in_child: Callable[[], None]
) -> int:
    """Run the engine to its end and return the exit status of the guest's command.

    `console` collects what the kernel prints, unless the machine is verbose. SIGINT, SIGTERM and SIGHUP go to the
    guest's command; after a second one, or after GRACE_S, the guest is ended and the status is 128 + the signal.
    Raises LabError if the guest ended without telling a status.
    """
    with ExitStack() as stack:
        stack.callback(channels.close)
        signals = stack.enter_context(_SignalPipe())
        child = channels.start(command, None if machine.verbose else console, in_child)
        stack.callback(end_group, child)
        run = _Run(channels, child, signals, machine.timeout)
        status = run.until_end()
    if status is not None:
        return status
    word, _, text = run.result.decode(errors="replace").strip().partition(" ")
    if word == "exit" and text.isdigit():
        return int(text)
    console.seek(0)
    tail = console.read().decode(errors="replace")[-CONSOLE_TAIL:].strip()
    reason = text if word == "fail" else f"the guest ended without a result, {command[0]} with {child.returncode}"
    raise LabError(f"{tail}\n{reason}" if tail else reason)


class _Run:
    """One run of a guest: a loop over its pipes, its end, the caller's signals and the clock."""

    def __init__(
        self, channels: Channels, child: "subprocess.Popen[bytes]", signals: "_SignalPipe", timeout: float
    ) -> None:
        self.channels = channels
        self.signals = signals
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self.told: int | None = None
        self.result = b""
        self.ended = os.pidfd_open(child.pid)
        self.sinks: dict[int, Callable[[bytes], None]] = {
            channels.output_out: lambda data: _write_all(1, data),
            channels.errors_out: lambda data: _write_all(2, data),
            channels.result_out: self._add_result,
        }

    def until_end(self) -> int | None:
        """Return the status if it was decided here, or None when the guest ended by itself."""
        try:
            with selectors.DefaultSelector() as selector:
                for descriptor in (*self.sinks, self.signals.reader, self.ended):
                    selector.register(descriptor, selectors.EVENT_READ)
                return self._loop(selector)
        except BrokenPipeError:
            # Nobody reads the output any more: what a shell would tell of a command in that case.
            return 128 + signal.SIGPIPE
        finally:
            os.close(self.ended)

    def _loop(self, selector: selectors.BaseSelector) -> int | None:
        while True:
            ready = {key.fd for key, _ in selector.select(max(0.0, self.deadline - time.monotonic()))}
            if not ready and time.monotonic() >= self.deadline:
                return self._too_late()
            for descriptor in ready & self.sinks.keys():
                if not self._pass_on(descriptor):
                    selector.unregister(descriptor)
            if self.signals.reader in ready and self._forward(self.signals.take()):
                return self._too_late()
            if self.ended in ready:
                self._drain()
                return None

    def _pass_on(self, descriptor: int) -> bool:
        data = os.read(descriptor, CHUNK)
        self.sinks[descriptor](data)
        return bool(data)

    def _drain(self) -> None:
        for descriptor in self.sinks:
            os.set_blocking(descriptor, False)
            try:
                while self._pass_on(descriptor):
                    pass
            except BlockingIOError:
                pass

    def _add_result(self, data: bytes) -> None:
        self.result += data

    def _forward(self, number: int) -> bool:
        """Hand a signal to the guest's command; return True if that was tried before."""
        if self.told is not None:
            return True
        self.told = number
        name = signal.Signals(number).name.removeprefix("SIG")
        say(f"passing {name} to the command")
        os.write(self.channels.signals_in, f"{name}\n".encode())
        self.deadline = min(self.deadline, time.monotonic() + GRACE_S)
        return False

    def _too_late(self) -> int:
        if self.told is not None:
            say(f"ended the guest: the command did not stop on {signal.Signals(self.told).name}")
            return 128 + self.told
        say(f"ended the guest: the command ran longer than {self.timeout:g} s; --timeout sets the limit")
        return TIMED_OUT


class _SignalPipe:
    """Turns signals into bytes on a pipe, which the loop waits for beside its other pipes."""

    def __enter__(self) -> "_SignalPipe":
        self.reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # What nohup or a shell's `&` has made to be ignored stays ignored.
        heard = [number for number in FORWARDED if signal.getsignal(number) != signal.SIG_IGN]
        self._old = {number: signal.signal(number, _ignore) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self.reader)
        os.close(self._writer)

    def take(self) -> int:
        return os.read(self.reader, 1)[0]


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up byte says it all, and the handler keeps the default action away."""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
