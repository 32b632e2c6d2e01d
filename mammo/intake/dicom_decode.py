"""Pixel decoding of DICOM files: exactly one decoder for each transfer syntax, without fallback.

pydicom alone would use whichever plugin is installed and fall back silently: two decoders of JPEG lossless then hide
each other's errors, and truncated frames yield wrong pixels without an error. Therefore a compressed frame must match
its transfer syntax and the header's size, and end with its end marker, before it is decoded.
"""

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from struct import unpack_from
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from mammo.intake.codestreams import Kind, codestream_header, ends_whole
from mammo.intake.rejections import Code, RejectedError
from mammo.records import MammoError

BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, "1.2.840.10008.1.2.1.99")
"""Uncompressed transfer syntaxes: implicit, explicit and big-endian, and deflated."""

MAX_PX = 64_000_000
"""Largest number of pixels of an image; the largest mammograms have less than half as many."""

LARGE_PX, MAX_PX_PER_BYTE = 16_000_000, 500
"""A compressed image with more pixels than the first needs at least one byte per this many pixels."""

RLE, RLE_FUNCTION = "1.2.840.10008.1.2.5", "packbits_decode"


class Codec(NamedTuple):
    """The decoder of one compressed transfer syntax.

    Attributes:
        kinds: allowed kinds of its frames.
        function: the decoder's name in imagecodecs.
        lossy: whether the syntax is for lossy compression.
    """

    kinds: tuple[Kind, ...]
    function: str
    lossy: bool = False


CODECS = {
    "1.2.840.10008.1.2.4.50": Codec((Kind.BASELINE,), "jpeg8_decode", lossy=True),
    "1.2.840.10008.1.2.4.51": Codec((Kind.BASELINE, Kind.EXTENDED), "jpeg8_decode", lossy=True),
    "1.2.840.10008.1.2.4.57": Codec((Kind.LOSSLESS,), "jpeg8_decode"),
    "1.2.840.10008.1.2.4.70": Codec((Kind.LOSSLESS,), "jpeg8_decode"),
    "1.2.840.10008.1.2.4.80": Codec((Kind.JPEG_LS,), "jpegls_decode"),
    "1.2.840.10008.1.2.4.81": Codec((Kind.JPEG_LS,), "jpegls_decode", lossy=True),
    "1.2.840.10008.1.2.4.90": Codec((Kind.JPEG_2000,), "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.91": Codec((Kind.JPEG_2000,), "jpeg2k_decode", lossy=True),
    "1.2.840.10008.1.2.4.201": Codec((Kind.JPEG_2000,), "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.202": Codec((Kind.JPEG_2000,), "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.203": Codec((Kind.JPEG_2000,), "jpeg2k_decode", lossy=True),
}
"""Decoders of imagecodecs: libjpeg-turbo for JPEG, CharLS for JPEG-LS, OpenJPEG for JPEG 2000 and HTJ2K."""


def check_decoders() -> None:
    """Check, before any file is read, that every decoder is installed.

    Raises:
        MammoError: a decoder is not installed; the message names the package.
    """
    for syntax, codec in CODECS.items():
        _imagecodec(codec.function, syntax)
    _imagecodec(RLE_FUNCTION, RLE)


def syntax_of(dataset: Dataset) -> str:
    """Return the Transfer Syntax UID (0002,0010), empty if absent."""
    return str(dataset.file_meta.get("TransferSyntaxUID") or "")


def shape_of(dataset: Dataset) -> tuple[int, int]:
    """Return (Rows (0028,0010), Columns (0028,0011)).

    Raises:
        RejectedError: one of them is absent or zero, or the image is larger than any mammogram.
    """
    shape = (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0))
    if min(shape) < 1:
        raise RejectedError(Code.BAD_SHAPE)
    if shape[0] * shape[1] > MAX_PX:
        raise RejectedError(Code.TOO_LARGE)
    return shape


def decode(dataset: Dataset, index: int = 0, n_frames: int = 1) -> NDArray[np.generic]:
    """Return one frame of a data set: stored values [Rows, Columns], unsigned or signed, as wide as Bits Allocated.

    Args:
        dataset: the data set, with pixel data.
        index: which frame, from 0.
        n_frames: how many frames it has.

    Raises:
        RejectedError: the coding is unknown or contradicts the header, or the frame is truncated or broken.
        MammoError: the package that decodes this transfer syntax is not installed.
    """
    content, syntax, shape = dataset.get("PixelData"), syntax_of(dataset), shape_of(dataset)
    allocated = int(dataset.get("BitsAllocated") or 0)
    if not content:
        raise RejectedError(Code.NO_PIXELS)
    if syntax in NATIVE:
        return _native(dataset, content, shape, index)
    if syntax != RLE and syntax not in CODECS:
        raise RejectedError(Code.UNKNOWN_CODING)
    try:
        frame = get_frame(bytes(content), index, number_of_frames=n_frames)
        _check_density(len(frame), shape)
        signed = bool(dataset.get("PixelRepresentation"))
        values = _rle(frame, shape, allocated) if syntax == RLE else _compressed(frame, shape, signed, syntax)
    except (RejectedError, MammoError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException:  # some decoders panic with errors that are not an Exception
        raise RejectedError(Code.BROKEN_PIXELS) from None
    if values.shape != shape or values.dtype.kind not in "ui":
        raise RejectedError(Code.OTHER_SIZE)
    return values


def _native(dataset: Dataset, content: bytes | memoryview, shape: tuple[int, int], index: int) -> NDArray[np.generic]:
    allocated, n_px, big = int(dataset.get("BitsAllocated") or 0), shape[0] * shape[1], syntax_of(dataset) == BIG_ENDIAN
    if allocated not in (8, 16):
        raise RejectedError(Code.BAD_BITS)
    start = index * n_px * allocated // 8
    if len(content) < start + n_px * allocated // 8:
        raise RejectedError(Code.CUT_OFF)
    if allocated == 16:
        return np.frombuffer(content, dtype=">u2" if big else "<u2", count=n_px, offset=start).reshape(shape)
    if big and dataset["PixelData"].VR == "OW":  # 8-bit pixels in 16-bit words: swap each pair of bytes
        content = np.frombuffer(content[: len(content) // 2 * 2], dtype="<u2").byteswap().tobytes()
    return np.frombuffer(content, dtype=np.uint8, count=n_px, offset=start).reshape(shape)


def _rle(frame: bytes, shape: tuple[int, int], allocated: int) -> NDArray[np.generic]:
    """Decode RLE (PS3.5 annex G), [Rows, Columns]: one packed segment per byte of the values, the high byte first."""
    n_bytes, n_px = allocated // 8, shape[0] * shape[1]
    count, *offsets = unpack_from("<16I", frame)
    edges = [*offsets[:count], len(frame)]
    if allocated not in (8, 16) or count != n_bytes:
        raise RejectedError(Code.OTHER_SIZE)
    if edges[0] < 64 or any(stop <= start for start, stop in pairwise(edges)):
        raise RejectedError(Code.CUT_OFF)
    unpack, planes = _imagecodec(RLE_FUNCTION, RLE), np.empty((n_px, n_bytes), dtype=np.uint8)
    for number, (start, stop) in enumerate(pairwise(edges)):
        plane = np.frombuffer(unpack(frame[start:stop], out=n_px + 1), dtype=np.uint8)
        if len(plane) < n_px:
            raise RejectedError(Code.CUT_OFF)
        planes[:, n_bytes - 1 - number] = plane[:n_px]
    return planes.view(f"<u{n_bytes}").reshape(shape)


def _check_density(n_bytes: int, shape: tuple[int, int]) -> None:
    """Reject a large image that is nearly empty: it would cost memory and time, and no mammogram is like that.

    Raises:
        RejectedError: too few bytes for so many pixels.
    """
    n_px = shape[0] * shape[1]
    if n_px > LARGE_PX and n_px > MAX_PX_PER_BYTE * n_bytes:
        raise RejectedError(Code.TOO_LARGE)


def _compressed(frame: bytes, shape: tuple[int, int], signed: bool, syntax: str) -> NDArray[np.generic]:
    codec = CODECS[syntax]
    header = codestream_header(frame)
    if header.kind not in codec.kinds:
        raise RejectedError(Code.UNTRUE_CODING)
    other_sign = header.kind is Kind.JPEG_2000 and header.signed != signed
    if (header.rows, header.cols, header.components) != (*shape, 1) or other_sign:
        raise RejectedError(Code.OTHER_SIZE)
    if not ends_whole(frame):
        raise RejectedError(Code.CUT_OFF)
    values: NDArray[np.generic] = _imagecodec(codec.function, syntax)(frame)
    return values


def _imagecodec(name: str, syntax: str) -> Callable[..., Any]:
    """Return a decoder of imagecodecs, which has only those that it was built with."""
    try:
        codec: Callable[..., Any] = getattr(import_module("imagecodecs"), name)
        available = getattr(import_module("imagecodecs"), name.removesuffix("_decode").upper()).available
    except (ImportError, AttributeError):
        available = False
    if not available:
        message = f"transfer syntax {syntax} needs the package imagecodecs with {name}: pip install imagecodecs"
        raise MammoError(message)
    return codec
