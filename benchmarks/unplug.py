"""`python -m benchmarks.unplug`: how soon a reader learns that its camera is gone, in the camera lab."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

ROUNDS, SIZE, FPS = 20, (640, 360), 30


def main() -> int:
    """Measure in the lab and print the table; with --inside, measure here."""
    if sys.argv[1:2] == ["--inside"]:
        print(json.dumps({name: measure(reader) for name, reader in READERS.items()}))
        return 0
    command = [
        sys.executable,
        "-m",
        "lab",
        "--vivid",
        "n_devs=1",
        "--",
        sys.executable,
        "-m",
        __spec__.name,
        "--inside",
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return done.returncode
    print(f"| reader, {FPS} frames a second | median | longest | longest, in frame times |\n|---|---|---|---|")
    for name, times in json.loads(done.stdout.splitlines()[-1]).items():
        times.sort()
        print(f"| {name} | {times[len(times) // 2]:.1f} ms | {times[-1]:.1f} ms | {times[-1] * FPS / 1000:.2f} |")
    return 0


def loop(camera) -> None:
    """Read until it ends."""
    for frame in camera:
        frame.close()


def limited(camera) -> None:
    """Read with a limit, which takes another way into the kernel."""
    while True:
        camera.read(timeout=1).close()


def pipeline(camera) -> None:
    """Have a pipeline read."""
    import camkit

    camkit.Pipeline(camera).run()


READERS = {"for frame in camera": loop, "camera.read(timeout=1)": limited, "Pipeline": pipeline}


def measure(reader) -> list[float]:
    """Unplug so many times; milliseconds from the order to the exception."""
    import camkit

    path = next(info.path for info in camkit.list_cameras() if info.driver == "vivid")
    times = []
    for turn in range(ROUNDS):
        told = []

        def read(camera=None, told=told) -> None:
            try:
                reader(camera)
            except camkit.CameraDisconnected:
                told.append(time.monotonic())

        with camkit.open(path, format="YUYV", size=SIZE, fps=FPS) as camera:
            camera.start()
            thread = threading.Thread(target=read, args=(camera,))
            thread.start()
            time.sleep(0.2 + turn * 0.003)  # at any moment between two frames
            begun = time.monotonic()
            camera.controls.disconnect = True
            thread.join()
        times.append((told[0] - begun) * 1000)
        while not any(info.driver == "vivid" and not info.problem for info in camkit.list_cameras()):
            time.sleep(0.01)
    return times


if __name__ == "__main__":
    sys.exit(main())
