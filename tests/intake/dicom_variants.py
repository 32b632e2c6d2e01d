"""Variants of a mammogram's DICOM file, with the outcome that ingest must give each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from mammo.geometry import Box, Frame
from mammo.ingestion.run import IngestResult, ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.intake.outcomes import Outcome
from mammo.store.image_store import ImageStore

Codes = NDArray[np.generic]
GrayValues = Callable[[NDArray[np.float64]], NDArray[np.float64]]

MG = "1.2.840.10008.5.1.4.1.1.1.2"
SHAPE = (200, 120)
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]]
INSIDE = ((ROWS - 95.5) / 80) ** 2 + (COLS / 90) ** 2 < 1
"""[H, W] bool, the breast of a left view: half a disc that touches column 0."""

BREAST = np.where(INSIDE, 300 + ROWS * 15 + COLS * 5, 0).astype(np.uint16)
"""[H, W] uint16, 12-bit codes of the breast on a background of 0."""

FRAME = Frame(368, 240, 8)


def as_range(top: int) -> GrayValues:
    """Return the rule without a window: the whole range of codes becomes 0 to 4095."""
    return lambda x: x * 4095 / top


@dataclass(frozen=True)
class Variant:
    """One DICOM file: a plain mammogram with some changes.

    Attributes:
        name: what is changed.
        outcome: expected outcome: "accepted", "duplicate", the rejection code, or the flags joined by +.
        tags: changed attributes; None removes one.
        codes: stored codes [H, W].
        syntax: transfer syntax.
        frame: the compressed frame, from the codes; None for native pixels.
        edit: changes the data set before it is written.
        damage: changes the file's bytes.
        gray: expected presentation values of an accepted file as a function of its codes, before rounding.
    """

    name: str
    outcome: str = "accepted"
    tags: dict[str, Any] = field(default_factory=dict)
    codes: Codes = field(default_factory=lambda: BREAST)
    syntax: str = ExplicitVRLittleEndian
    frame: Callable[[Codes], bytes] | None = None
    edit: Callable[[FileDataset], object] | None = None
    damage: Callable[[bytes], bytes] | None = None
    gray: GrayValues = field(default_factory=lambda: as_range(4095))

    def content(self, number: int) -> bytes:
        """Return the file's bytes; patient and identifiers contain the number."""
        dataset = self._dataset(number)
        if self.edit:
            self.edit(dataset)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return self.damage(stream.getvalue()) if self.damage else stream.getvalue()

    def _dataset(self, number: int) -> FileDataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = self.syntax
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MG, f"2.25.{1000 + number}"
        little = self.syntax != "1.2.840.10008.1.2.2"
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128, is_little_endian=little)
        allocated = 8 if self.codes.dtype == np.uint8 else 16
        values = {
            "SOPClassUID": MG,
            "SOPInstanceUID": f"2.25.{1000 + number}",
            "Modality": "MG",
            "PresentationIntentType": "FOR PRESENTATION",
            "PatientID": f"P{number}",
            "StudyInstanceUID": f"2.25.{500000 + number}",
            "ImageLaterality": "L",
            "ViewPosition": "CC",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": self.codes.shape[0],
            "Columns": self.codes.shape[1],
            "BitsAllocated": allocated,
            "BitsStored": min(allocated, 12),
            "HighBit": min(allocated, 12) - 1,
            "PixelRepresentation": 0,
        } | self.tags
        for name, value in values.items():
            if value is not None:
                setattr(dataset, name, value)
        self._pixels(dataset, allocated)
        return dataset

    def _pixels(self, dataset: FileDataset, allocated: int) -> None:
        if self.frame is not None:
            dataset.PixelData = encapsulate([self.frame(self.codes)])
        elif self.syntax == "1.2.840.10008.1.2.2":
            dataset.PixelData = self.codes.astype(f">u{allocated // 8}").tobytes()
        else:
            dataset.PixelData = self.codes.astype(f"<u{allocated // 8}").tobytes()
        if len(dataset.PixelData) % 2:
            dataset.PixelData += b"\0"
        dataset["PixelData"].VR = "OB" if self.frame is not None or allocated == 8 else "OW"


@dataclass(frozen=True)
class Results:
    """Outcomes of many variants in one ingest."""

    result: IngestResult
    store: ImageStore
    by_name: dict[str, Outcome]

    def outcome(self, name: str) -> str:
        """Return the outcome of a variant in the form of Variant.outcome."""
        outcome = self.by_name[name]
        return "+".join(outcome.codes) or outcome.verdict.value

    def pixels(self, name: str) -> tuple[NDArray[np.uint16], Box, bool]:
        """Return an accepted variant: stored pixels [H, W], breast box (mirrored frame), whether it was mirrored."""
        image_id = self.by_name[name].image_id
        chain = self.result.manifest.chain(image_id)
        rows, cols = self.store.shape(image_id)
        return self.store.read(image_id, Box(0, rows, 0, cols)), chain.breast, chain.mirrored


def ingest(variants: Iterable[Variant], folder: Path) -> Results:
    """Write every variant below folder/source and fill a store from them in child processes."""
    source = folder / "source"
    source.mkdir(parents=True)
    names = [variant.name for variant in variants]
    assert len(names) == len(set(names))
    for number, variant in enumerate(variants):
        (source / f"{number:03d}.dcm").write_bytes(variant.content(number))
    (source / "lesions.csv").write_text("image,label,mask\n")
    result = ingest_cohort(Recipe(source, folder / "store", FRAME, 1), read(source), 1)
    by_name = {names[int(Path(outcome.path).stem)]: outcome for outcome in result.outcomes}
    assert by_name.keys() == set(names)
    return Results(result, ImageStore(folder / "store"), by_name)


def check_pixels(results: Results, variant: Variant, mask: int = 0xFFFF) -> None:
    """Check that the stored pixels follow the variant's formula, mirrored and cropped by the chain."""
    pixels, box, mirrored = results.pixels(variant.name)
    expected = variant.gray((variant.codes.astype(np.int64) & mask).astype(np.float64))
    if mirrored:
        expected = expected[:, ::-1]
    expected = expected[box.row0 : box.row1, box.col0 : box.col1]
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-6


def named(variants: Iterable[Variant]) -> Any:
    """Parametrize a test by variant."""
    return pytest.mark.parametrize("variant", variants, ids=lambda variant: variant.name.replace(" ", "_"))


def sequence(**values: object) -> list[Dataset]:
    """Return a sequence of one item."""
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return [item]


def lut_sequence(data: list[int], descriptor: list[int], vr: str = "OW") -> list[Dataset]:
    """Return a lookup table sequence; its data are 16-bit words (OW) or numbers (US)."""
    (item,) = sequence(LUTDescriptor=descriptor)
    item["LUTDescriptor"].VR = "SS" if min(descriptor) < 0 else "US"
    item.add_new("LUTData", vr, np.array(data, "<u2").tobytes() if vr == "OW" else data)
    return [item]


def jpeg_lossless(codes: Codes, bits: int = 12) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(codes, lossless=True, bitspersample=bits))


def jpeg_ls(codes: Codes) -> bytes:
    return bytes(imagecodecs.jpegls_encode(codes))


def jpeg_2000(codes: Codes, bits: int = 12) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(codes, level=0, codecformat="J2K", reversible=True, bitspersample=bits))


def run_lengths(codes: Codes) -> bytes:
    """Encode as RLE (PS3.5 annex G): each row packed separately, the high byte's segment first."""
    planes = (
        codes.astype(">u2").view(np.uint8).reshape(*codes.shape, 2) if codes.dtype != np.uint8 else codes[..., None]
    )
    parts = [b"".join(_packed(row.tobytes()) for row in planes[..., n]) for n in range(planes.shape[2])]
    parts = [part + b"\x80" * (len(part) % 2) for part in parts]
    offsets = np.cumsum([64, *(len(part) for part in parts)])[:-1]
    head = np.zeros(16, "<u4")
    head[0], head[1 : 1 + len(parts)] = len(parts), offsets
    return head.tobytes() + b"".join(parts)


def _packed(row: bytes) -> bytes:
    """Pack a row as literal runs only: long but simple."""
    return b"".join(bytes([len(row[i : i + 128]) - 1]) + row[i : i + 128] for i in range(0, len(row), 128))


ENCODERS = {
    "1.2.840.10008.1.2.4.57": jpeg_lossless,
    "1.2.840.10008.1.2.4.70": jpeg_lossless,
    "1.2.840.10008.1.2.4.80": jpeg_ls,
    "1.2.840.10008.1.2.4.90": jpeg_2000,
    RLELossless: run_lengths,
}

PNG = cv2.imencode(".png", BREAST)[1].tobytes()
