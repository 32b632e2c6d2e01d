"""DICOM file of one synthetic image: Digital Mammography X-Ray Image, for presentation (PS3.3 A.27, C.8.11.7).

All required attributes are present; the patient is a phantom and the dates are fixed.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation

from mammo.phantoms.detector import Detector, draw_detector
from mammo.phantoms.spec import CohortSpec, Key, Purpose
from mammo.phantoms.transfer_syntaxes import SYNTAXES, Syntax
from mammo.records import FULL_SCALE, Laterality, View

INVERTED_SHARE = 0.25
"""Share of images stored as MONOCHROME1."""

VIEW_CODES = {View.CC: ("399162004", "cranio-caudal"), View.MLO: ("399368009", "medio-lateral oblique")}
"""SNOMED CT codes of the views (CID 4014)."""

BREAST_CODE = ("76752008", "Breast")

ORIENTATIONS = {
    (Laterality.LEFT, View.CC): ["A", "R"],
    (Laterality.LEFT, View.MLO): ["A", "FR"],
    (Laterality.RIGHT, View.CC): ["P", "L"],
    (Laterality.RIGHT, View.MLO): ["P", "FL"],
}
"""Patient Orientation (0020,0020) of rows and columns, chest wall as stored."""


@dataclass(frozen=True)
class Storage:
    """Storage of one image: its transfer syntax, and whether it is inverted (MONOCHROME1)."""

    syntax: Syntax
    inverted: bool


def draw_storage(key: Key) -> Storage:
    """Draw the storage of one image from its own random numbers."""
    rng = key.rng(Purpose.FILE)
    index = int(rng.choice(len(SYNTAXES), p=[syntax.share for syntax in SYNTAXES]))
    return Storage(SYNTAXES[index], bool(rng.random() < INVERTED_SHARE))


def write_image(path: Path, pixels: NDArray[np.uint16], spec: CohortSpec, key: Key, storage: Storage) -> None:
    """Write one image.

    Args:
        path: the file to write.
        pixels: presentation values uint16 [rows, cols], 0 to 4095, stored frame; inverted here for MONOCHROME1.
        spec: the cohort's parameters, which enter the unique identifiers.
        key: the image.
        storage: transfer syntax and inversion.
    """
    stored = np.uint16(FULL_SCALE) - pixels if storage.inverted else pixels
    instance = _uid(spec, key, "image")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = storage.syntax.uid
    meta.ImplementationClassUID = UID("2.25.231480367091624310932871065408139457421")
    meta.ImplementationVersionName = "MAMMO_PHANTOM"
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, instance
    detector = draw_detector(key)
    _identity(dataset, spec, key)
    _acquisition(dataset, key, detector, spec.scale)
    _pixels(dataset, stored, storage)
    dataset.save_as(path, enforce_file_format=True)


def patient_name(patient: int) -> str:
    """Return the Patient ID (0010,0020) and folder name of a phantom."""
    return f"PHANTOM-{patient:04d}"


def _uid(spec: CohortSpec, key: Key, level: str) -> UID:
    """Return a unique identifier (PS3.5 B.2), a pure function of the recipe and of the exam or image."""
    named = {"exam": (key.patient,), "image": (key.patient, key.laterality, key.view)}[level]
    text = json.dumps(["mammo phantom", spec.recipe(), level, named], sort_keys=True)
    return UID(f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}")


def _identity(dataset: Dataset, spec: CohortSpec, key: Key) -> None:
    """Fill the patient, study, series and image modules."""
    name = patient_name(key.patient)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = name, name, "", "F"
    dataset.StudyInstanceUID = _uid(spec, key, "exam")
    dataset.StudyDate = dataset.ContentDate = dataset.AcquisitionDate = "20200101"
    dataset.StudyTime = dataset.ContentTime = dataset.AcquisitionTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    number = 1 + 2 * (key.laterality is Laterality.RIGHT) + (key.view is View.MLO)
    dataset.SeriesInstanceUID = UID(f"{_uid(spec, key, 'image')}.1"[:64])
    dataset.SeriesNumber, dataset.InstanceNumber = str(number), "1"
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.DerivationDescription = "synthetic image, no patient"
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"


def _acquisition(dataset: Dataset, key: Key, detector: Detector, scale: float) -> None:
    """Fill the equipment, detector and mammography positioning modules."""
    assert key.laterality is not None
    assert key.view is not None
    dataset.Manufacturer, dataset.ManufacturerModelName = detector.manufacturer, detector.model
    dataset.SoftwareVersions = dataset.DeviceSerialNumber = "1"
    dataset.PixelSpacing = dataset.ImagerPixelSpacing = [f"{detector.pixel_mm / scale:.6g}"] * 2
    dataset.BodyPartExamined, dataset.OrganExposed = "BREAST", "BREAST"
    dataset.PositionerType, dataset.DetectorType = "MAMMOGRAPHIC", "DIRECT"
    dataset.ImageLaterality, dataset.ViewPosition = key.laterality.value, key.view.value
    dataset.PatientOrientation = ORIENTATIONS[key.laterality, key.view]
    dataset.BreastImplantPresent, dataset.PartialView = "NO", "NO"
    view = _coded(*VIEW_CODES[key.view])
    view.ViewModifierCodeSequence = []
    dataset.ViewCodeSequence = [view]
    dataset.AnatomicRegionSequence = [_coded(*BREAST_CODE)]
    dataset.AcquisitionContextSequence = []


def _coded(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def _pixels(dataset: Dataset, stored: NDArray[np.uint16], storage: Storage) -> None:
    """Fill the image pixel, DX image and VOI LUT modules; the window is the identity on 0 to 4095."""
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PhotometricInterpretation = "MONOCHROME1" if storage.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if storage.inverted else "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if storage.inverted else -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = "2048", "4096", "LINEAR"
    if storage.syntax.encode is None:
        dataset.PixelData = stored.astype("<u2").tobytes()
    else:
        dataset.PixelData = encapsulate([storage.syntax.encode(stored)])
        dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OW" if storage.syntax.encode is None else "OB"
