"""TIFF files of every sample type, compression and byte order give the values that were written."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from mammo.intake.gray_values import PixelOptions
from mammo.intake.outcomes import Flag
from mammo.intake.rasters import raster_shape, read_raster
from mammo.intake.rejections import Code, RejectedError

PIXELS = np.linspace(0, 4095, 4800).round().astype(np.uint16).reshape(60, 80)


def written(folder: Path, pixels: NDArray[np.generic], **how: object) -> Path:
    file = folder / "a.tif"
    tifffile.imwrite(file, pixels, **{"photometric": "minisblack"} | how)
    return file


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zstd"},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "packbits"},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">", "compression": "zstd"},
        {"tile": (16, 16)},
        {"rowsperstrip": 7},
    ],
    ids=str,
)
def test_every_way_of_writing_gives_the_same_values(tmp_path: Path, how: dict[str, object]) -> None:
    file = written(tmp_path, PIXELS, **how)
    shown = read_raster(file)
    assert np.array_equal(shown.values, PIXELS)
    assert (shown.flags, raster_shape(file)) == ((), (60, 80))


@pytest.mark.parametrize("kind", ["int16", "int32", "uint32", "float32", "float64"])
def test_every_sample_type_gives_the_same_values(tmp_path: Path, kind: str) -> None:
    shown = read_raster(written(tmp_path, PIXELS.astype(kind)))
    assert np.abs(shown.values.astype(int) - PIXELS).max() == 0
    assert shown.flags == ()


def test_fractions_fill_the_whole_range(tmp_path: Path) -> None:
    shown = read_raster(written(tmp_path, (PIXELS / 4095).astype(np.float32)))
    assert np.abs(shown.values.astype(int) - PIXELS).max() <= 1
    assert shown.flags == ()


def test_deep_values_are_flagged_unless_the_user_states_them(tmp_path: Path) -> None:
    file = written(tmp_path, PIXELS.astype(np.uint32) << 12)
    assert np.array_equal(read_raster(file, PixelOptions(bits=24)).values, PIXELS)
    assert read_raster(file, PixelOptions(bits=24)).flags == ()


@pytest.mark.parametrize("shift", [0, 4])
def test_white_is_zero_is_obeyed(tmp_path: Path, shift: int) -> None:
    top = 4095 << shift
    file = written(tmp_path, (top - (PIXELS << shift)).astype(np.uint16), photometric="miniswhite")
    shown = read_raster(file)
    assert np.abs(shown.values.astype(int) - PIXELS).max() <= 1
    assert shown.flags == ()


def test_thirteen_bits_are_found_here_too(tmp_path: Path) -> None:
    assert read_raster(written(tmp_path, PIXELS * np.uint16(2))).flags == (Flag.RANGE,)


@pytest.mark.parametrize("pixels", [PIXELS.astype(np.int16) - 1, np.where(PIXELS > 99, PIXELS, np.nan)])
def test_values_that_are_no_gray_values_have_the_true_reason(tmp_path: Path, pixels: NDArray[np.generic]) -> None:
    with pytest.raises(RejectedError, match=Code.BAD_VALUES):
        read_raster(written(tmp_path, pixels))


def test_several_pages_are_a_volume(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match=Code.MULTI_FRAME):
        read_raster(written(tmp_path, np.stack([PIXELS, PIXELS])))


def test_truncated_files_are_rejected(tmp_path: Path) -> None:
    file = written(tmp_path, PIXELS, compression="zlib", rowsperstrip=7)
    whole = file.read_bytes()
    for share in (0.05, 0.3, 0.6, 0.95):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RejectedError, match=f"{Code.CUT_OFF}|{Code.BROKEN_PIXELS}"):
            read_raster(file)


def test_unknown_compression_is_the_reason(tmp_path: Path) -> None:
    file = written(tmp_path, PIXELS)
    content = bytearray(file.read_bytes())
    with tifffile.TiffFile(file) as tiff:
        content[tiff.pages[0].tags["Compression"].valueoffset] = 99
    file.write_bytes(bytes(content))
    with pytest.raises(RejectedError, match=Code.TIFF_CODING):
        read_raster(file)


def test_randomly_changed_bytes_are_read_or_rejected(tmp_path: Path) -> None:
    file = written(tmp_path, PIXELS[:20, :20], compression="zlib")
    content, rng = np.frombuffer(file.read_bytes(), np.uint8), np.random.default_rng(0)
    for _ in range(200):
        mutant = content.copy()
        mutant[rng.integers(0, len(content), 3)] = rng.integers(0, 256, 3)
        file.write_bytes(mutant.tobytes())
        try:
            read_raster(file, PixelOptions(eight_bit=True))
        except RejectedError:
            continue
