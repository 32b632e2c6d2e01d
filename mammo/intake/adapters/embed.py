"""EMBED open data (Emory): digital mammograms with boxes, and pathology by finding.

    tables/EMBED_OpenData_metadata.csv    one row per file: side, view, kind of image, boxes
    tables/EMBED_OpenData_clinical.csv    one row per finding: side, assessment, path_severity
    images/cohort_1/<empi_anon>/<study>/<series>/<SOP>.dcm

Pitfalls: boxes (ymin, xmin, ymax, xmax) are in the frame of Emory's PNG files, which are flipped if PatientOrientation
starts with P, unless the newer column DCM_ROI_coords is present; and a finding is linked to a box only if its breast
has one finding and the image one box: all other boxes have no label, and are not joined across views
(_embed_clinical).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.intake.adapters._embed_clinical import IDS, ClinicalTable, text_key
from mammo.intake.adapters._labels import UNKNOWN_LABEL
from mammo.intake.laterality_view import code_string
from mammo.intake.outcomes import Flag
from mammo.intake.outlines import Outline, outline_of_box
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder, stem_of
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import stored_header, stored_values
from mammo.progress import track
from mammo.records import Cohort, Count, ImageRecord, Laterality, LeftOut, LesionRecord, View

IMAGE_COLUMNS = (*IDS, "anon_dicom_path", "finalimagetype", "imagelateralityfinal", "viewposition", "roi_coords")
EXTRA_COLUMNS = ("spot_mag", "dcm_roi_coords", "patientorientation")

SYNTHETIC = ("cview", "c-view")
"""FinalImageType of images computed from tomosynthesis."""

MIN_TISSUE_SHARE = 0.2
"""Smallest share of a box's pixels above background for the box to lie on the breast."""

Edges = tuple[float, float, float, float]
"""(row0, row1, col0, col1), px."""


@dataclass(frozen=True)
class _BoxedImage:
    """One image with its boxes.

    Attributes:
        image: the image.
        edges: edges of each box, in the frame of the PNG or of the DICOM file; empty if they are damaged.
        as_stored: whether that frame is the DICOM file's.
        orientation: PatientOrientation (0020,0020) in the table, empty if it has none.
    """

    image: ImageRecord
    edges: list[Edges]
    as_stored: bool
    orientation: str


def read(root: Path, synthetic: bool = False, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        synthetic: whether synthetic images (C-View) are accepted, with a flag; else they are rejected.
        workers: how files are read in child processes.

    Raises:
        MammoError: a table or one of its columns is missing.
    """
    folder = Folder(root)
    clinic = ClinicalTable.read(folder.find("EMBED_OpenData_clinical.csv", "*clinical_reduced.csv", "*clinical*.csv"))
    table = folder.find("EMBED_OpenData_metadata.csv", "EMBED_OpenData_metadata_reduced.csv", "*metadata*.csv")
    files = {stem_of(path): path for path in folder.images if not is_raster(path)}
    images: list[ImageRecord] = []
    boxed: list[_BoxedImage] = []
    listed: set[str] = set()
    for row in read_rows(table, IMAGE_COLUMNS, EXTRA_COLUMNS):
        if row.get("anon_dicom_path") in listed:  # a table joined with findings repeats an image for each finding
            continue
        listed.add(row.get("anon_dicom_path"))
        images.append(_image(row, files, clinic, synthetic))
        if re.search(r"\d", _coordinates(row)):
            as_stored = bool(row.get("dcm_roi_coords"))
            boxed.append(_BoxedImage(images[-1], _boxes(row), as_stored, row.get("patientorientation")))
    results = isolated(partial(_outlines, root), boxed, workers, lambda boxed: boxed.image.path)
    placed = track(results, "boxes", len(boxed))
    outlines = [outline for one, found in zip(boxed, placed, strict=True) for outline in _lesions(one, found, clinic)]
    return Cohort.ordered(images, outlines, _counts(images, boxed, outlines))


def _image(row: Row, files: Mapping[str, str], clinic: ClinicalTable, synthetic: bool) -> ImageRecord:
    listed = row.get("anon_dicom_path").replace("\\", "/")
    path = files.get(stem_of(listed), "images/" + listed[max(listed.find("cohort_"), 0) :])
    side, view = row.get("imagelateralityfinal").upper(), row.get("viewposition").upper()
    kind = row.get("finalimagetype").lower()
    patient, exam = (text_key(row, column) for column in IDS)
    image = ImageRecord(
        path,
        patient,
        exam,
        Laterality(side) if side in [*Laterality] else None,
        View(view) if view in [*View] else None,
        by_table=True,
        negative=not re.search(r"\d", _coordinates(row)) and clinic.is_negative(patient, exam, side),
        flags=(Flag.SYNTHETIC,) if kind in SYNTHETIC else (),
        density=clinic.density(exam),
    )
    found = {
        Code.SYNTHETIC: kind in SYNTHETIC and not synthetic,
        Code.WRONG_MODALITY: kind not in ("2d", *SYNTHETIC),
        Code.NO_LATERALITY: image.laterality is None,
        Code.OTHER_VIEW: image.view is None,
        Code.SPOT_OR_MAGNIFICATION: row.get("spot_mag").startswith("1"),
        Code.MISSING: stem_of(listed) not in files,
    }
    return next((rejected(image, code) for code, applies in found.items() if applies), image)


def _coordinates(row: Row) -> str:
    return row.get("dcm_roi_coords") or row.get("roi_coords")


def _boxes(row: Row) -> list[Edges]:
    """Return (row0, row1, col0, col1) of every box of a row, in any brackets; empty if numbers are missing."""
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", _coordinates(row))]
    fours = zip(*(iter(numbers),) * 4, strict=False)
    return [(ymin, ymax, xmin, xmax) for ymin, xmin, ymax, xmax in fours] if len(numbers) % 4 == 0 else []


def _lesions(
    boxed: _BoxedImage, found: list[Outline | Code] | Code, clinic: ClinicalTable
) -> Iterator[LesionRecord | LeftOut]:
    """Yield the lesions of one image from the outlines of its boxes."""
    image = boxed.image
    (label, source, high_risk, kind), birads, finding = UNKNOWN_LABEL, None, ""
    if len(boxed.edges) <= 1 and image.laterality:
        birads = clinic.birads(image.exam_key, image.laterality)
        label, source, high_risk, kind = clinic.label(image.patient_key, image.exam_key, image.laterality)
        finding = clinic.finding_key(image.patient_key, image.exam_key, image.laterality)
    outlines = [found for _ in boxed.edges or ("",)] if isinstance(found, Code) else found
    for number, outline in enumerate(outlines, 1):
        if isinstance(outline, Code):
            yield left_out(image.path, outline, image.path, label)
        else:
            mask, box = outline
            key = f"{image.path}#{number}"
            facts = (key, image.path, label, source, box, mask, high_risk)
            yield LesionRecord(*facts, birads=birads, pathology_type=kind, finding_key=finding)


def _outlines(root: Path, boxed: _BoxedImage) -> list[Outline | Code]:
    """Return the outline of every box of one image, checked against the breast's pixels, or the code of its rejection.

    Raises:
        RejectedError: the image cannot be read.
    """
    image = boxed.image
    if image.code:
        raise RejectedError(Code.OUTLINE_UNLINKED)
    if not boxed.edges:
        raise RejectedError(Code.OUTLINE_BROKEN)
    header = stored_header(root, image.path, "PatientOrientation", "PhotometricInterpretation")
    orientation = "".join(header.get("PatientOrientation") or boxed.orientation)
    flipped = re.sub(r"[^A-Z]", "", orientation)[:1] == "P" or (
        not orientation and image.laterality is Laterality.RIGHT
    )
    values = stored_values(root, image.path)
    background = values.max() if code_string(header, "PhotometricInterpretation") == "MONOCHROME1" else values.min()
    breast, found = values != background, list[Outline | Code]()
    for edges in boxed.edges:
        try:
            found.append(_outline(breast, edges, flipped, boxed.as_stored))
        except RejectedError as error:
            found.append(error.code)
    return found


def _outline(breast: NDArray[np.bool_], edges: Edges, flipped: bool, as_stored: bool) -> Outline:
    """Return the box in the stored frame; flipped the other way if only that lies on the breast [rows, cols]."""
    row0, row1, col0, col1 = edges
    mirrored = (row0, row1, breast.shape[1] - col1, breast.shape[1] - col0)
    candidates = [edges] if as_stored else [mirrored, edges] if flipped else [edges, mirrored]
    for candidate in candidates:
        mask, box = outline_of_box(candidate, (breast.shape[0], breast.shape[1]))
        if breast[box.row0 : box.row1, box.col0 : box.col1].mean() >= MIN_TISSUE_SHARE:
            return mask, box
    raise RejectedError(Code.OUTLINE_OFF_BREAST)


def _counts(
    images: Sequence[ImageRecord], boxed: Sequence[_BoxedImage], outlines: Sequence[LesionRecord | LeftOut]
) -> list[Count]:
    return [
        Count("images", len(images), 480323),
        Count("patients", len({image.patient_key for image in images}), 23256),
        Count("exams", len({image.exam_key for image in images}), 72770),
        Count("images with boxes", len(boxed), 7577),
        Count("boxes", len(outlines), 8894),
    ]
