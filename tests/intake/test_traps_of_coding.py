"""Traps of coding: every transfer syntax, frames that are cut off, of another kind or size, and false lengths."""

from collections.abc import Callable
from pathlib import Path
from struct import pack

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, get_frame

from mammo.phantoms.transfer_syntaxes import encode_jpeg_lossless
from tests.intake.traps import (
    BREAST,
    ENCODERS,
    INSIDE,
    Codes,
    Results,
    Trap,
    as_range,
    check_pixels,
    ingest,
    jpeg_2000,
    jpeg_lossless,
    jpeg_ls,
    named,
    run_lengths,
)

IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
BASELINE, EXTENDED, P14, SV1 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
LS, NEAR_LS, J2K, LOSSY_J2K = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91))
HT, HT_RPCL, LOSSY_HT = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
RLE = "1.2.840.10008.1.2.5"

SIXTEEN = {"BitsStored": 16, "HighBit": 15}
EIGHT = (BREAST >> 4).astype(np.uint8)
WIDE = (BREAST << 4).astype(np.uint16)
JUMPS = np.where(INSIDE, np.where(np.indices(BREAST.shape).sum(axis=0) % 2, 65535, 9000), 0).astype(np.uint16)
"""Neighbours differ by 56535: differences of JPEG lossless wrap modulo 65536."""

ODD = EIGHT[:199, :119]


def htj2k(codes: Codes) -> bytes:
    return bytes(imagecodecs.htj2k_encode(codes))


def in_pieces(frame: Callable[[Codes], bytes]) -> Callable[[FileDataset], None]:
    def edit(dataset: FileDataset) -> None:
        dataset.PixelData = encapsulate([frame(BREAST)], fragments_per_frame=3)

    return edit


ACCEPTED = [
    Trap("implicit", syntax=IMPLICIT),
    Trap("big endian", syntax=BIG),
    Trap("big endian 16 bits", syntax=BIG, tags=SIXTEEN, codes=WIDE, grey=as_range(65535)),
    Trap("deflated", syntax=DEFLATED),
    *[Trap(f"coded {syntax}", syntax=syntax, frame=frame) for syntax, frame in ENCODERS.items()],
    Trap("first order prediction", syntax=SV1, frame=lambda c: encode_jpeg_lossless(c.astype(np.uint16))),
    *[
        Trap(f"16 bits {syntax}", syntax=syntax, frame=frame, tags=SIXTEEN, codes=WIDE, grey=as_range(65535))
        for syntax, frame in (
            (P14, lambda c: jpeg_lossless(c, 16)),
            (SV1, lambda c: jpeg_lossless(c, 16)),
            (LS, jpeg_ls),
            (J2K, lambda c: jpeg_2000(c, 16)),
            (HT, htj2k),
            (RLE, run_lengths),
        )
    ],
    *[
        Trap(f"8 bits {syntax}", syntax=syntax, frame=frame, codes=EIGHT, grey=as_range(255))
        for syntax, frame in (
            (SV1, lambda c: jpeg_lossless(c, 8)),
            (LS, jpeg_ls),
            (J2K, lambda c: jpeg_2000(c, 8)),
            (RLE, run_lengths),
        )
    ],
    Trap(
        "wrapped differences",
        syntax=SV1,
        frame=lambda c: jpeg_lossless(c, 16),
        tags=SIXTEEN,
        codes=JUMPS,
        grey=as_range(65535),
    ),
    Trap(
        "wrapped differences 57",
        syntax=P14,
        frame=lambda c: jpeg_lossless(c, 16),
        tags=SIXTEEN,
        codes=JUMPS,
        grey=as_range(65535),
    ),
    Trap("high throughput", syntax=HT, frame=htj2k),
    Trap("high throughput rpcl", syntax=HT_RPCL, frame=htj2k),
    Trap("lossless under the lossy syntax", syntax=LOSSY_J2K, frame=jpeg_2000, tags={"LossyImageCompression": "00"}),
    Trap("jpeg 2000 that tells 16 bits", syntax=J2K, frame=lambda c: jpeg_2000(c, 16)),
    Trap("jpeg-ls that tells 16 bits", syntax=LS, frame=jpeg_ls),
    Trap("frame in pieces", syntax=LS, frame=jpeg_ls, edit=in_pieces(jpeg_ls)),
    Trap("jpeg lossless in pieces", syntax=SV1, frame=jpeg_lossless, edit=in_pieces(jpeg_lossless)),
    Trap(
        "without offsets",
        syntax=J2K,
        frame=jpeg_2000,
        edit=lambda d: d.__setattr__("PixelData", encapsulate([jpeg_2000(BREAST)], has_bot=False)),
    ),
    Trap("excess bytes", edit=lambda d: d.__setattr__("PixelData", d.PixelData + b"\7" * 64)),
    Trap("odd size", codes=ODD, grey=as_range(255)),
    Trap(
        "noise jpeg lossless",
        syntax=SV1,
        frame=jpeg_lossless,
        codes=np.where(INSIDE, np.random.default_rng(1).integers(1, 4096, BREAST.shape), 0).astype(np.uint16),
    ),
    Trap(
        "noise jpeg-ls",
        syntax=LS,
        frame=jpeg_ls,
        codes=np.where(INSIDE, np.random.default_rng(2).integers(1, 4096, BREAST.shape), 0).astype(np.uint16),
    ),
]


def cut(share: float) -> Callable[[FileDataset], None]:
    """Keep a share of the frame and its encapsulation whole."""

    def edit(dataset: FileDataset) -> None:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        dataset.PixelData = encapsulate([frame[: int(len(frame) * share)]])

    return edit


def false_length(content: bytes) -> bytes:
    place = content.index(b"\xe0\x7f\x10\x00OW") + 8
    return content[:place] + pack("<I", 0x7FFFFFF0) + content[place + 4 :]


def untold(content: bytes) -> bytes:
    """The file without its transfer syntax element."""
    start = content.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(content[start + 6 : start + 8], "little")
    return content[:start] + content[start + 8 + length :]


def signed_jpeg_2000(codes: Codes) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(codes.astype(np.int16), level=0, codecformat="J2K", reversible=True))


DOUBTFUL = [
    Trap("lossy by header", "lossy", {"LossyImageCompression": "01"}),
    Trap("near-lossless", "lossy", syntax=NEAR_LS, frame=lambda c: bytes(imagecodecs.jpegls_encode(c, level=2))),
    Trap(
        "lossy jpeg 2000",
        "lossy",
        syntax=LOSSY_J2K,
        frame=lambda c: bytes(imagecodecs.jpeg2k_encode(c, level=60, codecformat="J2K", bitspersample=12)),
    ),
    Trap(
        "baseline", "lossy", syntax=BASELINE, codes=EIGHT, frame=lambda c: bytes(imagecodecs.jpeg8_encode(c, level=98))
    ),
    Trap(
        "extended",
        "lossy",
        syntax=EXTENDED,
        frame=lambda c: bytes(imagecodecs.jpeg8_encode(c, level=98, bitspersample=12)),
    ),
    Trap("lossy high throughput", "lossy", syntax=LOSSY_HT, frame=htj2k),
    Trap(
        "overlay in a jpeg 2000",
        "precision",
        syntax=J2K,
        frame=lambda c: jpeg_2000(c, 16),
        codes=(BREAST | 0x8000).astype(np.uint16),
    ),
    Trap("length field false", "false_length", damage=false_length),
]

FIVE = {SV1: jpeg_lossless, LS: jpeg_ls, J2K: jpeg_2000, LOSSY_J2K: jpeg_2000, RLE: run_lengths}

REJECTED = [
    Trap("jpeg-ls told to be jpeg 2000", "untrue_coding", syntax=J2K, frame=jpeg_ls),
    Trap("jpeg 2000 told to be jpeg-ls", "untrue_coding", syntax=LS, frame=jpeg_2000),
    Trap(
        "baseline told to be lossless",
        "untrue_coding",
        syntax=SV1,
        codes=EIGHT,
        frame=lambda c: bytes(imagecodecs.jpeg8_encode(c)),
    ),
    Trap("lossless told to be baseline", "untrue_coding", syntax=BASELINE, frame=jpeg_lossless),
    Trap("native told to be jpeg 2000", "untrue_coding", syntax=J2K, frame=lambda c: c.tobytes()),
    Trap("png told to be jpeg 2000", "untrue_coding", syntax=J2K, frame=lambda c: bytes(imagecodecs.png_encode(c))),
    Trap(
        "compressed told to be native",
        "cut_off",
        edit=lambda d: d.__setattr__("PixelData", encapsulate([jpeg_ls(BREAST)])),
    ),
    *[
        Trap(f"fewer rows than {syntax}", "other_size", {"Rows": 199}, syntax=syntax, frame=frame)
        for syntax, frame in ((SV1, jpeg_lossless), (LS, jpeg_ls), (J2K, jpeg_2000))
    ],
    Trap("more rows than run lengths", "cut_off", {"Rows": 201}, syntax=RLE, frame=run_lengths),
    Trap("run lengths of one byte", "other_size", syntax=RLE, frame=lambda c: run_lengths(EIGHT)),
    Trap(
        "three components",
        "other_size",
        syntax=J2K,
        frame=lambda c: bytes(imagecodecs.jpeg2k_encode(np.dstack([EIGHT] * 3), codecformat="J2K")),
    ),
    Trap("signed in an unsigned image", "other_size", syntax=J2K, frame=signed_jpeg_2000),
    *[
        Trap(f"{int(share * 100)} % of {syntax}", "cut_off", syntax=syntax, frame=frame, edit=cut(share))
        for syntax, frame in FIVE.items()
        if syntax != RLE
        for share in (0.95, 0.5)
    ],
    Trap("95 % of run lengths", "broken_pixels", syntax=RLE, frame=run_lengths, edit=cut(0.95)),
    Trap("nothing in the frame", "untrue_coding", syntax=LS, frame=lambda c: b"\0\0"),
    Trap("a start and an end", "cut_off", syntax=SV1, frame=lambda c: b"\xff\xd8\xff\xd9"),
    Trap("native pixels cut off", "cut_off", edit=lambda d: d.__setattr__("PixelData", d.PixelData[:-100])),
    Trap("file cut off in native pixels", "cut_off", damage=lambda content: content[:-5000]),
    Trap(
        "file cut off in a frame",
        "cut_off",
        syntax=LS,
        frame=jpeg_ls,
        damage=lambda content: content[: len(content) * 3 // 4],
    ),
    Trap("without delimiter", "cut_off", syntax=LS, frame=jpeg_ls, damage=lambda content: content[:-8]),
    Trap("no pixel data", "no_pixels", edit=lambda d: d.__delattr__("PixelData")),
    Trap("empty pixel data", "no_pixels", edit=lambda d: d.__setattr__("PixelData", b"")),
    Trap("video", "unknown_coding", syntax="1.2.840.10008.1.2.4.100", frame=jpeg_ls),
    Trap("private syntax", "unknown_coding", syntax="1.2.3.4.5", frame=jpeg_ls),
    Trap("syntax untold", "unknown_coding", damage=untold),
]

TRAPS = [*ACCEPTED, *DOUBTFUL, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(TRAPS, tmp_path_factory.mktemp("coding"))


@named(TRAPS)
def test_outcome(results: Results, trap: Trap) -> None:
    assert results.told(trap.name) == trap.outcome


@named(ACCEPTED)
def test_lossless_pixels_are_the_codes(results: Results, trap: Trap) -> None:
    check_pixels(results, trap)


@named([trap for trap in DOUBTFUL if trap.outcome == "lossy"])
def test_lossy_pixels_are_near_the_codes(results: Results, trap: Trap) -> None:
    pixels, box, _ = results.pixels(trap.name)
    grey = trap.grey if trap.codes.dtype != np.uint8 else as_range(255)
    expected = grey(trap.codes.astype(np.float64))[box.row0 : box.row1, box.col0 : box.col1]
    assert np.median(np.abs(pixels - expected)) < 60


@pytest.mark.parametrize("syntax", FIVE)
def test_every_cut_of_a_frame_is_refused(syntax: str, tmp_path: Path) -> None:
    shares = np.random.default_rng(0).uniform(0.02, 0.999, 60)
    traps = [Trap(str(n), "", syntax=syntax, frame=FIVE[syntax], edit=cut(share)) for n, share in enumerate(shares)]
    whole = Trap("whole", syntax=syntax, frame=FIVE[syntax])
    results = ingest([whole, *traps], tmp_path)
    assert {results.told(trap.name) for trap in traps} <= {"cut_off", "broken_pixels", "untrue_coding", "other_size"}
    assert results.by_name["whole"].verdict in ("accepted", "accepted with flags")
