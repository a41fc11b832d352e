"""Formats are agreed on before the first frame, and a mismatch names both ends."""

import pytest

import camkit
from camkit.performance_core.negotiate import declared, negotiate


def camera(**options):
    return camkit.SyntheticCamera(**{"format": "YUYV", "size": (64, 48), **options})


def test_a_spec_knows_formats_by_any_name_and_checks_sizes():
    spec = camkit.FrameSpec("yuy2", (64, 48), 128)
    assert (spec.format, spec.size, spec.stride, spec.known) == ("YUYV", (64, 48), 128, True)
    assert str(spec) == "YUYV 64x48 with stride 128"
    assert str(camkit.FrameSpec()) == "any format"
    assert camkit.FrameSpec("NV12") == camkit.FrameSpec(camkit.FORMATS["NV12"])
    for wrong, error in (
        ({"format": "H266"}, camkit.FormatNotSupported),
        ({"format": "YUYV", "size": (3, 2)}, ValueError),
        ({"size": 64}, TypeError),
        ({"format": "GREY", "size": (64, 48), "stride": 63}, ValueError),
        ({"stride": 1.5}, TypeError),
    ):
        with pytest.raises(error):
            camkit.FrameSpec(**wrong)


@pytest.mark.parametrize(
    ("asked", "told", "fits"),
    [
        (camkit.FrameSpec(), camkit.FrameSpec("GREY", (8, 4)), True),
        (camkit.FrameSpec("GREY"), camkit.FrameSpec("GREY", (8, 4)), True),
        (camkit.FrameSpec("GREY"), camkit.FrameSpec("Y16", (8, 4)), False),
        (camkit.FrameSpec("GREY", (8, 4)), camkit.FrameSpec("GREY"), True),
        (camkit.FrameSpec("GREY", (8, 4)), camkit.FrameSpec("GREY", (8, 2)), False),
        (camkit.FrameSpec("GREY", (8, 4), 8), camkit.FrameSpec("GREY", (8, 4), 16), False),
    ],
)
def test_what_fits(asked, told, fits):
    assert asked.fits(told) == fits


def test_what_a_node_leaves_open_is_as_it_was_but_for_the_stride():
    frames = camkit.FrameSpec("YUYV", (64, 48), 256)
    assert camkit.FrameSpec("GREY").of(frames) == camkit.FrameSpec("GREY", (64, 48))
    assert camkit.FrameSpec(size=(32, 24)).of(frames) == camkit.FrameSpec("YUYV", (32, 24))
    assert camkit.FrameSpec("GREY").of(None) == camkit.FrameSpec("GREY")


def test_declarations_are_checked_where_they_are_made():
    assert declared(("YUYV", camkit.FrameSpec("GREY", (8, 4))), "inputs")[1].size == (8, 4)
    with pytest.raises(camkit.FormatNotSupported, match="H266"):
        camkit.Stage("s", inputs=("YUYV", "H266"))
    with pytest.raises(ValueError, match="inputs cannot ask for a stride"):
        camkit.Stage("s", inputs=camkit.FrameSpec("GREY", (64, 48), 128))
    with pytest.raises(TypeError, match=r"inputs is 1\.5"):
        camkit.Stage("s", inputs=1.5)


def test_a_chain_agrees_from_its_source_on():
    with camera() as source:
        half = camkit.Stage("half", output=lambda f: camkit.FrameSpec(f.format, (f.size[0] // 2, f.size[1] // 2)))
        grey = camkit.Stage("grey", inputs=camkit.FrameSpec("YUYV", (32, 24)), output="GREY")
        assert negotiate([source.source, half, grey, camkit.NullSink()]) == camkit.FrameSpec("GREY", (32, 24))
        # Of a stage that declares nothing, nothing is known: it may put any frame in the place of its own.
        assert negotiate([source.source, camkit.Stage("any"), camkit.NullSink()]) is None


def test_a_mismatch_names_both_ends_and_what_to_try():
    with camera() as source:
        edges = camkit.Stage("edges", inputs=("GREY", "NV12"))
        with pytest.raises(camkit.FormatMismatch) as caught:
            negotiate([source.source, edges])
        assert str(caught.value) == (
            f"cannot connect {source.source.name!r} to 'edges': the one gives YUYV 64x48 with stride 128, the "
            'other takes GREY or NV12; open the camera with format="GREY", or put a stage between them that gives '
            "GREY or NV12"
        )
        assert isinstance(caught.value, ValueError)
        assert [spec.format for spec in caught.value.takes] == ["GREY", "NV12"]


def test_a_mismatch_of_sizes_says_which():
    with camera() as source, pytest.raises(camkit.FormatMismatch, match=r"YUYV 32x24; open the camera with size=\(32"):
        negotiate([source.source, camkit.Stage("small", inputs=camkit.FrameSpec("YUYV", (32, 24)))])


def test_the_giver_is_the_stage_that_made_the_format_and_not_the_camera():
    with camera() as source:
        nodes = [source.source, camkit.Stage("to_grey", output="GREY"), camkit.NullSink(),
                 camkit.Stage("colour", inputs="RGB24")]  # fmt: skip
        with pytest.raises(camkit.FormatMismatch, match="connect 'to_grey' to 'colour'") as caught:
            negotiate(nodes)
        assert "open the camera" not in str(caught.value)


def test_a_screen_refuses_what_no_shader_draws():
    jpegs = camkit.Stage("jpeg", output=camkit.FrameSpec("MJPG", (64, 48)))
    with pytest.raises(camkit.FormatMismatch, match=r"'jpeg' to 'Offscreen': .*MJPG cannot be drawn: put a stage"):
        negotiate([jpegs, camkit.Offscreen()], camkit.FrameSpec("YUYV", (64, 48)))


def test_a_function_for_an_output_must_give_a_spec():
    with pytest.raises(TypeError, match="'odd' is a function that returned a str"):
        negotiate([camkit.Stage("odd", output=lambda f: "GREY")], camkit.FrameSpec("YUYV", (64, 48)))
