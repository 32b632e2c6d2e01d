"""One named decoder for each transfer syntax, and no other behind it.

pydicom alone would take whichever plugin is installed and fall back silently; two decoders of JPEG lossless then hide
each other's errors, and cut-off frames come out as wrong pixels without a word. So a frame of JPEG lossless or JPEG-LS
must also end with its end-of-image marker.
"""

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder

from mammo.intake.refusals import Code, RefusedError
from mammo.records import MammoError

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
"""Implicit, explicit and big-endian uncompressed, and deflated."""

RLE = "1.2.840.10008.1.2.5"

CODECS = {
    "1.2.840.10008.1.2.4.57": "jpeg8_decode",
    "1.2.840.10008.1.2.4.70": "jpeg8_decode",
    "1.2.840.10008.1.2.4.80": "jpegls_decode",
    "1.2.840.10008.1.2.4.81": "jpegls_decode",
    "1.2.840.10008.1.2.4.90": "jpeg2k_decode",
    "1.2.840.10008.1.2.4.91": "jpeg2k_decode",
}
"""Decoders of imagecodecs: JPEG lossless, JPEG-LS and JPEG 2000, each lossless and near-lossless or lossy."""

END_OF_IMAGE = b"\xff\xd9"


def decode(dataset: Dataset) -> NDArray[np.generic]:
    """The stored values [Rows, Columns] of a single-frame data set, as its bits allocated hold them.

    Raises:
        RefusedError: the coding is not known, or the frame is cut off, broken or of another size.
        MammoError: the package that decodes this syntax is not installed.
    """
    if not dataset.get("PixelData"):
        raise RefusedError(Code.NO_PIXELS)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID") or "")
    try:
        values = _decoder(syntax)(dataset)
    except (RefusedError, MammoError, KeyboardInterrupt):
        raise
    except BaseException:  # some decoders panic with errors that are no Exception
        raise RefusedError(Code.BROKEN_PIXELS) from None
    if values.shape != (int(dataset.Rows), int(dataset.Columns)) or values.dtype.kind not in "ui":
        raise RefusedError(Code.BROKEN_PIXELS)
    return values


def _decoder(syntax: str) -> Callable[[Dataset], NDArray[np.generic]]:
    if syntax in NATIVE:
        return lambda dataset: get_decoder(syntax).as_array(dataset, raw=True)[0]
    if syntax == RLE:
        return lambda dataset: get_decoder(syntax).as_array(dataset, raw=True, decoding_plugin="pydicom")[0]
    if syntax not in CODECS:
        raise RefusedError(Code.UNKNOWN_CODING)
    codec = _imagecodec(CODECS[syntax], syntax)
    return lambda dataset: codec(_frame(dataset, CODECS[syntax]))


def _imagecodec(name: str, syntax: str) -> Callable[[bytes], NDArray[np.generic]]:
    """A decoder of imagecodecs, which offers only those that it was built with."""
    try:
        codec: Callable[[bytes], NDArray[np.generic]] = getattr(import_module("imagecodecs"), name)
        getattr(import_module("imagecodecs"), name.removesuffix("_decode").upper())
    except (ImportError, AttributeError):
        message = f"transfer syntax {syntax} needs the package imagecodecs with {name}: pip install imagecodecs"
        raise MammoError(message) from None
    return codec


def _frame(dataset: Dataset, name: str) -> bytes:
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if name != "jpeg2k_decode" and not frame.rstrip(b"\x00").endswith(END_OF_IMAGE):
        raise RefusedError(Code.CUT_OFF)
    return frame
