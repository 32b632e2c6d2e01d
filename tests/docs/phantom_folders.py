"""Folders of images of phantoms as a clinic hands them over, with a table of findings."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
import pydicom
from numpy.typing import NDArray
from pydicom.uid import BreastTomosynthesisImageStorage

from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec, Dials, Mix

UNWANTED = {
    "Modality": "US",
    "SOPClassUID": BreastTomosynthesisImageStorage,
    "PaddleDescription": "SPOT COMPRESSION",
}
"""What makes a file one that is no screening mammogram."""


@dataclass(frozen=True)
class Phantom:
    """An image of a phantom.

    Attributes:
        patient: its number, from 1.
        image: the DICOM data set.
        lesions: label and mask, uint8 [H, W], of each lesion.
    """

    patient: int
    image: pydicom.FileDataset
    lesions: list[tuple[str, NDArray[np.uint8]]]


def phantoms(n_patients: int, seed: int) -> Iterator[Phantom]:
    """Draw a cohort at an eighth of full size, four images of each patient."""
    with TemporaryDirectory() as folder:
        dials, mix = Dials(2.0, 1.5), Mix(0.2, 0.4, 0.4)
        spec = CohortSpec(seed=seed, scale=0.125, n_patients=n_patients, dials=dials, mix=mix)
        write_cohort(spec, Path(folder), processes=1)
        table = pd.read_csv(Path(folder) / "lesions.csv").groupby("image")
        for source in sorted(Path(folder).rglob("*.dcm")):
            name = f"{source.parent.name}/{source.name}"
            rows = table.get_group(name).itertuples() if name in table.groups else ()
            masks = [(row.label, cv2.imread(f"{folder}/{row.mask}", cv2.IMREAD_GRAYSCALE)) for row in rows]
            yield Phantom(int(source.parent.name[-4:]), pydicom.dcmread(source), masks)


def write_clinic(folder: Path, n_patients: int, seed: int) -> pd.DataFrame:
    """Write DICOM files in nested folders, under patient numbers with a leading zero, and findings.xlsx with boxes.

    Returns:
        the table: Patient, Side, View, Pathology, x, y, w, h.
    """
    rows = []
    for number, phantom in enumerate(phantoms(n_patients, seed)):
        image = phantom.image
        image.PatientID = f"{41000 + 97 * seed + phantom.patient:06d}"
        file = folder / f"CD{1 + number % 2}" / image.PatientID / "MG" / f"IM{number:04d}.ima"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save_as(file, enforce_file_format=True)
        side = {"L": "left", "R": "right"}[image.ImageLaterality]
        for label, mask in phantom.lesions:
            rows.append([image.PatientID, side, image.ViewPosition.lower(), label.title(), *cv2.boundingRect(mask)])
    table = pd.DataFrame(rows, columns=["Patient", "Side", "View", "Pathology", "x", "y", "w", "h"])
    table.to_excel(folder / "findings.xlsx", index=False)
    return table


def write_own_data(folder: Path) -> None:
    """Write data and, of other patients, second and new: folders of a clinic.

    new has a finding without a label. data has duplicates and unwanted files, too, and beside its table
    findings-draft.xlsx, which has wrong rows.
    """
    table = write_clinic(folder / "data", n_patients=15, seed=5)
    write_clinic(folder / "second", n_patients=6, seed=6)
    unlabeled = write_clinic(folder / "new", n_patients=6, seed=7)
    unlabeled.loc[0, "Pathology"] = "none"
    unlabeled.to_excel(folder / "new" / "findings.xlsx", index=False)
    files = sorted((folder / "data").rglob("*.ima"))
    for file in files[:3]:
        shutil.copy(file, file.with_name(f"copy of {file.stem}"))
    for file, (name, value) in zip(files[3:], UNWANTED.items(), strict=False):
        image = pydicom.dcmread(file)
        setattr(image, name, value)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.{len(name)}"
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.save_as(file.with_name(f"{name}.ima"), enforce_file_format=True)
    (folder / "data" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    draft = table.copy()
    draft.loc[9, "Side"] = "letf"
    draft.loc[15, "Patient"] = draft.loc[15, "Patient"].lstrip("0")
    draft.loc[20, "Pathology"] = "no biopsy"
    draft.loc[25, "Patient"] = "099999"
    draft.to_excel(folder / "data" / "findings-draft.xlsx", index=False)
