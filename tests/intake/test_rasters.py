from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.intake.rasters import raster_shape, read_raster
from mammo.intake.rejections import Code, RejectedError


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("top", "divisor"), [(4095, 1), (65535, 16)])
def test_values_are_converted_to_12_bits(tmp_path: Path, suffix: str, top: int, divisor: int) -> None:
    pixels = np.linspace(0, top, 600).astype(np.uint16).reshape(20, 30)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), pixels)
    assert np.array_equal(read_raster(tmp_path / f"a.{suffix}"), pixels // divisor)


@pytest.mark.parametrize(
    ("pixels", "code"),
    [(np.ones((5, 5), np.uint8), Code.EIGHT_BIT), (np.ones((5, 5, 3), np.uint16), Code.NOT_GRAY)],
)
def test_other_bit_depths_are_rejected(tmp_path: Path, pixels: NDArray[np.generic], code: Code) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    with pytest.raises(RejectedError, match=code):
        read_raster(tmp_path / "a.png")


def test_damaged_and_missing_files_are_rejected(tmp_path: Path) -> None:
    for content in (b"", b"nothing", b"\x89PNG\r\n\x1a\n"):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(RejectedError, match=Code.BROKEN_PIXELS):
            read_raster(tmp_path / "a.png")
    with pytest.raises(RejectedError, match=Code.UNREADABLE):
        read_raster(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_published_copies_with_eight_bits_are_accepted(tmp_path: Path, suffix: str) -> None:
    pixels = np.repeat(np.uint8([[0, 255]]), 8, axis=1).repeat(8, axis=0)
    for name, values in (("gray", pixels), ("color", np.repeat(pixels[..., None], 3, axis=2))):
        cv2.imwrite(str(tmp_path / f"{name}.{suffix}"), values)
        assert np.array_equal(
            read_raster(tmp_path / f"{name}.{suffix}", eight_bit=True), pixels.astype(int) * 4095 // 255
        )
        assert raster_shape(tmp_path / f"{name}.{suffix}") == (8, 16)
