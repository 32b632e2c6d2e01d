"""Headers of compressed frames, read before decoding: kind, size, precision and sign.

A decoder allocates as much memory as the frame's own header asks for, so the header is checked first (ITU-T T.81 B.2.2,
T.87 C.2.2, T.800 A.5.1).
"""

from dataclasses import dataclass
from enum import StrEnum
from struct import error, unpack_from

from mammo.intake.rejections import Code, RejectedError


class Kind(StrEnum):
    """Kinds of compressed frames."""

    BASELINE = "JPEG baseline"
    EXTENDED = "JPEG extended"
    LOSSLESS = "JPEG lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"


FRAME_MARKERS = {0xC0: Kind.BASELINE, 0xC1: Kind.EXTENDED, 0xC3: Kind.LOSSLESS, 0xF7: Kind.JPEG_LS}
"""Start-of-frame markers of the JPEG family."""

OTHER_MARKERS = {0xDA, *range(0xC0, 0xD0)} - FRAME_MARKERS.keys() - {0xC4, 0xC8, 0xCC}
"""Markers of a scan before any frame, and of frame kinds that DICOM does not use."""

END_OF_IMAGE = b"\xff\xd9"
"""Ends a frame of every kind; a stream of JPEG 2000 calls it end of codestream."""


@dataclass(frozen=True)
class CodestreamHeader:
    """The header of one compressed frame.

    Attributes:
        kind: how it is compressed.
        rows: height, px.
        cols: width, px.
        components: values per pixel.
        precision: bits per value.
        signed: whether values are signed (JPEG 2000 only).
    """

    kind: Kind
    rows: int
    cols: int
    components: int
    precision: int
    signed: bool = False


def codestream_header(frame: bytes) -> CodestreamHeader:
    """Read the header of a compressed frame.

    Raises:
        RejectedError: its kind is unknown, or it ends within its header.
    """
    try:
        if frame[:4] == b"\xff\x4f\xff\x51":
            return _jpeg_2000(frame)
        if frame[:2] == b"\xff\xd8":
            return _jpeg(frame)
    except (error, IndexError):
        raise RejectedError(Code.CUT_OFF) from None
    raise RejectedError(Code.UNTRUE_CODING)


def ends_whole(frame: bytes) -> bool:
    """Return whether the frame ends with its end marker, with or without zero padding after it."""
    return frame.rstrip(b"\x00").endswith(END_OF_IMAGE)


def _jpeg_2000(frame: bytes) -> CodestreamHeader:
    right, bottom, left, top = unpack_from(">4I", frame, 8)
    (components,) = unpack_from(">H", frame, 40)
    depth = frame[42]
    return CodestreamHeader(
        Kind.JPEG_2000, bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80)
    )


def _jpeg(frame: bytes) -> CodestreamHeader:
    place = 2
    while True:
        if frame[place] != 0xFF:
            raise RejectedError(Code.BROKEN_PIXELS)
        marker = frame[place + 1]
        if marker == 0xFF:  # a fill byte before a marker
            place += 1
            continue
        if marker in FRAME_MARKERS:
            precision, rows, cols, components = unpack_from(">BHHB", frame, place + 4)
            return CodestreamHeader(FRAME_MARKERS[marker], rows, cols, components, precision)
        if marker in OTHER_MARKERS:
            raise RejectedError(Code.UNTRUE_CODING)
        (length,) = unpack_from(">H", frame, place + 2)
        place += 2 + length
