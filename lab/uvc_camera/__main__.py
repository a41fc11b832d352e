"""The command `python -m lab.uvc_camera`: plug a webcam in, or send orders to it."""

import argparse
import sys
import threading
import time
from pathlib import Path

from lab.uvc_camera.camera import Camera
from lab.uvc_camera.control_socket import ORDERS, send, serve
from lab.uvc_camera.descriptors import Model
from lab.uvc_camera.faults import FAULTS
from lab.uvc_camera.pictures import FORMATS, fourccs

SOCKET = Path("/run/camkit-lab-webcam.sock")


def main(arguments: list[str] | None = None) -> int:
    """Run the webcam until the order `quit`, or send one order; return the exit status."""
    options = _parse(arguments)
    try:
        if options.send:
            answer = send(options.control, options.send)
            print(answer)
            return 1 if answer.startswith("error") else 0
        model = Model(
            name=options.name,
            serial=options.serial,
            vendor=options.vid,
            product=options.pid,
            bulk=options.bulk,
            rates=options.fps,
            fourccs=options.formats,
        )
        camera = Camera(model, options.pictures, options.flatout)
        camera.clock.run_fast(options.clock_ppm)
        camera.clock.jitter_us = options.clock_jitter
        camera.plug()
        if options.node_file:
            threading.Thread(target=_write_node, args=(camera, options.node_file), daemon=True).start()
        serve(options.control, camera)
    except OSError as error:
        where = f"the webcam at '{options.control}'" if options.send else "the webcam"
        print(f"camkit lab: cannot reach {where}: {error}; is it plugged in with --uvc?", file=sys.stderr)
        return 1
    return 0


def _write_node(camera: Camera, file: Path) -> None:
    """Tell whoever waits for the file which device the kernel made for the webcam."""
    while (node := camera.node()) is None or not Path(node).exists():
        time.sleep(0.01)
    part = file.with_name(file.name + ".part")
    part.write_text(node + "\n")
    part.rename(file)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    faults = "\n".join(f"  {name:10}{text}" for name, text in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m lab.uvc_camera",
        description="Plug a USB webcam made of software into this kernel, and keep it there.",
        epilog=f"orders for --send: {ORDERS}\n\nfaults (N times, default 1, -1 for ever, 0 to stop):\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--bulk", action="store_true", help="a bulk endpoint instead of an isochronous one")
    add("--fps", type=_rates, default=(30, 15), help="frame rates on offer (default 30,15)")
    add("--formats", type=_fourccs, default=tuple(FORMATS), help="formats on offer (default YUYV,MJPG)")
    add("--flatout", action="store_true", help="send as fast as the host takes, whatever the rate")
    add("--clock-ppm", type=float, default=0.0, help="millionths by which the webcam's clock is fast (default 0)")
    add("--clock-jitter", type=int, default=0, metavar="US", help="send up to so much later than headers say")
    add("--name", default=Model.name, help=f"name of the product (default '{Model.name}')")
    add("--serial", default=Model.serial, help=f"serial number (default {Model.serial})")
    add("--vid", type=_hexadecimal, default=Model.vendor, help="vendor, hexadecimal")
    add("--pid", type=_hexadecimal, default=Model.product, help="product, hexadecimal")
    add("--pictures", type=Path, help="folder with the JPEG pictures (default: made when needed)")
    add("--node-file", type=Path, help="file to write the video device's name to when it is there")
    add("--control", type=Path, default=SOCKET, help=f"socket for orders (default {SOCKET})")
    add("--send", metavar="ORDER", help="send an order to a running webcam and print the answer")
    return parser.parse_args(arguments)


def _rates(text: str) -> tuple[int, ...]:
    rates = tuple(int(part) if part.isdecimal() else 0 for part in text.split(","))
    if not all(0 < rate <= 1000 for rate in rates):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of frame rates such as 30,15")
    return rates


def _fourccs(text: str) -> tuple[str, ...]:
    try:
        return fourccs(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _hexadecimal(text: str) -> int:
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise argparse.ArgumentTypeError(f"'{text}' is no hexadecimal number of 4 digits")
    return number


if __name__ == "__main__":
    sys.exit(main())
