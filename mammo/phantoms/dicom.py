"""One synthetic image as a DICOM file: Digital Mammography X-Ray Image, for presentation (PS3.3 A.27, C.8.11.7).

Every attribute that the object requires is there; the patient is a phantom and the dates are fixed.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ImplicitVRLittleEndian

from mammo.phantoms.detector import Detector, draw_detector
from mammo.phantoms.elements import Elements, element, encoded
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.spec import CohortSpec
from mammo.phantoms.syntaxes import SYNTAXES, Syntax
from mammo.records import FULL_SCALE, Laterality, View

INVERTED_SHARE = 0.25
"""How many images are stored as MONOCHROME1."""

SOP_CLASS = str(DigitalMammographyXRayImageStorageForPresentation)

PIXEL_DATA = 0x7FE00010
"""Tag of the element that holds the pixels."""

VIEW_CODES = {View.CC: ("399162004", "cranio-caudal"), View.MLO: ("399368009", "medio-lateral oblique")}
"""SNOMED CT codes of the views (CID 4014)."""

BREAST_CODE = ("76752008", "Breast")

ORIENTATIONS = {
    (Laterality.LEFT, View.CC): "A\\R",
    (Laterality.LEFT, View.MLO): "A\\FR",
    (Laterality.RIGHT, View.CC): "P\\L",
    (Laterality.RIGHT, View.MLO): "P\\FL",
}
"""Patient Orientation (0020,0020) of rows and columns, chest wall as stored."""


@dataclass(frozen=True)
class Storage:
    """How one image is stored: its transfer syntax, and whether inverted (MONOCHROME1)."""

    syntax: Syntax
    inverted: bool


def draw_storage(key: Key) -> Storage:
    """The storage of one image, from its own random numbers."""
    rng = key.rng(Purpose.FILE)
    index = int(rng.choice(len(SYNTAXES), p=[syntax.share for syntax in SYNTAXES]))
    return Storage(SYNTAXES[index], bool(rng.random() < INVERTED_SHARE))


def write_image(path: Path, pixels: NDArray[np.uint16], spec: CohortSpec, key: Key, storage: Storage) -> None:
    """Write one image [rows, cols] of presentation values 0 to 4095.

    Args:
        path: the file to write.
        pixels: as the viewer shall see them; MONOCHROME1 is inverted here.
        spec: the cohort's, which enters the unique identifiers.
        key: which image it is.
        storage: how to store it.
    """
    stored = np.uint16(FULL_SCALE) - pixels if storage.inverted else pixels
    uid, instance = storage.syntax.uid, _uid(spec, key, "image")
    values = {"SOPClassUID": SOP_CLASS, "SOPInstanceUID": instance, **_identity(spec, key)}
    values |= {**_acquisition(key, draw_detector(key), spec.scale), **_described(stored, storage.inverted)}
    explicit = uid != ImplicitVRLittleEndian
    dataset = encoded(values, explicit) + _pixels(stored, storage.syntax, explicit)
    path.write_bytes(bytes(128) + b"DICM" + _file_meta(uid, instance) + dataset)


def patient_name(patient: int) -> str:
    """Patient ID (0010,0020) and folder of a phantom."""
    return f"PHANTOM-{patient:04d}"


def _file_meta(syntax: str, instance: str) -> bytes:
    """The file meta information (PS3.10 7.1) of an image of this transfer syntax and identifier."""
    values: Elements = {
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": SOP_CLASS,
        "MediaStorageSOPInstanceUID": instance,
        "TransferSyntaxUID": syntax,
        "ImplementationClassUID": "2.25.231480367091624310932871065408139457421",
        "ImplementationVersionName": "MAMMO_PHANTOM",
    }
    meta = encoded(values, explicit=True)
    return encoded({"FileMetaInformationGroupLength": len(meta)}, explicit=True) + meta


def _uid(spec: CohortSpec, key: Key, level: str) -> str:
    """A unique identifier (PS3.5 B.2) that is a pure function of the recipe and of what it names."""
    named = {"exam": (key.patient,), "image": (key.patient, key.laterality, key.view)}[level]
    text = json.dumps(["mammo phantom", spec.recipe(), level, named], sort_keys=True)
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"


def _identity(spec: CohortSpec, key: Key) -> Elements:
    """Patient, study, series and image modules."""
    name = patient_name(key.patient)
    number = 1 + 2 * (key.laterality is Laterality.RIGHT) + (key.view is View.MLO)
    return {
        "PatientName": name,
        "PatientID": name,
        "PatientBirthDate": "",
        "PatientSex": "F",
        "StudyInstanceUID": _uid(spec, key, "exam"),
        **dict.fromkeys(("StudyDate", "ContentDate", "AcquisitionDate"), "20200101"),
        **dict.fromkeys(("StudyTime", "ContentTime", "AcquisitionTime"), "120000"),
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "StudyID": "1",
        "SeriesInstanceUID": f"{_uid(spec, key, 'image')}.1"[:64],
        "SeriesNumber": str(number),
        "InstanceNumber": "1",
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "ImageType": "DERIVED\\PRIMARY",
        "DerivationDescription": "synthetic image, no patient",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
    }


def _acquisition(key: Key, detector: Detector, scale: float) -> Elements:
    """Equipment, detector and mammography positioning modules."""
    assert key.laterality is not None
    assert key.view is not None
    spacing = "\\".join([f"{detector.pixel_mm / scale:.6g}"] * 2)
    return {
        "Manufacturer": detector.manufacturer,
        "ManufacturerModelName": detector.model,
        "SoftwareVersions": "1",
        "DeviceSerialNumber": "1",
        "PixelSpacing": spacing,
        "ImagerPixelSpacing": spacing,
        "BodyPartExamined": "BREAST",
        "OrganExposed": "BREAST",
        "PositionerType": "MAMMOGRAPHIC",
        "DetectorType": "DIRECT",
        "ImageLaterality": key.laterality.value,
        "ViewPosition": key.view.value,
        "PatientOrientation": ORIENTATIONS[key.laterality, key.view],
        "BreastImplantPresent": "NO",
        "PartialView": "NO",
        "ViewCodeSequence": [{**_coded(*VIEW_CODES[key.view]), "ViewModifierCodeSequence": []}],
        "AnatomicRegionSequence": [_coded(*BREAST_CODE)],
        "AcquisitionContextSequence": [],
    }


def _coded(value: str, meaning: str) -> Elements:
    return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}


def _described(stored: NDArray[np.uint16], inverted: bool) -> Elements:
    """Image pixel (but the pixels), DX image and VOI LUT modules; the window is the identity on 0 to 4095."""
    return {
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PixelRepresentation": 0,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PhotometricInterpretation": "MONOCHROME1" if inverted else "MONOCHROME2",
        "PresentationLUTShape": "INVERSE" if inverted else "IDENTITY",
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": 1 if inverted else -1,
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "US",
        "WindowCenter": "2048",
        "WindowWidth": "4096",
        "VOILUTFunction": "LINEAR",
    }


def _pixels(stored: NDArray[np.uint16], syntax: Syntax, explicit: bool) -> bytes:
    """The element that holds the pixels, the last of the file."""
    if syntax.encode is None:
        return element(PIXEL_DATA, "OW", stored.astype("<u2").tobytes(), explicit)
    return element(PIXEL_DATA, "OB", encapsulate([syntax.encode(stored)]), explicit, undefined=True)
