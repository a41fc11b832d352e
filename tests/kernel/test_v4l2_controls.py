"""Controls of real drivers: vivid has every type, the webcam is what people have."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

import camkit
from camkit.cli import main
from camkit.errors import CameraBusy, CameraDisconnected, ControlNotFound, ControlReadOnly


@pytest.fixture
def camera(vivid):
    with camkit.open(vivid.path) as camera:
        yield camera
        if not camera.closed and "Disconnect" not in vivid.changed:
            camera.stop()
            assert camera.controls.reset() == {}


@pytest.fixture
def controls(camera):
    return camera.controls


# name: (kind, a value, how it reads back)
VALUES = {
    "brightness": ("integer", 200, 200),
    "integer_32_bits": ("integer", -(2**31), -(2**31)),
    "integer_64_bits": ("integer64", -(2**63), -(2**63)),
    "boolean": ("boolean", False, False),
    "menu": ("menu", "Menu Item 4", 4),
    "integer_menu": ("integer_menu", 6, 6),
    "bitmask": ("bitmask", 0x80400010, 0x80400010),
    "string": ("string", "abc", "abc"),
    "area": ("compound", bytes(range(1, 9)), bytes(range(1, 9))),
    "u32_1_element_array": ("u32", [131072], [131072]),
    "u16_8x16_matrix": ("u16", np.full((8, 16), 8192), np.full((8, 16), 8192)),
    "u8_2x3x4x5_array": ("u8", np.arange(120).reshape(2, 3, 4, 5) % 17 + 16, None),
    "u32_dynamic_array": ("u32", range(10, 17), [10, 11, 12, 13, 14, 15, 16]),
    "s32_2_element_array": ("integer", [-10, 10], [-10, 10]),
    "s64_5_element_array": ("integer64", [-10, -5, 0, 5, 10], [-10, -5, 0, 5, 10]),
}


@pytest.mark.parametrize("name", VALUES)
def test_every_type_is_set_read_and_reset(controls, name):
    kind, value, expected = VALUES[name]
    info = controls.info(name)
    before = controls[name]
    assert (info.name, info.kind) == (name, kind)
    controls[name] = value
    got = getattr(controls, name)
    expected = value if expected is None else expected
    assert np.array_equal(got, expected)
    assert type(got) is type(before) and not np.array_equal(got, before)
    if isinstance(got, np.ndarray):
        assert got.ndim == len(info.dims) and got.flags.writeable
    info.reset()
    assert np.array_equal(info.value, info.default)


WRONG = [
    ("brightness", 256, ValueError, "'brightness' of '/dev/video0' to 256: it takes 0 to 255 in steps of 1"),
    ("brightness", -1, ValueError, "it takes 0 to 255"),
    ("brightness", "much", TypeError, "to 'much': it takes 0 to 255"),
    ("brightness", 1.5, TypeError, "to 1.5"),
    ("brightness", None, TypeError, "to None"),
    ("boolean", 2, ValueError, "it takes True or False"),
    ("menu", 2, ValueError, r"it takes 1 \("),
    ("menu", "Menu Item 44", ValueError, "did you mean 'Menu Item 4'"),
    ("integer_menu", 0, ValueError, r"it takes 2 \(2\)"),
    ("bitmask", 1, ValueError, "it takes the bits of 0x80402010"),
    ("bitmask", -1, ValueError, "it takes the bits of"),
    ("string", "a", ValueError, "it takes 2 to 4 bytes of text"),
    ("string", "abcde", ValueError, "it takes 2 to 4 bytes of text"),
    ("string", b"abc", TypeError, "it takes text"),
    ("area", b"123", ValueError, "exactly 8 bytes"),
    ("area", bytes(8), ValueError, "the driver does not take this value"),
    ("area", 12345678, TypeError, "it takes 8 bytes"),
    ("u16_8x16_matrix", [[16]], ValueError, r"integers of shape \(8, 16\), not \(1, 1\)"),
    ("u16_8x16_matrix", np.full((8, 16), 15), ValueError, "15 is not one of its values; it takes 16 to 8192"),
    ("u16_8x16_matrix", np.full((8, 16), 16.5), TypeError, "integers of shape"),
    ("u32_dynamic_array", [], ValueError, "1 to 100 integers"),
    ("u32_dynamic_array", [20] * 101, ValueError, "1 to 100 integers"),
    ("s64_5_element_array", [2**70] * 5, TypeError, r"integers of shape \(5,\)"),
    ("button", 5, TypeError, "pressed by True"),
    ("read_only_integer_32_bits", 1, ControlReadOnly, "it can only be read"),
    ("brightnes", 1, ControlNotFound, "no control 'brightnes'; did you mean 'brightness'"),
]


@pytest.mark.parametrize(("name", "value", "error", "words"), WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(controls, name, value, error, words):
    before = controls.get(name)
    with pytest.raises(error, match=words):
        controls[name] = value
    with pytest.raises(error, match=words):
        controls.set({"contrast": 7, name: value})
    assert controls.contrast == 128
    assert np.array_equal(controls.get(name), before)


def test_names_are_attributes_and_keys(controls):
    assert {"brightness", "menu", "test_pattern", "area"} <= set(controls)
    assert "brightness" in dir(controls) and "brightness" in controls
    assert len(controls) == len(list(controls)) == len(dict(controls.items()))
    with pytest.raises(AttributeError, match="did you mean"):
        _ = controls.brigthness
    with pytest.raises(KeyError, match="did you mean"):
        controls["brigthness"]
    with pytest.raises(AttributeError, match="no control 'save'"):
        controls.save = 3


def test_info_tells_what_the_driver_tells(controls):
    info = controls.info("gain")
    assert (info.minimum, info.maximum, info.step, info.default) == (0, 255, 1, 100)
    assert {"inactive", "volatile"} <= info.flags and info.writable
    controls.gain_automatic = False
    assert "inactive" not in controls.info("gain").flags
    assert controls.info("menu").menu == {1: "Menu Item 1", 3: "Menu Item 3", 4: "Menu Item 4"}
    assert controls.info("integer_menu").menu[8] == 42
    assert controls.info("u8_2x3x4x5_array").dims == (2, 3, 4, 5)
    assert not controls.info("read_only_integer_32_bits").writable
    assert not controls.info("button").readable and controls.button is None and controls.info("button").default is None


def test_several_are_set_in_one_call_across_classes(controls):
    controls.set({"brightness": 1}, contrast=2, test_pattern="100% Red", bitmask=0x10, string="wxyz")
    assert (controls.brightness, controls.contrast, controls.bitmask, controls.string) == (1, 2, 0x10, "wxyz")
    assert controls.info("test_pattern").menu[controls.test_pattern] == "100% Red"


def test_a_locked_control_is_explained_and_takes_the_others_with_it(camera, controls):
    name = "enable_capture_cropping"
    camera.start()
    assert "grabbed" in controls.info(name).flags
    with pytest.raises(CameraBusy, match=f"cannot set '{name}' .* locked while the camera streams: stop"):
        controls.set({"brightness": 5, name: False, "contrast": 6})
    assert (controls.brightness, controls.contrast) == (128, 128)
    camera.stop()
    controls.set({"brightness": 5, name: False})
    assert controls.brightness == 5


def test_a_button_acts(camera, controls):
    camera.start()
    camera.read()
    controls.set(inject_fatal_streaming_error=True)
    with pytest.raises(camkit.CameraError, match="given the stream up"):
        for _ in range(10):
            camera.read()


def test_from_several_threads_while_streaming(camera, controls):
    over, failures = threading.Event(), []

    def turn(name):
        try:
            while not over.is_set():
                controls[name] = 10
                assert controls[name] == 10
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=turn, args=(name,)) for name in ("brightness", "contrast", "saturation")]
    camera.start()
    for thread in threads:
        thread.start()
    frames = [camera.read().sequence for _ in range(20)]
    over.set()
    for thread in threads:
        thread.join()
    assert failures == [] and frames == sorted(frames)


def test_closing_under_a_thread_that_sets_is_a_plain_error(camera, controls):
    begun, errors = threading.Event(), []

    def turn():
        try:
            while True:
                controls.brightness = 10
                begun.set()
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=turn)
    thread.start()
    begun.wait()
    camera.close()
    thread.join()
    assert errors == ["camera '/dev/video0' is closed"]


def test_a_snapshot_comes_back(controls, tmp_path):
    path = tmp_path / "setting.json"
    values = {name: value for name, (_, value, _) in VALUES.items()}
    controls.set(values)
    controls.save(path)
    saved = json.loads(path.read_text())
    assert saved["camera"]["driver"] == "vivid"
    assert saved["controls"]["area"] == {"hex": "0102030405060708"}
    assert not {"button", "gain", "read_only_integer_32_bits", "disconnect"} & set(saved["controls"])
    assert controls.reset() == {}
    assert controls.brightness == 128
    assert controls.load(path) == {}
    for name, (_, value, expected) in VALUES.items():
        assert np.array_equal(controls[name], value if expected is None else expected)


def test_what_a_snapshot_cannot_set_is_told_and_the_rest_is_set(camera, controls, tmp_path):
    path = tmp_path / "setting.json"
    wishes = {"brightness": 7, "contrast": 999, "zoom": 1, "area": {"hex": "zz"}, "enable_capture_cropping": False}
    path.write_text(json.dumps({"controls": {**wishes, "menu": None, "u32_dynamic_array": {"a": 1}}}))
    camera.start()
    refused = controls.load(path)
    assert set(refused) == {*wishes, "menu", "u32_dynamic_array"} - {"brightness"}
    assert "0 to 255" in refused["contrast"] and "no control 'zoom'" in refused["zoom"]
    assert "locked while the camera streams" in refused["enable_capture_cropping"]
    assert controls.brightness == 7


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"controls": 3}', '{"controls": ', "\x00"])
def test_what_is_no_snapshot_is_refused(controls, tmp_path, text):
    path = tmp_path / "setting.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"setting.json': not a file that save\(\) wrote"):
        controls.load(path)


def test_a_camera_that_is_gone(vivid, camera, controls):
    assert controls.brightness == 128
    vivid.set("Disconnect")
    for act in (lambda: controls.brightness, lambda: controls.set(brightness=1), lambda: controls.info("contrast")):
        with pytest.raises(CameraDisconnected):
            act()


def test_info_command_lists_them(controls, capsys):
    controls.set(brightness=77, area=bytes(range(1, 9)))
    path = str(controls.camera)
    assert main(["info", path, "--json"]) == 0
    told = {row["name"]: row for row in json.loads(capsys.readouterr().out)["controls"]}
    assert list(told) == list(controls)
    assert (told["brightness"]["value"], told["brightness"]["default"]) == (77, 128)
    assert told["menu"]["menu"] == {"1": "Menu Item 1", "3": "Menu Item 3", "4": "Menu Item 4"}
    assert told["area"]["value"] == {"hex": "0102030405060708"} and told["button"]["value"] is None
    assert np.shape(told["u16_8x16_matrix"]["value"]) == (8, 16)
    assert not any(row["problem"] for row in told.values())
    document = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    assert all(f"`{key}`" in document for key in told["area"])
    assert main(["info", path]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["brightness", "integer", "77", "128", "0", "to", "255", "slider"] in lines


def test_the_webcam_has_controls_too(webcam, tmp_path):
    with camkit.open(webcam.path) as camera:
        controls = camera.controls
        info = controls.info("brightness")
        assert (info.minimum, info.maximum, info.step, info.default) == (-64, 64, 1, 0)
        controls.brightness = -64
        camera.start()
        controls.power_line_frequency = "60 Hz"
        camera.read()
        assert (controls.brightness, controls.power_line_frequency) == (-64, 2)
        assert "inactive" in controls.info("exposure_time_absolute").flags
        with pytest.raises(camkit.CamkitError, match=r"another control.* rules it now: turn that off first"):
            controls.exposure_time_absolute = 300
        controls.set(auto_exposure="Manual Mode", exposure_time_absolute=200)
        assert (controls.auto_exposure, controls.exposure_time_absolute) == (1, 200)
        controls.save(tmp_path / "webcam.json")
        controls.auto_exposure = 3
        assert controls.reset() == {}
        assert controls.brightness == 0 and controls.contrast == 32
        assert controls.load(tmp_path / "webcam.json") == {}
        assert (controls.brightness, controls.auto_exposure, controls.exposure_time_absolute) == (-64, 1, 200)
        assert controls.reset() == {}
