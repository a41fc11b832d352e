"""The PNG writer, read back by another decoder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camkit.gl_core.png import encode_png, write_png


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1, 3), (3, 2, 4), (300, 257, 3)])
def test_a_decoder_finds_the_same_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    write_png(tmp_path / "p.png", picture)
    with Image.open(tmp_path / "p.png") as image:
        image.verify()
    with Image.open(tmp_path / "p.png") as image:
        assert np.array_equal(np.asarray(image), picture)


def test_rows_with_padding_are_taken_as_they_are(tmp_path: Path) -> None:
    wide = np.arange(4 * 10 * 3, dtype=np.uint8).reshape(4, 10, 3)
    write_png(tmp_path / "p.png", wide[:, 2:6])
    with Image.open(tmp_path / "p.png") as image:
        assert np.array_equal(np.asarray(image), wide[:, 2:6])


@pytest.mark.parametrize(
    "picture",
    [np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 2, 3), np.uint8)],
    ids=["float", "two channels", "one dimension", "empty"],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot write an array of"):
        encode_png(picture)


def test_a_path_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_png(tmp_path / "missing" / "p.png", np.zeros((2, 2, 3), np.uint8))
