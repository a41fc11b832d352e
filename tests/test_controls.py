"""Controls where there is no hardware."""

from __future__ import annotations

import pytest

import camkit
from camkit.camera_capture.control import near, snake_case


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Brightness", "brightness"),
        ("Exposure Time, Absolute", "exposure_time_absolute"),
        ("U8 2x3x4x5 Array", "u8_2x3x4x5_array"),
        ("Limited RGB Range (16-235)", "limited_rgb_range_16_235"),
        ("Y'CbCr Encoding", "y_cbcr_encoding"),
    ],
)
def test_names_are_those_of_the_usual_tools(title: str, name: str) -> None:
    assert snake_case(title) == name


def test_near_names_are_told() -> None:
    assert near("exposure", ["exposure_auto", "gain"]) == "; did you mean 'exposure_auto'?"
    assert near("zzz", ["gain"]) == ""


def test_the_synthetic_camera_has_none(tmp_path) -> None:
    with camkit.open("synthetic") as camera:
        controls = camera.controls
        assert dict(controls) == {} and len(controls) == 0 and "brightness" not in controls
        assert controls.get("brightness") is None and not hasattr(controls, "brightness")
        with pytest.raises(camkit.ControlNotFound, match="'synthetic' has no control 'brightness'; it has none"):
            controls.brightness = 1
        with pytest.raises(KeyError):
            controls["brightness"]
        controls.save(tmp_path / "none.json")
        assert controls.load(tmp_path / "none.json") == {} and controls.reset() == {}
