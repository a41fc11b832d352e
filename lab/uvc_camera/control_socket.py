"""Orders to a running webcam: one line of text a connection, one line of answer."""

import json
import os
import socket
from pathlib import Path

from lab.uvc_camera.camera import Camera
from lab.uvc_camera.pictures import fourccs

__all__ = ["ORDERS", "obey", "send", "serve"]

ORDERS = "plug, unplug, freeze, resume, stat, fault NAME [N], clock NAME [VALUE], serial TEXT, formats LIST, quit"
LINE = 4096
PATIENCE_S = 30.0


def send(path: Path, order: str) -> str:
    """Send an order to the webcam that listens at `path` and return its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(os.fspath(path))
        connection.sendall(order.encode() + b"\n")
        return connection.makefile(encoding="utf-8").readline().strip()


def serve(path: Path, camera: Camera) -> None:
    """Take orders at `path` until one of them is `quit`."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen()
        answer = ""
        while answer != "bye":
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                try:
                    answer = obey(camera, connection.makefile(encoding="utf-8").readline(LINE))
                    connection.sendall(answer.encode() + b"\n")
                except (OSError, UnicodeDecodeError):
                    # A client that went away is its own trouble, not the camera's.
                    continue


def obey(camera: Camera, order: str) -> str:
    """Carry out one order and return the answer: `ok`, a JSON object, `bye`, or `error: WHY`."""
    try:
        match order.split():
            case ["plug"]:
                camera.plug()
            case ["unplug"]:
                camera.unplug()
            case ["freeze" | "resume" as word]:
                if camera.stream is None:
                    return f"error: cannot {word}: the webcam is not plugged in"
                camera.stream.freeze(word == "freeze")
            case ["fault", name]:
                camera.faults.arm(name)
            case ["fault", name, count]:
                camera.faults.arm(name, int(count))
            case ["clock", name]:
                camera.clock.order(name, 1.0)
            case ["clock", name, value]:
                camera.clock.order(name, float(value))
            case ["serial", text]:
                camera.remake(serial=text)
            case ["formats", text]:
                camera.remake(fourccs=fourccs(text))
            case ["stat"]:
                return json.dumps(camera.describe())
            case ["quit"]:
                camera.unplug()
                return "bye"
            case _:
                return f"error: there is no order '{order.strip()}', only {ORDERS}"
    except (OSError, ValueError) as error:
        return f"error: {error}"
    return "ok"
