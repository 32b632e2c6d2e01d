"""Where DICOM results come from and belong to: the mammogram, its patient and study, the bundle and the time.

Every unique identifier is a function of the mammogram, the bundle and the prediction, so that the same prediction gives
the same objects, which an archive keeps once.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from mammo import __version__
from mammo.inference.bundle_facts import BundleName
from mammo.inference.prediction import LesionPrediction
from mammo.intake.laterality_view import read_laterality
from mammo.intake.rejections import RejectedError
from mammo.records import Laterality, MammoError
from mammo.text import printable

IDENTIFYING = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
"""Attributes without which no object can refer to an image or stand in its study."""

PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Attributes of type 2: required, and empty where the mammogram has none."""

OPTIONAL = ("IssuerOfPatientID", "PatientAge", "StudyDescription", "ClinicalTrialSubjectID")
"""Attributes that are repeated where the mammogram has them."""

SIDE = (
    *("ImageLaterality", "Laterality", "SharedFunctionalGroupsSequence", "AnatomicRegionSequence"),
    "PatientOrientation",
)
"""Attributes that state which breast it is, and how it lies."""

READ = (*IDENTIFYING, "Rows", "Columns", *PATIENT_AND_STUDY, *OPTIONAL, *SIDE)
"""Every attribute of the mammogram that results depend on."""

UNREFERRED = (
    ", so that no DICOM result can refer to it: export it from its archive again, or predict without DICOM results"
)

UTF_8 = "ISO_IR 192"

SERIES_NUMBERS = {"report": 9501, "outlines": 9502, "pictures": 9503}
"""Series of a study's results, after those of any mammography system."""

LONGEST = 64
"""Characters of an attribute with value representation LO."""


@dataclass(frozen=True, eq=False)
class Origin:
    """The mammogram that a prediction is about, and what made the prediction.

    Attributes:
        source: the mammogram; its pixels are not read.
        bundle: that made the prediction.
        lesions: the prediction.
        when: date and time that the results state; they do not enter identifiers.
    """

    source: Dataset
    bundle: BundleName
    lesions: Sequence[LesionPrediction]
    when: datetime

    def __post_init__(self) -> None:
        """Raise MammoError where nothing can refer to the mammogram, or an outline lies outside it."""
        missing = [name for name in (*IDENTIFYING, "Rows", "Columns") if not self.source.get(name)]
        if missing:
            raise MammoError(f"the image has no {missing[0]}{UNREFERRED}")
        if odd := [name for name in IDENTIFYING if not _is_uid(name, self.source[name].value)]:
            raise MammoError(f"the image's {odd[0]} is several or unknown to DICOM{UNREFERRED}")
        for number, lesion in enumerate(self.lesions, start=1):
            box, shape = lesion.outline.box, self.shape
            if box.row0 < 0 or box.col0 < 0 or box.row1 > shape[0] or box.col1 > shape[1]:
                raise MammoError(
                    f"lesion {number}: its outline ends at row {box.row1} and column {box.col1}, but the "
                    f"image has {shape[0]} rows and {shape[1]} columns: give the image that was scored"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the mammogram."""
        return int(self.source.Rows), int(self.source.Columns)

    @property
    def laterality(self) -> Laterality | None:
        """Which breast; None where the mammogram does not state it."""
        try:
            return read_laterality(self.source)[0]
        except RejectedError:
            return None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the results: mammogram, bundle, outlines and predictions; as hex."""
        content = hashlib.sha256(json.dumps([str(self.source.SOPInstanceUID), self.bundle.digest]).encode())
        for lesion in self.lesions:
            mask, box, _ = lesion.outline
            content.update(json.dumps([lesion.as_json(), box.row0, box.row1, box.col0, box.col1]).encode())
            content.update(np.packbits(mask).tobytes())
        return content.hexdigest()

    def uid(self, *names: object) -> UID:
        """The unique identifier (PS3.5 B.2) of the object, series or lesion with these names."""
        text = json.dumps(["mammo result", self.digest, *map(str, names)])
        return UID(f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}")

    def label(self, index: int) -> str:
        """The user's own id of a lesion as DICOM allows it: printable, without a backslash, at most 64 characters."""
        text = printable(self.lesions[index].lesion_id).replace("\\", "/").strip()
        return text[:LONGEST] or f"lesion {index + 1}"

    def header(self) -> Dataset:
        """The mammogram's attributes that results refer to, without the patient's, which `complete` adds as they are.

        highdicom rejects values of patient and study that real files have, such as an unusual sex.
        """
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        for name in (*IDENTIFYING, "Rows", "Columns"):
            setattr(made, name, self.source[name].value)
        for name in PATIENT_AND_STUDY:
            setattr(made, name, None)
        return made

    def equipment(self, kind: str, number: int = 1) -> dict[str, Any]:
        """The arguments that highdicom's classes share: series, instance, device, and the time.

        Args:
            kind: of the series: report, outlines or pictures.
            number: of the object in its series.
        """
        return {
            "series_instance_uid": self.uid(kind),
            "series_number": SERIES_NUMBERS[kind],
            "sop_instance_uid": self.uid(kind, number),
            "instance_number": number,
            "series_description": f"mammo {kind}: for research use only",
            "manufacturer": "mammo",
            "manufacturer_model_name": printable(self.bundle.name)[:LONGEST].replace("\\", "/"),
            "software_versions": __version__,
            "device_serial_number": self.bundle.digest[:LONGEST],
            "content_date": self.when.date(),
            "content_time": self.when.time(),
            "specific_character_set": UTF_8,
        }

    def complete(self, made: Dataset) -> Dataset:
        """Give an object that highdicom made the patient and study of the mammogram, and the time; returns it."""
        for name in (*PATIENT_AND_STUDY, *OPTIONAL):
            value = self.source.get(name)
            if value in (None, "") and name in OPTIONAL:
                continue
            text = "" if value is None else str(value)
            tag = tag_for_keyword(name) or 0
            made[tag] = DataElement(tag, dictionary_VR(tag), text, validation_mode=IGNORE)
        made.InstanceCreationDate, made.InstanceCreationTime = self.when.date(), self.when.time()
        made.ContentDate, made.ContentTime = self.when.date(), self.when.time()
        for item in made.get("ContributingEquipmentSequence") or []:  # highdicom names itself there
            item.ContributionDateTime = self.when
        return made

    def orientation(self) -> list[str]:
        """Patient Orientation (0020,0020) of rows and columns; empty, as type 2C allows, where it is not stated."""
        stated = self.source.get("PatientOrientation") or []
        return [str(word) for word in stated] if len(stated) == 2 else []


def _is_uid(name: str, value: object) -> bool:
    """Whether an identifier is one value, and that of a class known; UIDs of real files need not be well-formed."""
    return isinstance(value, str) and (name != "SOPClassUID" or UID(value).type == "SOP Class")
