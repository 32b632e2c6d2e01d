"""The gate by transfer syntax: every syntax, frames that are truncated or of another kind or size, false lengths."""

from collections.abc import Callable
from pathlib import Path
from struct import pack

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, get_frame

from mammo.phantoms.transfer_syntaxes import encode_jpeg_lossless
from tests.intake.dicom_variants import (
    BREAST,
    ENCODERS,
    INSIDE,
    Codes,
    Results,
    Variant,
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
"""Neighbors differ by 56535: differences of JPEG lossless wrap modulo 65536."""

ODD = EIGHT[:199, :119]


def htj2k(codes: Codes) -> bytes:
    return bytes(imagecodecs.htj2k_encode(codes))


def fragmented(frame: Callable[[Codes], bytes]) -> Callable[[FileDataset], None]:
    def edit(dataset: FileDataset) -> None:
        dataset.PixelData = encapsulate([frame(BREAST)], fragments_per_frame=3)

    return edit


ACCEPTED = [
    Variant("implicit", syntax=IMPLICIT),
    Variant("big endian", syntax=BIG),
    Variant("big endian 16 bits", syntax=BIG, tags=SIXTEEN, codes=WIDE, gray=as_range(65535)),
    Variant("deflated", syntax=DEFLATED),
    *[Variant(f"coded {syntax}", syntax=syntax, frame=frame) for syntax, frame in ENCODERS.items()],
    Variant("first order prediction", syntax=SV1, frame=lambda c: encode_jpeg_lossless(c.astype(np.uint16))),
    *[
        Variant(f"16 bits {syntax}", syntax=syntax, frame=frame, tags=SIXTEEN, codes=WIDE, gray=as_range(65535))
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
        Variant(f"8 bits {syntax}", syntax=syntax, frame=frame, codes=EIGHT, gray=as_range(255))
        for syntax, frame in (
            (SV1, lambda c: jpeg_lossless(c, 8)),
            (LS, jpeg_ls),
            (J2K, lambda c: jpeg_2000(c, 8)),
            (RLE, run_lengths),
        )
    ],
    Variant(
        "wrapped differences",
        syntax=SV1,
        frame=lambda c: jpeg_lossless(c, 16),
        tags=SIXTEEN,
        codes=JUMPS,
        gray=as_range(65535),
    ),
    Variant(
        "wrapped differences 57",
        syntax=P14,
        frame=lambda c: jpeg_lossless(c, 16),
        tags=SIXTEEN,
        codes=JUMPS,
        gray=as_range(65535),
    ),
    Variant("high throughput", syntax=HT, frame=htj2k),
    Variant("high throughput rpcl", syntax=HT_RPCL, frame=htj2k),
    Variant("lossless under the lossy syntax", syntax=LOSSY_J2K, frame=jpeg_2000, tags={"LossyImageCompression": "00"}),
    Variant("jpeg 2000 that states 16 bits", syntax=J2K, frame=lambda c: jpeg_2000(c, 16)),
    Variant("jpeg-ls that states 16 bits", syntax=LS, frame=jpeg_ls),
    Variant("frame in fragments", syntax=LS, frame=jpeg_ls, edit=fragmented(jpeg_ls)),
    Variant("jpeg lossless in fragments", syntax=SV1, frame=jpeg_lossless, edit=fragmented(jpeg_lossless)),
    Variant(
        "without offsets",
        syntax=J2K,
        frame=jpeg_2000,
        edit=lambda d: d.__setattr__("PixelData", encapsulate([jpeg_2000(BREAST)], has_bot=False)),
    ),
    Variant("excess bytes", edit=lambda d: d.__setattr__("PixelData", d.PixelData + b"\7" * 64)),
    Variant("odd size", codes=ODD, gray=as_range(255)),
    Variant(
        "noise jpeg lossless",
        syntax=SV1,
        frame=jpeg_lossless,
        codes=np.where(INSIDE, np.random.default_rng(1).integers(1, 4096, BREAST.shape), 0).astype(np.uint16),
    ),
    Variant(
        "noise jpeg-ls",
        syntax=LS,
        frame=jpeg_ls,
        codes=np.where(INSIDE, np.random.default_rng(2).integers(1, 4096, BREAST.shape), 0).astype(np.uint16),
    ),
]


def cut(share: float) -> Callable[[FileDataset], None]:
    """Keep a share of the frame inside an intact encapsulation."""

    def edit(dataset: FileDataset) -> None:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        dataset.PixelData = encapsulate([frame[: int(len(frame) * share)]])

    return edit


def false_length(content: bytes) -> bytes:
    start = content.index(b"\xe0\x7f\x10\x00OW") + 8
    return content[:start] + pack("<I", 0x7FFFFFF0) + content[start + 4 :]


def without_syntax(content: bytes) -> bytes:
    """Return the file without its transfer syntax element."""
    start = content.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(content[start + 6 : start + 8], "little")
    return content[:start] + content[start + 8 + length :]


def signed_jpeg_2000(codes: Codes) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(codes.astype(np.int16), level=0, codecformat="J2K", reversible=True))


FLAGGED = [
    Variant("lossy by header", "lossy", {"LossyImageCompression": "01"}),
    Variant("near-lossless", "lossy", syntax=NEAR_LS, frame=lambda c: bytes(imagecodecs.jpegls_encode(c, level=2))),
    Variant(
        "lossy jpeg 2000",
        "lossy",
        syntax=LOSSY_J2K,
        frame=lambda c: bytes(imagecodecs.jpeg2k_encode(c, level=60, codecformat="J2K", bitspersample=12)),
    ),
    Variant(
        "baseline", "lossy", syntax=BASELINE, codes=EIGHT, frame=lambda c: bytes(imagecodecs.jpeg8_encode(c, level=98))
    ),
    Variant(
        "extended",
        "lossy",
        syntax=EXTENDED,
        frame=lambda c: bytes(imagecodecs.jpeg8_encode(c, level=98, bitspersample=12)),
    ),
    Variant("lossy high throughput", "lossy", syntax=LOSSY_HT, frame=htj2k),
    Variant(
        "overlay in a jpeg 2000",
        "precision",
        syntax=J2K,
        frame=lambda c: jpeg_2000(c, 16),
        codes=(BREAST | 0x8000).astype(np.uint16),
    ),
    Variant("length field false", "false_length", damage=false_length),
]

FIVE = {SV1: jpeg_lossless, LS: jpeg_ls, J2K: jpeg_2000, LOSSY_J2K: jpeg_2000, RLE: run_lengths}

REJECTED = [
    Variant("jpeg-ls labeled as jpeg 2000", "untrue_coding", syntax=J2K, frame=jpeg_ls),
    Variant("jpeg 2000 labeled as jpeg-ls", "untrue_coding", syntax=LS, frame=jpeg_2000),
    Variant(
        "baseline labeled as lossless",
        "untrue_coding",
        syntax=SV1,
        codes=EIGHT,
        frame=lambda c: bytes(imagecodecs.jpeg8_encode(c)),
    ),
    Variant("lossless labeled as baseline", "untrue_coding", syntax=BASELINE, frame=jpeg_lossless),
    Variant("native labeled as jpeg 2000", "untrue_coding", syntax=J2K, frame=lambda c: c.tobytes()),
    Variant("png labeled as jpeg 2000", "untrue_coding", syntax=J2K, frame=lambda c: bytes(imagecodecs.png_encode(c))),
    Variant(
        "compressed labeled as native",
        "cut_off",
        edit=lambda d: d.__setattr__("PixelData", encapsulate([jpeg_ls(BREAST)])),
    ),
    *[
        Variant(f"fewer rows than {syntax}", "other_size", {"Rows": 199}, syntax=syntax, frame=frame)
        for syntax, frame in ((SV1, jpeg_lossless), (LS, jpeg_ls), (J2K, jpeg_2000))
    ],
    Variant("more rows than run lengths", "cut_off", {"Rows": 201}, syntax=RLE, frame=run_lengths),
    Variant("run lengths of one byte", "other_size", syntax=RLE, frame=lambda c: run_lengths(EIGHT)),
    Variant(
        "three components",
        "other_size",
        syntax=J2K,
        frame=lambda c: bytes(imagecodecs.jpeg2k_encode(np.dstack([EIGHT] * 3), codecformat="J2K")),
    ),
    Variant("signed in an unsigned image", "other_size", syntax=J2K, frame=signed_jpeg_2000),
    *[
        Variant(f"{int(share * 100)} % of {syntax}", "cut_off", syntax=syntax, frame=frame, edit=cut(share))
        for syntax, frame in FIVE.items()
        if syntax != RLE
        for share in (0.95, 0.5)
    ],
    Variant("95 % of run lengths", "broken_pixels", syntax=RLE, frame=run_lengths, edit=cut(0.95)),
    Variant("empty frame", "untrue_coding", syntax=LS, frame=lambda c: b"\0\0"),
    Variant("start and end markers only", "cut_off", syntax=SV1, frame=lambda c: b"\xff\xd8\xff\xd9"),
    Variant("native pixels cut off", "cut_off", edit=lambda d: d.__setattr__("PixelData", d.PixelData[:-100])),
    Variant("file cut off in native pixels", "cut_off", damage=lambda content: content[:-5000]),
    Variant(
        "file cut off in a frame",
        "cut_off",
        syntax=LS,
        frame=jpeg_ls,
        damage=lambda content: content[: len(content) * 3 // 4],
    ),
    Variant("without delimiter", "cut_off", syntax=LS, frame=jpeg_ls, damage=lambda content: content[:-8]),
    Variant("no pixel data", "no_pixels", edit=lambda d: d.__delattr__("PixelData")),
    Variant("empty pixel data", "no_pixels", edit=lambda d: d.__setattr__("PixelData", b"")),
    Variant("video", "unknown_coding", syntax="1.2.840.10008.1.2.4.100", frame=jpeg_ls),
    Variant("private syntax", "unknown_coding", syntax="1.2.3.4.5", frame=jpeg_ls),
    Variant("no syntax", "unknown_coding", damage=without_syntax),
]

VARIANTS = [*ACCEPTED, *FLAGGED, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(VARIANTS, tmp_path_factory.mktemp("coding"))


@named(VARIANTS)
def test_every_variant_has_its_outcome(results: Results, variant: Variant) -> None:
    assert results.outcome(variant.name) == variant.outcome


@named(ACCEPTED)
def test_lossless_pixels_are_the_codes(results: Results, variant: Variant) -> None:
    check_pixels(results, variant)


@named([variant for variant in FLAGGED if variant.outcome == "lossy"])
def test_lossy_pixels_are_near_the_codes(results: Results, variant: Variant) -> None:
    pixels, box, _ = results.pixels(variant.name)
    gray = variant.gray if variant.codes.dtype != np.uint8 else as_range(255)
    expected = gray(variant.codes.astype(np.float64))[box.row0 : box.row1, box.col0 : box.col1]
    assert np.median(np.abs(pixels - expected)) < 60


@pytest.mark.parametrize("syntax", FIVE)
def test_every_truncated_frame_is_rejected(syntax: str, tmp_path: Path) -> None:
    shares = np.random.default_rng(0).uniform(0.02, 0.999, 60)
    variants = [
        Variant(str(n), "", syntax=syntax, frame=FIVE[syntax], edit=cut(share)) for n, share in enumerate(shares)
    ]
    whole = Variant("whole", syntax=syntax, frame=FIVE[syntax])
    results = ingest([whole, *variants], tmp_path)
    assert {results.outcome(variant.name) for variant in variants} <= {
        "cut_off",
        "broken_pixels",
        "untrue_coding",
        "other_size",
    }
    assert results.by_name["whole"].verdict in ("accepted", "accepted with flags")
