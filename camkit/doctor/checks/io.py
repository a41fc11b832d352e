"""Ways that frames can take into memory."""

from __future__ import annotations

from camkit.doctor import v4l2_abi as abi
from camkit.doctor.examination import Examination
from camkit.doctor.finding import NotPossible, Outcome
from camkit.doctor.v4l2_patient import V4l2Patient
from camkit.errors import CameraDisconnected, CameraError

MEMORIES = {"mmap": abi.MMAP, "userptr": abi.USERPTR, "dmabuf": abi.DMABUF}


def io(exam: Examination) -> Outcome:
    """Ask which kinds of memory the driver takes, and export a buffer."""
    camera = exam.camera
    if not isinstance(camera, V4l2Patient):
        raise NotPossible("not a V4L2 device")
    node, out = camera.node, Outcome()
    taken, capabilities = [], 0
    for name, memory in MEMORIES.items():
        try:
            _, caps = node.request_buffers(0, memory)
        except CameraDisconnected:
            raise
        except CameraError:
            continue
        capabilities |= caps
        taken.append(name)
    can = [name for name, bit in abi.BUF_CAPS.items() if capabilities & bit]
    out.evidence = {"memory": taken, "capabilities": can, "exported_bytes": None}
    if "mmap" not in taken:
        out.problem("the driver has no buffers of its own to map", "camkit needs them")
        return out
    try:
        node.request_buffers(2)
        out.evidence["exported_bytes"] = node.export(0)
    except CameraDisconnected:
        raise
    except CameraError as error:
        out.note(f"buffers cannot be exported: {error.strerror}", "the GPU cannot read frames where they lie")
    finally:
        node.request_buffers(0)
    out.summary = "; ".join(filter(None, [f"frames can lie in {', '.join(taken)} memory", out.summary]))
    return out
