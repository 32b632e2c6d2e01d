from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mammo.intake.gray_values import PixelOptions
from mammo.intake.outcomes import Flag
from mammo.intake.rasters import raster_shape, raster_values, read_raster
from mammo.intake.rejections import Code, RejectedError


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("top", "divisor"), [(4095, 1), (65535, 16)])
def test_values_are_converted_to_12_bits(tmp_path: Path, suffix: str, top: int, divisor: int) -> None:
    pixels = np.linspace(0, top, 600).astype(np.uint16).reshape(20, 30)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), pixels)
    assert np.array_equal(read_raster(tmp_path / f"a.{suffix}").values, pixels // divisor)


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
        shown = read_raster(tmp_path / f"{name}.{suffix}", PixelOptions(eight_bit=True))
        assert np.array_equal(shown.values, pixels.astype(int) * 4095 // 255)
        assert (shown.flags, shown.notes) == ((), ("eight_bit",))
        assert raster_shape(tmp_path / f"{name}.{suffix}") == (8, 16)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize(("orientation", "rejected"), [(1, False), (3, True), (6, True)])
def test_a_picture_that_viewers_turn_is_rejected(tmp_path: Path, suffix: str, orientation: int, rejected: bool) -> None:
    """Some viewers obey the tag and others do not, so that an outline drawn in one lies elsewhere in another."""
    exif, file = Image.Exif(), tmp_path / f"a.{suffix}"
    exif[274] = orientation
    Image.fromarray(np.repeat(np.uint8([[0, 255]]), 20, axis=1).repeat(30, axis=0)).save(file, exif=exif)
    for read in (raster_shape, raster_values, lambda path: read_raster(path, PixelOptions(eight_bit=True))):
        if rejected:
            with pytest.raises(RejectedError, match=Code.ORIENTATION):
                read(file)
        else:
            read(file)


def ramp(top: int, shape: tuple[int, int] = (60, 80)) -> NDArray[np.uint16]:
    """Return all values from 0 to top, evenly spread over [H, W]."""
    return np.linspace(0, top, shape[0] * shape[1]).round().astype(np.uint16).reshape(shape)


@pytest.mark.parametrize(
    ("top", "bits"), [(6000, 13), (8191, 13), (12016, 14), (16383, 14), (1023, 10), (700, 10), (255, 8)]
)
def test_values_of_another_depth_are_flagged_and_shown_by_the_range_found(tmp_path: Path, top: int, bits: int) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), ramp(top))
    shown = read_raster(tmp_path / "a.png")
    assert np.abs(shown.values - ramp(top) * (4095 / (2**bits - 1))).max() <= 1
    assert shown.flags == (Flag.RANGE,)
    assert shown.notes == ("eight_bit" if bits == 8 else f"bits_{bits}",)


def test_a_hot_pixel_does_not_make_an_image_deeper(tmp_path: Path) -> None:
    pixels = ramp(3000)
    pixels[7, 7] = 4096
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    found, stated = read_raster(tmp_path / "a.png"), read_raster(tmp_path / "a.png", PixelOptions(bits=12))
    for shown in (found, stated):
        assert np.array_equal(shown.values, np.minimum(pixels, 4095))
    assert (found.flags, stated.flags) == ((Flag.RANGE,), ())


def test_white_letters_do_not_make_an_image_deeper(tmp_path: Path) -> None:
    pixels = ramp(3000)
    pixels[:3, :30] = 65535
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    shown = read_raster(tmp_path / "a.png")
    assert np.array_equal(shown.values, np.minimum(pixels, 4095))
    assert shown.flags == (Flag.RANGE,)


@pytest.mark.parametrize("bits", [10, 13, 14])
def test_stated_bits_decide(tmp_path: Path, bits: int) -> None:
    pixels = ramp(2**bits - 1)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    shown = read_raster(tmp_path / "a.png", PixelOptions(bits=bits))
    assert np.abs(shown.values - pixels * (4095 / (2**bits - 1))).max() <= 1
    assert shown.flags == shown.notes == ()


def test_values_beyond_the_stated_bits_are_flagged(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), ramp(8191))
    shown = read_raster(tmp_path / "a.png", PixelOptions(bits=12))
    assert np.array_equal(shown.values, np.minimum(ramp(8191), 4095))
    assert shown.flags == (Flag.PRECISION,)


@pytest.mark.parametrize("options", [PixelOptions(eight_bit=True), PixelOptions(bits=8)])
@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_eight_bits_are_accepted_where_the_user_says_so(tmp_path: Path, options: PixelOptions, suffix: str) -> None:
    pixels = ramp(255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), pixels)
    with pytest.raises(RejectedError, match=Code.EIGHT_BIT):
        read_raster(tmp_path / f"a.{suffix}")
    shown = read_raster(tmp_path / f"a.{suffix}", options)
    assert np.abs(shown.values - pixels * (4095 / 255)).max() <= 0.5
    assert (shown.flags, shown.notes) == ((), ("eight_bit",))


def test_a_sixteen_bit_file_that_holds_eight_is_as_bright_as_an_eight_bit_one(tmp_path: Path) -> None:
    pixels = ramp(255)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    shown = read_raster(tmp_path / "a.png", PixelOptions(eight_bit=True))
    assert np.abs(shown.values - pixels * (4095 / 255)).max() <= 0.5
    assert (shown.flags, shown.notes) == ((), ("eight_bit",))


def test_the_advice_for_eight_bits_does_not_lead_to_an_empty_upper_byte() -> None:
    assert "data.options.eight_bit=true" in Code.EIGHT_BIT.remedy
    assert "adds none" in Code.EIGHT_BIT.remedy


def test_an_image_of_one_value_has_no_range(tmp_path: Path) -> None:
    for value in (0, 77, 9000):
        cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 30), value, np.uint16))
        assert read_raster(tmp_path / "a.png").flags == ()
