"""Let another process look at frames without a copy: both see the same memory.

    python examples/13_two_processes.py [SOURCE]

A pool of a memfd has one descriptor for all of its slots. The other process gets it once; after that a line with a
slot's number is all that a frame costs on the way, and the answer says that the slot may be used again.
"""

import mmap
import subprocess
import sys

import numpy as np

import camkit


def watch(fd: int, pitch: int, height: int, width: int) -> None:
    """Be the other process: answer each slot's number with the mean of its picture."""
    with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as memory:
        for line in sys.stdin:
            picture = np.frombuffer(memory, np.uint8, height * width, int(line) * pitch)
            print(f"{picture.mean():.1f}", flush=True)
            del picture


def main(source: str) -> None:
    """Be the process with the camera."""
    with camkit.open(source, format="YUYV") as camera:
        width, height = camera.size
        pool = camkit.FramePool(2, format="GREY", size=(width, height), backing="memfd")
        print(pool.explain())
        numbers = [str(number) for number in (pool.fd, pool.pitch, height, width)]
        command = [sys.executable, __file__, "--watch", *numbers]
        assert pool.fd is not None
        with subprocess.Popen(
            command, pass_fds=[pool.fd], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdin is not None and other.stdout is not None
            for _ in range(5):
                with camera.read() as frame, pool.acquire(like=frame) as shared:
                    shared.array[:] = frame.array[:, :, 0]
                    print(shared.slot, file=other.stdin, flush=True)
                    print(f"frame {frame.sequence}: the other process sees a mean of {other.stdout.readline().strip()}")
            other.stdin.close()
        print(pool.stats())


if sys.argv[1:2] == ["--watch"]:
    watch(*map(int, sys.argv[2:]))
else:
    main(sys.argv[1] if len(sys.argv) > 1 else "auto")
