"""`python -m benchmarks.many_cameras`: what each further camera of one process costs, in the camera lab."""

import json
import resource
import subprocess
import sys
from pathlib import Path

CAMERAS = 8
COUNTS = (1, 2, 4, 8)
SIZE, FPS, SECONDS = (640, 360), 30, 15
VIVID = ";".join(
    [f"n_devs={CAMERAS}"]
    + [f"{name}={','.join([value] * CAMERAS)}" for name, value in
       (("node_types", "1"), ("num_inputs", "1"), ("input_types", "0"))]
)  # fmt: skip


def main() -> int:
    """Measure in the lab and print the table; with --inside, measure here."""
    if sys.argv[1:2] == ["--inside"]:
        print(json.dumps([measure(count) for count in COUNTS]))
        return 0
    command = [sys.executable, "-m", "lab", "--vivid", VIVID, "--", sys.executable, "-m", __spec__.name, "--inside"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return done.returncode
    rows = json.loads(done.stdout.splitlines()[-1])
    print("| cameras | frames | lost in the driver | lost by camkit | CPU a frame | of one camera's |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        ratio = row["cpu_us"] / rows[0]["cpu_us"]
        print(f"| {row['cameras']} | {row['frames']} | {row['driver']} | {row['ours']} | {row['cpu_us']:.0f} us | "
              f"{ratio:.2f} |")  # fmt: skip
    return 0


def spent_here() -> float:
    """Seconds of CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(count: int) -> dict[str, float]:
    """Run so many cameras, each in a pipeline of its own; the process's CPU time by the guest's own account."""
    import camkit

    paths = [info.path for info in camkit.list_cameras() if info.driver == "vivid"][:count]
    cameras = [camkit.open(path, format="YUYV", size=SIZE, fps=FPS, buffers=8) for path in paths]
    pipelines = [camkit.Pipeline(camera) for camera in cameras]
    for pipeline in pipelines:
        pipeline.start(seconds=SECONDS)
    begun = spent_here()
    for pipeline in pipelines:
        pipeline.wait()
    spent = spent_here() - begun
    counts = [pipeline.stats().frames for pipeline in pipelines]
    for camera in cameras:
        camera.close()
    frames = sum(c.captured for c in counts)
    driver = sum(c.dropped.driver for c in counts)
    ours = sum(c.dropped.total for c in counts) - driver
    return {"cameras": count, "frames": frames, "driver": driver, "ours": ours, "cpu_us": spent * 1e6 / frames}


if __name__ == "__main__":
    sys.exit(main())
