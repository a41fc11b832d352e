"""Read a camera in an asyncio program: other tasks go on while the next frame is waited for.

python examples/09_async.py [SOURCE]
"""

import asyncio
import sys

import camkit


async def watch(camera: camkit.Camera) -> int:
    """Look at ten frames. Leaving the loop, or cancelling it, leaves no thread and loses no frame."""
    seen = 0
    async for frame in camera:
        print(f"frame {frame.sequence}: {frame.format} {frame.width}x{frame.height}")
        seen += 1
        if seen == 10:
            break
    return seen


async def tick() -> None:
    """Do something else meanwhile."""
    while True:
        print("tick")
        await asyncio.sleep(0.1)


async def main() -> None:
    """Run both."""
    source = sys.argv[1] if len(sys.argv) > 1 else "auto"
    with camkit.open(source) as camera:
        ticking = asyncio.create_task(tick())
        seen = await watch(camera)
        ticking.cancel()
        stats = camera.stats()
    print(f"{seen} frames seen; captured {stats.captured}, taken {stats.taken}, {stats.dropped}")


asyncio.run(main())
