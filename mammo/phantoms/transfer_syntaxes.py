"""How pixels are written: the lossless DICOM transfer syntaxes that mammography archives hold."""

from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo.phantoms import lossless

Pixels = NDArray[np.uint16]


@dataclass(frozen=True)
class Syntax:
    """One transfer syntax.

    Attributes:
        uid: its identifier.
        share: how many images of a cohort use it.
        encode: from pixels [rows, cols], 12 bits, to one frame; None for the native syntaxes.
    """

    uid: UID
    share: float
    encode: Callable[[Pixels], bytes] | None


def _jpeg_ls(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpegls_encode(pixels))


def _jpeg_2000(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", reversible=True, bitspersample=12))


def _rle(pixels: Pixels) -> bytes:
    return RLELosslessEncoder.encode(
        pixels.astype("<u2").tobytes(),
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        encoding_plugin="pydicom",
    )


SYNTAXES = (
    Syntax(ExplicitVRLittleEndian, 0.40, None),
    Syntax(ImplicitVRLittleEndian, 0.22, None),
    Syntax(JPEGLosslessSV1, 0.12, lossless.encode),
    Syntax(JPEGLSLossless, 0.15, _jpeg_ls),
    Syntax(JPEG2000Lossless, 0.06, _jpeg_2000),
    Syntax(RLELossless, 0.05, _rle),
)
"""The syntaxes a cohort mixes; the slow ones are rarer."""
