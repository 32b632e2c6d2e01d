"""Lossless DICOM transfer syntaxes of mammography archives, with encoders for 12-bit images.

JPEG lossless, process 14, first-order prediction (ITU-T T.81 annex H, selection value 1) is written here, because the
codecs at hand write selection value 6, which the DICOM transfer syntax 1.2.840.10008.1.2.4.70 does not allow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from struct import pack

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

from mammo.records import Pixels

PRECISION = 12
LARGEST = (1 << PRECISION) - 1

CATEGORIES = (0, 7, 6, 5, 8, 4, 3, 2, 9, 1, 10, 11, 12)
"""Difference categories (bits of the difference), most frequent first in an image with a wide black background."""

CODE_BITS = (1, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11)
"""Length of the Huffman code of each category above."""


@dataclass(frozen=True)
class Syntax:
    """One transfer syntax.

    Attributes:
        uid: its identifier.
        share: share of a cohort's images that use it.
        encode: function from 12-bit pixels uint16 [rows, cols] to one encoded frame; None for the native syntaxes.
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


def encode_jpeg_lossless(pixels: Pixels) -> bytes:
    """Return the JPEG stream of one image uint16 [rows, cols], 0 to 4095."""
    body = _scan(_differences(pixels)).replace(b"\xff", b"\xff\x00")
    counts = bytes(CODE_BITS.count(n) for n in range(1, 17))
    table = b"\x00" + counts + bytes(CATEGORIES)
    frame = pack(">BHHB", PRECISION, *pixels.shape, 1) + b"\x01\x11\x00"
    segments = _segment(0xC3, frame) + _segment(0xC4, table) + _segment(0xDA, b"\x01\x01\x00\x01\x00\x00")
    return b"\xff\xd8" + segments + body + b"\xff\xd9"


def _segment(marker: int, content: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _differences(pixels: Pixels) -> NDArray[np.int32]:
    """Return each pixel less its left neighbor; the first of a row less the one above, the very first less mid-gray."""
    values = pixels.astype(np.int32)
    out = np.diff(values, axis=1, prepend=0)
    out[:, 0] = np.diff(values[:, 0], prepend=1 << (PRECISION - 1))
    return out.ravel()


@cache
def _symbols() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return code and extra bits, and their number of bits, for every difference -4095 to 4095 in order."""
    code, codes, lengths = 0, np.zeros(13, dtype=np.int64), np.zeros(13, dtype=np.int64)
    for i, (category, bits) in enumerate(zip(CATEGORIES, CODE_BITS, strict=True)):
        code <<= bits - (CODE_BITS[i - 1] if i else 0)
        codes[category], lengths[category] = code, bits
        code += 1
    differences = np.arange(-LARGEST, LARGEST + 1)
    size = np.frexp(np.abs(differences).astype(np.float64))[1].astype(np.int64)
    extra = np.where(differences < 0, differences - 1 + (1 << size), differences)
    return (codes[size] << size) | extra, lengths[size] + size


def _scan(differences: NDArray[np.int32]) -> bytes:
    """Pack code and extra bits of every difference from the left and pad with ones (before byte stuffing)."""
    symbols, lengths = _symbols()
    bits = lengths[differences + LARGEST]
    ends = np.cumsum(bits)
    total, starts = int(ends[-1]), ends - bits
    placed, word = symbols[differences + LARGEST] << (64 - (starts & 31) - bits), starts >> 5
    words = np.zeros(total // 32 + 2, dtype=np.float64)  # sums of disjoint bits below 2^32 are exact
    words += np.bincount(word, placed >> 32, words.size)
    words[1:] += np.bincount(word, placed & 0xFFFFFFFF, words.size)[:-1]
    stream = bytearray(words.astype(">u4").tobytes()[: (total + 7) // 8])
    stream[-1] |= 0xFF >> ((total - 1) % 8 + 1)
    return bytes(stream)


SYNTAXES = (
    Syntax(ExplicitVRLittleEndian, 0.40, None),
    Syntax(ImplicitVRLittleEndian, 0.22, None),
    Syntax(JPEGLosslessSV1, 0.12, encode_jpeg_lossless),
    Syntax(JPEGLSLossless, 0.15, _jpeg_ls),
    Syntax(JPEG2000Lossless, 0.06, _jpeg_2000),
    Syntax(RLELossless, 0.05, _rle),
)
"""Syntaxes of a cohort; slow ones are rarer."""
