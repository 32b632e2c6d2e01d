"""Fixtures of the intake tests: small DICOM files."""

from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

MakeDicom = Callable[..., Dataset]

ENCODERS = {
    JPEGLosslessSV1: lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda pixels: imagecodecs.jpeg2k_encode(
        pixels, codecformat="J2K", reversible=True, bitspersample=12
    ),
}


def mammogram(pixels: NDArray[np.integer], syntax: str = ExplicitVRLittleEndian, **tags: object) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "PatientID": "P1",
        "PatientName": "ZZCANARY",
        "StudyInstanceUID": "1.2.3",
        "ImageLaterality": "L",
        "ViewPosition": "CC",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    } | tags
    for name, value in values.items():
        if value is not None:
            setattr(dataset, name, value)
    if syntax in ENCODERS:
        dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](pixels.astype(np.uint16)))])
    else:
        dataset.PixelData = pixels.astype("<u2").tobytes()
        if syntax == RLELossless:
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.compress(RLELossless)
    dataset["PixelData"].VR = "OW" if syntax == ExplicitVRLittleEndian else "OB"
    return dataset


@pytest.fixture
def make_dicom() -> MakeDicom:
    """Return a function (pixels [H, W], syntax, **tags) that makes a mammogram; a tag of None is omitted."""
    return mammogram


@pytest.fixture
def half_disc() -> NDArray[np.uint16]:
    """Return a breast of a left CC image, [200, 120] uint16: a half disc that touches column 0, background 0."""
    rows, cols = np.mgrid[:200, :120]
    inside = ((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1
    return np.where(inside, 1000 + rows * 5 + cols, 0).astype(np.uint16)


@pytest.fixture
def table(tmp_path: Path, half_disc: NDArray[np.uint16]) -> Path:
    """Return a folder in the table layout: a/L-CC.dcm and a/R-CC.dcm, one lesion by mask on each."""
    for side, pixels in (("L", half_disc), ("R", half_disc[:, ::-1])):
        path = tmp_path / "a" / f"{side}-CC.dcm"
        path.parent.mkdir(exist_ok=True)
        mammogram(pixels, ImageLaterality=side).save_as(path, enforce_file_format=True)
        mask = np.zeros(pixels.shape, np.uint8)
        mask[90:110, 30:50] = 255
        (tmp_path / "outlines").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "outlines" / f"{side}.png"), mask if side == "L" else mask[:, ::-1])
    (tmp_path / "lesions.csv").write_text(
        "image,label,lesion_id,mask\na/L-CC.dcm,malignant,x,outlines/L.png\na/R-CC.dcm,benign,y,outlines/R.png\n"
    )
    return tmp_path
