"""What the camera calls itself, and whether it can be told from others."""

from __future__ import annotations

from camkit.camera_capture.registry import list_cameras
from camkit.doctor import v4l2_abi as abi
from camkit.doctor.examination import Examination
from camkit.doctor.finding import Outcome


def identity(exam: Examination) -> Outcome:
    """Compare what the driver says with what the list of cameras says."""
    info = exam.info
    out = Outcome(evidence={"name": info.name, "driver": info.driver, "bus": info.bus, "id": info.id})
    if exam.patient is not None and exam.patient.capability is not None:
        _strings(exam.patient.capability, out)
    listed, again = list_cameras(), list_cameras()
    same = [other for other in listed if other.id == info.id]
    out.evidence["listed"] = len(listed)
    if listed != again:
        out.note("two listings in a row differ", "a camera comes and goes: look at its cable")
    if info not in listed:
        out.note("it is not in the list of cameras under this name", "'camkit list' shows what is")
    if len(same) > 1:
        paths = ", ".join(str(other) for other in same)
        out.problem(
            f"{len(same)} cameras have the same id: {paths}", "an id does not tell them apart: name the device file"
        )
    out.summary = out.summary or f"{info.name} ({info.driver}) is listed once, by a lasting id"
    return out


def _strings(capability: abi.Capability, out: Outcome) -> None:
    version = capability.version
    out.evidence |= {
        "driver_version": f"{version >> 16}.{version >> 8 & 255}.{version & 255}",
        "capabilities": f"0x{capability.capabilities:08x}",
        "device_caps": f"0x{capability.device_caps:08x}",
    }
    for name in ("driver", "card", "bus_info"):
        raw = bytes(getattr(capability, name))
        text, end, _ = raw.partition(b"\0")
        if not end:
            out.note(f"{name} has no end", "the driver's text may be cut off")
        if not text or not text.decode("utf-8", "replace").isprintable():
            out.note(f"{name} is {text!r}", "the camera cannot be named well")
    if not capability.capabilities & abi.CAP_DEVICE_CAPS:
        out.note("the driver does not tell this node's own capabilities", "a node may be taken for what it is not")
