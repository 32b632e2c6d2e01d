from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest

from mammo.phantoms.transfer_syntaxes import SYNTAXES, encode_jpeg_lossless
from mammo.records import Pixels


def test_shares_sum_to_one_and_every_syntax_is_lossless_and_distinct() -> None:
    assert sum(syntax.share for syntax in SYNTAXES) == pytest.approx(1)
    assert len({syntax.uid for syntax in SYNTAXES}) == 6
    assert all(syntax.uid.is_compressed == (syntax.encode is not None) for syntax in SYNTAXES)


def smooth(shape: tuple[int, int]) -> Pixels:
    steps = np.random.default_rng(0).standard_normal(shape)
    return np.clip(np.cumsum(steps, axis=1) * 20 + 2000, 0, 4095).astype(np.uint16)


@pytest.mark.parametrize(
    "pixels",
    [
        smooth((61, 47)),
        np.zeros((5, 7), dtype=np.uint16),
        np.array([[4095]], dtype=np.uint16),
        np.tile(np.array([0, 4095], dtype=np.uint16), (9, 8)),
        np.random.default_rng(1).integers(0, 4096, (40, 33)).astype(np.uint16),
    ],
    ids=["smooth", "black", "one pixel", "largest steps", "noise"],
)
@pytest.mark.parametrize("decode", [imagecodecs.jpegsof3_decode, imagecodecs.ljpeg_decode])
def test_independent_decoders_return_the_pixels(pixels: Pixels, decode: Callable[[bytes], Pixels]) -> None:
    assert np.array_equal(decode(encode_jpeg_lossless(pixels)), pixels)


def test_the_stream_has_12_bits_and_selection_value_1() -> None:
    stream = encode_jpeg_lossless(smooth((20, 30)))
    frame = stream.index(b"\xff\xc3")
    assert stream[frame + 4] == 12
    scan = stream.index(b"\xff\xda")
    assert stream[scan + 7] == 1  # Ss, the selection value: required by transfer syntax .70
    assert stream.endswith(b"\xff\xd9")
