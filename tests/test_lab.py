"""The camera lab: its parts on this machine, then its two engines for real.

Tests that start a guest fail, with the line that installs what is missing, where the lab cannot start one.
"""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

if sys.platform != "linux":
    pytest.skip("the camera lab runs on Linux", allow_module_level=True)
CHECKOUT = Path(__file__).resolve().parent.parent
# Whichever test comes first may have to wait until a kernel is built on a slow machine.
COLD_START_S = 1800
pytestmark = pytest.mark.timeout(COLD_START_S)
# The lab is part of the checkout and of no package that is installed.
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))

from lab import LabError, guest, kernel, kernel_uml, modules, packages  # noqa: E402
from lab.__main__ import main  # noqa: E402
from lab.initramfs import Entry, archive  # noqa: E402
from lab.uvc_camera import control_socket, descriptors, jpeg, pictures, requests, streaming, usbip  # noqa: E402
from lab.uvc_camera.__main__ import main as webcam_main  # noqa: E402
from lab.uvc_camera.camera import Camera  # noqa: E402
from lab.uvc_camera.descriptors import Model  # noqa: E402
from lab.uvc_camera.faults import Faults  # noqa: E402


def run_lab(*arguments: str, timeout: float = 300, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, timeout=timeout, **options)


def prepare(engine: str) -> None:
    done = run_lab("--prepare", "--engine", engine, timeout=COLD_START_S)
    assert done.returncode == 0, f"the lab cannot start a guest:\n{done.stderr.decode()}"


@pytest.fixture(scope="session")
def uml() -> None:
    prepare("uml")


@pytest.fixture(scope="session")
def qemu() -> None:
    prepare("qemu")


# The tests of the host part


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no command"),
        (["--"], "no command"),
        (["--prepare", "--", "true"], "take no command"),
        (["--packages", "--", "true"], "take no command"),
        (["true"], "unrecognized arguments: true"),
        (["--engine", "kvm", "--", "true"], "invalid choice: 'kvm'"),
        (["--mem", "lots", "--", "true"], "'lots' is no memory size"),
        (["--cpus", "0", "--", "true"], "'0' is no count"),
        (["--timeout", "-1", "--", "true"], "'-1' is no time in seconds"),
        (["--timeout", "nan", "--", "true"], "'nan' is no time in seconds"),
        (["--env", "1=2", "--", "true"], "'1=2' is not of the form NAME=VALUE"),
    ],
)
def test_wrong_arguments_end_with_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_missing_tools_are_named_with_the_line_that_installs_them(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "CAMKIT_LAB_CACHE": str(tmp_path / "cache")}
    done = run_lab("--prepare", env=environment)
    assert done.returncode == 125
    message = done.stderr.decode()
    assert re.search(r"missing .*\bbison, .*\bflex, gcc, make\b", message)
    install = re.search(r"run: apt-get install -y --no-install-recommends (.*)", message)
    assert install
    assert {"bison", "flex", "gcc", "make"} <= set(install[1].split())
    assert "Traceback" not in message


def test_missing_apt_suite_is_named_with_the_lines_that_add_it(tmp_path: Path) -> None:
    silent_apt = tmp_path / "apt-cache"
    silent_apt.write_text("#!/bin/sh\n")
    silent_apt.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CAMKIT_LAB_CACHE": str(tmp_path / "cache"),
    }
    done = run_lab("--prepare", "--engine", "qemu", env=environment)
    message = done.stderr.decode()
    assert done.returncode == 125, message
    assert "apt offers no linux-image-amd64 6.12" in message
    if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        assert re.search(r"echo 'deb http://deb\.debian\.org/debian \w+-backports main' > /etc/apt/\S+\n", message)
        assert "apt-get update" in message
    assert not list((tmp_path / "cache").glob("qemu-*[!k]")), "half a kernel was left"


def test_packages_are_those_that_the_set_up_installs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--packages"]) == 0
    printed = capsys.readouterr().out.split()
    section = re.search(r"(?ms)^\[lab\]\n(.*?)(?=^\[|\Z)", (CHECKOUT / "tools" / "apt-packages.txt").read_text())
    assert section
    installed = [line.split()[0] for line in section[1].splitlines() if line and not line.startswith("#")]
    assert sorted(printed) == sorted(installed)
    assert main(["--packages", "--engine", "uml"]) == 0
    assert "qemu-system-x86" not in capsys.readouterr().out


def test_a_series_is_not_a_prefix_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-cache"
    rows = "".join(f" thing | {version} | http://here Packages\n" for version in ("6.12.9-1", "6.1.7-2", "6.1.5-1"))
    apt.write_text(f"#!/bin/sh\ncat <<'END'\n{rows}END\n")
    apt.chmod(0o755)
    monkeypatch.setitem(packages.TOOLS_ENVIRONMENT, "PATH", f"{tmp_path}:{os.environ['PATH']}")
    # The program is looked up in the caller's PATH, its environment is the given one.
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert packages.newest_version("thing", "6.1") == "6.1.7-2"
    assert packages.newest_version("thing", "6.12") == "6.12.9-1"
    assert packages.newest_version("thing") == "6.12.9-1"
    with pytest.raises(LabError, match=r"apt offers no thing 6\.2"):
        packages.newest_version("thing", "6.2")


def write_module_tables(folder: Path) -> None:
    folder.mkdir()
    (folder / "modules.dep").write_text(
        "kernel/a/cam-era.ko.xz: kernel/b/buffers.ko.xz kernel/c/core.ko.xz\n"
        "kernel/b/buffers.ko.xz: kernel/c/core.ko.xz\n"
        "kernel/c/core.ko.xz:\n"
        "kernel/d/other.ko.xz: kernel/c/core.ko.xz\n"
    )
    (folder / "modules.builtin").write_text("kernel/e/inside-kernel.ko\n")


def test_modules_load_after_what_they_need(tmp_path: Path) -> None:
    folder = tmp_path / "6.12-test"
    write_module_tables(folder)
    files = modules.load_order(folder, ["cam_era", "inside_kernel", "other", "cam-era"])
    assert [modules.canonical_name(str(file)) for file in files] == ["core", "buffers", "cam_era", "other"]
    with pytest.raises(LabError, match=r"'cam_eras': kernel 6\.12-test has none of that name; near it: cam_era"):
        modules.load_order(folder, ["cam_eras"])


def test_vivid_options_go_to_vivid_only() -> None:
    lines = guest.load_lines(["/m/core.ko", "/m/vivid.ko.xz"], "n_devs=2; multiplanar=1,2")
    assert lines == ["load /m/core.ko", "load /m/vivid.ko.xz n_devs=2 multiplanar=1,2"]


def test_initramfs_unpacks_to_what_went_in(tmp_path: Path) -> None:
    entries = {
        "bin": Entry(0o40755),
        "bin/odd": Entry(0o100755, b"123"),
        "empty": Entry(0o100644),
        "init": Entry(0o100755, bytes(range(256)) * 40),
    }
    busybox = shutil.which("busybox")
    assert busybox, "missing busybox; run: apt-get install -y busybox-static"
    subprocess.run([busybox, "cpio", "-idm"], input=archive(entries), cwd=tmp_path, check=True, capture_output=True)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == sorted(entries)
    for name, entry in entries.items():
        assert (tmp_path / name).stat().st_mode == entry.mode
        assert entry.mode & 0o40000 or (tmp_path / name).read_bytes() == entry.data


def make_kernel(result: Path) -> None:
    (result / "lib/modules/6").mkdir(parents=True)
    (result / "lib/modules/6/modules.dep").touch()
    (result / "linux").touch()


def test_an_interrupted_build_leaves_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path))

    def interrupted(result: Path) -> None:
        make_kernel(result)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernel.cached("uml-x", "linux", interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["uml-x.lock"]
    # What a killed maker leaves behind has a name of its own, and goes with the next try.
    (tmp_path / "uml-x.part-dead" / "result").mkdir(parents=True)
    assert kernel.cached("uml-x", "linux", make_kernel).image == tmp_path / "uml-x" / "linux"
    assert not list(tmp_path.glob("*.part-*"))


def test_the_second_caller_waits_for_the_first_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path))
    made, begun, go_on = [], threading.Event(), threading.Event()

    def slowly(result: Path) -> None:
        made.append(result)
        begun.set()
        assert go_on.wait(30)
        make_kernel(result)

    kernels: list[kernel.Kernel] = []
    callers = [
        threading.Thread(target=lambda: kernels.append(kernel.cached("uml-x", "linux", slowly))) for _ in range(2)
    ]
    callers[0].start()
    assert begun.wait(30)
    callers[1].start()
    said = ""
    while "waiting" not in said and callers[1].is_alive():
        said += capfd.readouterr().err
    go_on.set()
    for caller in callers:
        caller.join(30)
    assert f"waiting for process {os.getpid()}, which is making this kernel" in said
    assert len(made) == 1
    assert len(kernels) == 2
    assert kernels[0] == kernels[1]


def test_a_cache_that_cannot_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CAMKIT_LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(LabError, match=r"cannot make the lab's cache .*set CAMKIT_LAB_CACHE"):
        kernel.cache_folder()


def test_a_changed_recipe_makes_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(kernel_uml, "cached", lambda name, *_: asked.append(name))
    kernel_uml.uml_kernel("6.12")
    fragment = tmp_path / "uml.config"
    fragment.write_text("# only a comment more\n" + kernel_uml.CONFIG.read_text())
    monkeypatch.setattr(kernel_uml, "CONFIG", fragment)
    kernel_uml.uml_kernel("6.12")
    fragment.write_text(fragment.read_text() + "CONFIG_SMP=y\n")
    kernel_uml.uml_kernel("6.12")
    assert asked[0] == asked[1] != asked[2]
    assert asked[0].startswith("uml-6.12-")


def test_a_folder_without_a_kernel_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kernel", str(tmp_path), "--", "true"]) == 125
    assert f"cannot use kernel folder '{tmp_path}': it has 0 files 'linux'" in capsys.readouterr().err


# The webcam's parts


def segments(data: bytes) -> dict[int, list[bytes]]:
    """Return the segments of a JPEG file up to its entropy-coded data."""
    found: dict[int, list[bytes]] = {}
    at = 2
    while at < len(data):
        mark, marker, length = struct.unpack_from(">BBH", data, at)
        assert mark == 0xFF
        found.setdefault(marker, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == 0xDA:
            return found
    raise AssertionError("no start of scan")


@pytest.mark.parametrize(("width", "height"), pictures.FORMATS[pictures.MJPG])
def test_jpeg_pictures_decode_to_what_was_drawn(width: int, height: int) -> None:
    number = 0x01020305
    data = pictures.mjpg_frame(width, height, number)
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    found = segments(data)
    assert found[0xE4] == [b"CAMKIT" + number.to_bytes(4, "big")]
    assert len(found[0xDB]) == 2
    assert len(found[0xC4]) == 4
    [frame] = found[0xC0]
    assert struct.unpack_from(">BHHB", frame) == (8, height, width, 3)
    assert frame[6:] == bytes((1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1)), "not 4:2:2"
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("YCbCr", (width, height))
        pixels = np.asarray(picture)
    assert pixels.shape == (height, width, 3)
    columns = width // 8
    luma = np.repeat(32 + 187 * np.arange(columns) // (columns - 1), 8)
    lower = pixels[height // 2 :]
    assert (lower[:, :, 0] == luma).all()
    assert (lower[:, :, 1] == 128).all()
    assert (lower[:, :, 2] == 64 + 16 * (number % 8)).all()
    assert (pixels[: height // 16 * 8, :, 0] != luma).any(axis=1).all(), "the upper half has no texture"


def test_jpeg_coefficients_survive_long_runs_and_large_values() -> None:
    last = [0] * 62 + [3]
    full = [(-1) ** k * (k % 5) for k in range(63)]
    blocks = [jpeg.Block(-128, last), jpeg.Block(127), jpeg.Block(0, full), jpeg.Block(-1, [0] * 17 + [1])]
    unit = jpeg.Unit(*blocks)
    data = jpeg.encode_picture(32, 16, [jpeg.encode_band([unit, unit])] * 2)
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("YCbCr", (32, 16))
        pixels = np.asarray(picture).astype(int)
    # Chroma is blended with its neighbours when it is stretched to the full width.
    assert (pixels[:8, :16, 0] == pixels[8:, 16:, 0]).all(), "equal units decode differently"
    assert (pixels[:, 8:16, 0] == 255).all()
    # The block with only the highest frequency: 3 steps of 8, by the definition of the transform.
    wave = np.cos((2 * np.arange(8) + 1) * 7 * np.pi / 16)
    expected = np.clip(np.round(0 + 24 / 4 * np.outer(wave, wave)), 0, 255)
    assert abs(pixels[:8, :8, 0] - expected).max() <= 1
    with pytest.raises(ValueError, match="whole units of 16x8"):
        jpeg.encode_picture(24, 16, [b""] * 2)


def test_prepared_pictures_are_those_made_in_place(tmp_path: Path) -> None:
    folder = pictures.prepare(tmp_path)
    assert folder is not None
    assert pictures.prepare(tmp_path) == folder
    assert len(list(folder.iterdir())) == 8 * len(pictures.FORMATS[pictures.MJPG])
    for number in range(9):
        read = pictures.reel(pictures.MJPG, 640, 480, folder).frame(number)
        assert read == pictures.mjpg_frame(640, 480, number)
    assert pictures.prepare(tmp_path / "absent") is None


def test_yuyv_frames_carry_their_number() -> None:
    frame = pictures.yuyv_frame(640, 480, 0xA5000001)
    assert len(frame) == 640 * 480 * 2
    assert sum((frame[16 * bit] > 128) << bit for bit in range(32)) == 0xA5000001
    row = frame[640 * 2 : 640 * 4]
    assert row[1::2] == bytes([128]) * 640
    assert list(row[::2]) == [x // 2 * 512 // 640 for x in range(640)]


def walk(data: bytes) -> list[bytes]:
    """Cut a configuration into its descriptors by their own lengths."""
    found = []
    while data:
        assert 2 <= data[0] <= len(data)
        found.append(data[: data[0]])
        data = data[data[0] :]
    return found


@pytest.mark.parametrize(
    "model",
    [Model(), Model(bulk=True), Model(fourccs=("MJPG",), rates=(60,)), Model(rates=(5, 120, 30))],
    ids=["isochronous", "bulk", "one format", "three rates"],
)
def test_descriptors_are_well_formed(model: Model) -> None:
    device = descriptors.device_descriptor(model)
    assert (device[0], device[1], len(device)) == (18, 1, 18)
    configuration = descriptors.configuration_descriptor(model)
    assert struct.unpack_from("<H", configuration, 2)[0] == len(configuration)
    parts = walk(configuration)
    assert [part[1] for part in parts].count(5) == 1, "one endpoint"
    interfaces = [part for part in parts if part[1] == 4]
    assert len({part[2] for part in interfaces}) == configuration[4] == 2
    position = parts.index(interfaces[1])
    control = [part for part in parts[:position] if part[1] == 0x24]
    assert struct.unpack_from("<H", control[0], 5)[0] == sum(map(len, control))
    streaming_parts = [part for part in parts[position:] if part[1] == 0x24]
    header = streaming_parts[0]
    assert struct.unpack_from("<H", header, 4)[0] == sum(map(len, streaming_parts))
    assert header[3] == len(model.fourccs)
    formats = [part for part in streaming_parts if part[2] in (4, 6)]
    frames = [part for part in streaming_parts if part[2] in (5, 7)]
    assert [part[3] for part in formats] == list(range(1, len(model.fourccs) + 1))
    assert [part[4] for part in formats] == [len(pictures.FORMATS[fourcc]) for fourcc in model.fourccs]
    sizes = [struct.unpack_from("<HH", part, 5) for part in frames]
    assert sizes == [size for fourcc in model.fourccs for size in pictures.FORMATS[fourcc]]
    for frame in frames:
        count = frame[25]
        intervals = struct.unpack_from(f"<{count}I", frame, 26)
        assert list(intervals) == sorted(10_000_000 // rate for rate in model.rates)
        assert len(frame) == 26 + 4 * count
    serial = descriptors.string_descriptor(model, 3)
    assert serial is not None
    assert serial[2:].decode("utf-16-le") == model.serial
    assert descriptors.string_descriptor(model, 4) is None


def setup(kind: int, request: int, value: int, index: int, length: int) -> bytes:
    return struct.pack("<BBHHH", kind, request, value, index, length)


def test_negotiation_offers_the_nearest_and_obeys_faults() -> None:
    faults, switched = Faults(), []
    endpoint = requests.ControlEndpoint(Model(bulk=True), faults, switched.append)
    wanted = struct.pack("<HBBI", 1, 2, 99, 400_000).ljust(34, b"\0")
    assert endpoint.answer(setup(0x21, 1, 0x100, 1, 34), wanted) == b""
    offer = endpoint.answer(setup(0xA1, 0x81, 0x100, 1, 34), b"")
    assert offer is not None
    assert struct.unpack_from("<HBBI", offer) == (1, 2, 4, 333_333)
    assert not switched
    faults.arm("commit")
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 34), offer) is None
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 34), offer) == b""
    assert endpoint.agreed == requests.StreamFormat("MJPG", 3840, 2160, 333_333)
    assert switched == [True]
    assert endpoint.answer(setup(0x21, 1, 0x200, 1, 3), b"\1\0\2") is None, "a short block"


def test_control_requests_check_range_and_size() -> None:
    endpoint = requests.ControlEndpoint(Model(), Faults(), lambda on: None)
    brightness = 0x200, descriptors.PROCESSING_UNIT << 8
    assert endpoint.answer(setup(0x21, 1, *brightness, 2), (-7 & 0xFFFF).to_bytes(2, "little")) == b""
    assert endpoint.answer(setup(0xA1, 0x81, *brightness, 2), b"") == b"\xf9\xff"
    assert endpoint.answer(setup(0x21, 1, *brightness, 2), (65).to_bytes(2, "little")) is None
    assert endpoint.answer(setup(0x21, 1, *brightness, 1), b"\1") is None
    assert endpoint.answer(setup(0xA1, 0x81, *brightness, 2), b"") == b"\xf9\xff"
    assert endpoint.answer(setup(0xA1, 0x81, 0x7700, 0x200, 2), b"") is None, "no such control"
    assert endpoint.answer(setup(0x80, 6, 0x0100, 0, 8), b"") == descriptors.device_descriptor(Model())[:8]
    assert endpoint.answer(setup(0x80, 6, 0x0900, 0, 8), b"") is None, "no such descriptor"


@pytest.mark.parametrize("packets", [0, 3], ids=["bulk", "isochronous"])
@pytest.mark.parametrize("size", [0, 1, 500, 501, 5000])
def test_a_frame_is_cut_without_loss(packets: int, size: int) -> None:
    picture = os.urandom(size)
    transfers = streaming.cut_frame(picture, 512, packets, toggle=1)
    payloads: list[bytes] = []
    for data, table in transfers:
        lengths = (
            [usbip.PACKET.unpack_from(table, at)[2] for at in range(0, len(table), 16)] if packets else [len(data)]
        )
        assert sum(lengths) == len(data)
        for length in lengths:
            if length:
                payloads.append(data[:length])
            data = data[length:]
    assert b"".join(payload[12:] for payload in payloads) == picture
    assert all(payload[0] == 12 and payload[1] & 0x8D == 0x81 for payload in payloads)
    assert [bool(payload[1] & 2) for payload in payloads] == [False] * (len(payloads) - 1) + [True]


def test_faults_happen_as_often_as_ordered() -> None:
    faults = Faults()
    faults.arm("drop", 2)
    faults.arm("slow", -1)
    assert [faults.take("drop") for _ in range(4)] == [True, True, False, False]
    assert all(faults.take("slow") for _ in range(5))
    faults.arm("slow", 0)
    assert not faults.take("slow")
    assert faults.happened == {"drop": 2, "slow": 5}
    with pytest.raises(ValueError, match="there is no fault 'dorp', only drop, truncate"):
        faults.arm("dorp")


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("fault dorp", "error: there is no fault 'dorp'"),
        ("fault drop many", "error: invalid literal"),
        ("freeze", "error: cannot freeze: the webcam is not plugged in"),
        ("explode", "error: there is no order 'explode', only plug"),
        ("", "error: there is no order ''"),
        ("fault drop 3", "ok"),
        ("clock ppm 100", "ok"),
        ("clock wrap", "ok"),
        ("clock tick 1", "error: a clock has no 'tick', only ppm"),
        ("unplug", "ok"),
        ("quit", "bye"),
    ],
)
def test_orders_are_answered(order: str, answer: str) -> None:
    assert control_socket.obey(Camera(Model()), order).startswith(answer)


def test_an_order_to_no_webcam_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert webcam_main(["--send", "stat", "--control", str(tmp_path / "none")]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is it plugged in with --uvc?" in message


# The tests in a guest


def test_output_and_status_pass_through(uml: None) -> None:
    script = """
        import os, sys
        for i in range(200): os.write(1, bytes(range(256)) * 16)
        os.write(2, b"to stderr\\r\\n\\0")
        sys.exit(41)
    """
    done = run_lab("--no-vivid", "--", sys.executable, "-c", textwrap.dedent(script))
    assert done.returncode == 41, done.stderr.decode()
    assert done.stderr == b"to stderr\r\n\0"
    wanted = hashlib.md5(bytes(range(256)) * 16 * 200).hexdigest()
    assert hashlib.md5(done.stdout).hexdigest() == wanted


def test_cameras_environment_and_folder(uml: None) -> None:
    script = 'ls /dev/video*; echo "$CAMKIT_LAB $WORD $PATH"; pwd; id -u; test -t 1 || echo pipe'
    # What a command leaves running neither holds the guest nor its output.
    script += "; sleep 99 & setsid sleep 99 &"
    done = run_lab("--vivid", "n_devs=2;node_types=1,1", "--env", "WORD=a 'b'", "--", script)
    assert done.returncode == 0, done.stderr.decode()
    nodes = ["/dev/video0", "/dev/video1"]
    assert done.stdout.decode().splitlines() == [*nodes, f"uml a 'b' {os.environ['PATH']}", str(CHECKOUT), "0", "pipe"]


def test_writes_do_not_survive_but_for_a_share(uml: None, tmp_path: Path) -> None:
    kept, lost = tmp_path / "kept here", tmp_path / "lost"
    lost.write_text("before")
    script = (
        f"echo after | tee '{lost}' '{kept}/file' /etc/camkit-lab-test > /dev/null; cat '{lost}' /etc/camkit-lab-test"
    )
    done = run_lab("--no-vivid", "--share", str(kept), "--", script)
    assert (done.returncode, done.stdout) == (0, b"after\nafter\n"), done.stderr.decode()
    assert (kept / "file").read_text() == "after\n"
    assert lost.read_text() == "before"
    assert not Path("/etc/camkit-lab-test").exists()


def test_a_command_that_is_too_long_ends_with_124(uml: None) -> None:
    done = run_lab("--no-vivid", "--timeout", "1.5", "--", "echo begun; sleep 60")
    assert done.returncode == 124
    assert done.stdout == b"begun\n"
    assert b"ran longer than 1.5 s" in done.stderr


def test_a_signal_reaches_the_command(uml: None) -> None:
    script = """
        import sys, time
        print("begun", flush=True)
        try: time.sleep(60)
        except KeyboardInterrupt: print("interrupted", flush=True)
        sys.exit(7)
    """
    command = [sys.executable, "-m", "lab", "--no-vivid", "--", sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=60)
    assert (child.returncode, output) == (7, b"interrupted\n"), errors.decode()


def test_a_rig_that_fails_ends_with_125(uml: None) -> None:
    done = run_lab("--modules", "vim2n", "--", "true")
    assert done.returncode == 125
    assert b"cannot load module 'vim2n'" in done.stderr
    assert b"near it: vim2m" in done.stderr
    done = run_lab("--no-vivid", "--uvc=--formats H264", "--", "true")
    assert done.returncode == 125
    assert b"the webcam ended: " in done.stderr
    assert b"'H264' is no list of YUYV, MJPG" in done.stderr


# Reads frames through the kernel's own interface and compares all bytes with what the webcam has drawn.
GRABBER = """
import fcntl, mmap, os, struct, sys
from lab.uvc_camera import pictures
S_FMT, REQBUFS, QUERYBUF, QBUF, DQBUF, STREAMON = 0xC0D05605, 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611, 0x40045612
fourcc, width, height, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 12
device = os.open(os.environ["CAMKIT_LAB_UVC"], os.O_RDWR)
fcntl.ioctl(device, S_FMT, struct.pack("=IIII4sI", 1, 0, width, height, fourcc.encode(), 1).ljust(208, bytes(1)))
fcntl.ioctl(device, REQBUFS, struct.pack("=IIIII", 4, 1, 1, 0, 0))
def buffer(index):
    return bytearray(struct.pack("=II52xI24x", index, 1, 1))
maps = []
for index in range(4):
    b = buffer(index); fcntl.ioctl(device, QUERYBUF, b)
    offset, length = struct.unpack_from("=I4xI", b, 64)
    maps.append(mmap.mmap(device, length, offset=offset)); fcntl.ioctl(device, QBUF, b)
fcntl.ioctl(device, STREAMON, struct.pack("=I", 1))
frames = []
for _ in range(count):
    b = buffer(0); fcntl.ioctl(device, DQBUF, b)
    index, _, used, flags = struct.unpack_from("=IIII", b)
    frames.append((struct.unpack_from("=I", b, 56)[0], maps[index][:used])); fcntl.ioctl(device, QBUF, b)
    assert not flags & 0x40, "error flag"
numbers = []
for sequence, data in frames:
    if fourcc == "YUYV":
        number = sum((data[16 * bit] > 128) << bit for bit in range(32))
        assert data == pictures.yuyv_frame(width, height, number), number
    else:
        number = int.from_bytes(data[12:16], "big")
        assert data == pictures.mjpg_frame(width, height, number), number
    numbers.append(number - sequence)
assert len(set(numbers)) == 1, f"a gap that the driver did not count: {numbers}"
print(fourcc, "exact")
"""


@pytest.mark.parametrize(
    ("options", "streams"),
    [("", ["YUYV 640 480", "MJPG 1280 720"]), ("--bulk --fps 60", ["MJPG 640 480"])],
    ids=["isochronous", "bulk"],
)
def test_webcam_frames_arrive_as_drawn(uml: None, tmp_path: Path, options: str, streams: Sequence[str]) -> None:
    (tmp_path / "grab.py").write_text(GRABBER)
    grabs = " && ".join(f"{sys.executable} {tmp_path}/grab.py {stream}" for stream in streams)
    done = run_lab("--no-vivid", f"--uvc={options}", "--env", f"PYTHONPATH={CHECKOUT}", "--", grabs)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == [f"{stream.split()[0]} exact" for stream in streams]


def test_webcam_obeys_orders(uml: None) -> None:
    script = """
        import json, os, subprocess, sys, time
        from pathlib import Path
        from lab.uvc_camera.__main__ import SOCKET, main
        from lab.uvc_camera.control_socket import send
        node = Path(os.environ["CAMKIT_LAB_UVC"])
        name = Path("/sys/class/video4linux", node.name, "name").read_text().strip()
        before = json.loads(send(SOCKET, "stat"))
        answers = [main(["--send", "fault drop 2"]), main(["--send", "explode"])]
        answers.append(send(SOCKET, "unplug"))
        while node.exists(): time.sleep(0.01)
        gone = json.loads(send(SOCKET, "stat"))
        answers.append(send(SOCKET, "plug"))
        while not node.exists(): time.sleep(0.01)
        print(json.dumps([str(node), name, before, answers, gone]))
    """
    done = run_lab("--no-vivid", "--uvc", "--timeout", "60", "--", sys.executable, "-c", textwrap.dedent(script))
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "ok"
    assert lines[1].startswith("error: there is no order 'explode'")
    node, name, before, answers, gone = json.loads(lines[2])
    assert (node, name) == ("/dev/video0", "camkit lab webcam")
    assert (before["plugged"], before["node"], before["on"]) == (True, "/dev/video0", False)
    assert answers == [0, 1, "ok", "ok"]
    assert (gone["plugged"], gone["node"]) == (False, None)


@pytest.mark.qemu
def test_the_stock_kernel_does_the_same(qemu: None, tmp_path: Path) -> None:
    kept, lost = tmp_path / "kept", tmp_path / "lost"
    script = (
        f"ls /dev/video*; echo $CAMKIT_LAB $CAMKIT_LAB_UVC; nproc; echo x | tee {kept}/f > {lost}; echo e >&2; exit 9"
    )
    arguments = ["--engine", "qemu", "--vivid", "n_devs=1 node_types=1", "--uvc", "--share", str(kept)]
    done = run_lab(*arguments, "--", script)
    assert done.returncode == 9, done.stderr.decode()
    nodes = [f"/dev/video{index}" for index in range(3)]
    assert done.stdout.decode().splitlines() == [*nodes, "qemu /dev/video1", "2"]
    assert done.stderr == b"e\n"
    assert (kept / "f").read_text() == "x\n"
    assert not lost.exists()
