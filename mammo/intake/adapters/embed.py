"""EMBED open data (Emory): digital mammograms with boxes, and pathology by finding.

    tables/EMBED_OpenData_metadata.csv    one row a file: side, view, kind of image, boxes
    tables/EMBED_OpenData_clinical.csv    one row a finding: side, assessment, path_severity
    images/cohort_1/<empi_anon>/<study>/<series>/<SOP>.dcm

What bites: boxes (ymin, xmin, ymax, xmax) lie in the frame of Emory's PNG files, which are flipped where
PatientOrientation starts with P, unless the newer column DCM_ROI_coords is there; and a finding belongs to a box only
where its breast has one finding and the image one box: every other box has no label.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from mammo.intake.folder import Folder
from mammo.intake.outlines import Outline, outline_of_box
from mammo.intake.refusals import Code, RefusedError, left_out, refused
from mammo.intake.stored import stored_header, stored_shape, stored_values
from mammo.intake.tables import Row, read_rows
from mammo.progress import track
from mammo.records import (
    Cohort,
    Count,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    Pathology,
    View,
)

IDS = ("empi_anon", "acc_anon")
IMAGE_COLUMNS = (*IDS, "anon_dicom_path", "finalimagetype", "imagelateralityfinal", "viewposition", "roi_coords")
EXTRA_COLUMNS = ("spot_mag", "dcm_roi_coords", "patientorientation")
FINDING_COLUMNS = (*IDS, "side", "path_severity")
MORE_COLUMNS = ("desc", "asses", "numfind", "bside", "study_date_anon", "total_l_find", "total_r_find")

SEVERITIES = {
    "0": (Pathology.MALIGNANT, LabelSource.BIOPSY, False),
    "1": (Pathology.MALIGNANT, LabelSource.BIOPSY, False),
    "2": (Pathology.BENIGN, LabelSource.BIOPSY, True),
    "3": (Pathology.BENIGN, LabelSource.BIOPSY, True),
    "4": (Pathology.BENIGN, LabelSource.BIOPSY, False),
}
"""path_severity: invasive, in situ, high-risk, borderline, benign. 5 and 6 mean different things in its documents."""

UNKNOWN = (Pathology.NONE, LabelSource.NONE, False)
ON_TISSUE = 0.2
"""A box lies on the breast where at least this share of it is no background."""

FOLLOWED_DAYS = 360
"""Days after which a second negative examination confirms the first (Emory's own rule)."""

Breasts = Mapping[tuple[str, str], Sequence[Row]]
"""Findings by exam and side; side B and no side belong to both."""


@dataclass(frozen=True)
class _Clinic:
    """The clinical table.

    Attributes:
        findings: by (exam, side L or R).
        exams: by patient, the findings of all exams.
    """

    findings: Breasts
    exams: Mapping[str, Sequence[Row]]


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: a table is missing or lacks a column.
    """
    folder = Folder(root)
    clinic = _clinic(folder.one("EMBED_OpenData_clinical.csv", "EMBED_OpenData_clinical_reduced.csv", "*clinical*.csv"))
    table = folder.one("EMBED_OpenData_metadata.csv", "EMBED_OpenData_metadata_reduced.csv", "*metadata*.csv")
    files = {PurePosixPath(path).name: path for path in folder.images}
    images: list[ImageRecord] = []
    boxed: list[tuple[ImageRecord, Row]] = []
    for row in read_rows(table, IMAGE_COLUMNS, EXTRA_COLUMNS):
        images.append(_image(row, files, clinic))
        if _boxes(row.get("dcm_roi_coords") or row.get("roi_coords")):
            boxed.append((images[-1], row))
    outlines = [
        outline
        for image, row in track(boxed, "boxes", len(boxed))
        for outline in _lesions(root, image, row, clinic.findings)
    ]
    return Cohort.ordered(images, outlines, _counts(images, boxed, outlines))


def _clinic(file: Path) -> _Clinic:
    findings: dict[tuple[str, str], list[Row]] = defaultdict(list)
    exams: dict[str, list[Row]] = defaultdict(list)
    for row in read_rows(file, FINDING_COLUMNS, MORE_COLUMNS):
        exams[_key(row, "empi_anon")].append(row)
        for side in Laterality:
            if row.get("side", "B").upper() in (side, "B"):
                findings[_key(row, "acc_anon"), side].append(row)
    return _Clinic(findings, exams)


def _key(row: Row, column: str) -> str:
    """A key as text; tables written as real numbers end it with .0."""
    return row.get(column).removesuffix(".0")


def _image(row: Row, files: Mapping[str, str], clinic: _Clinic) -> ImageRecord:
    named = row.get("anon_dicom_path").replace("\\", "/")
    path = files.get(PurePosixPath(named).name, "images/" + named[max(named.find("cohort_"), 0) :])
    side, view = row.get("imagelateralityfinal"), row.get("viewposition")
    image = ImageRecord(
        path,
        _key(row, "empi_anon"),
        _key(row, "acc_anon"),
        Laterality(side) if side in [*Laterality] else None,
        View(view) if view in [*View] else None,
        by_table=True,
        negative=_is_negative(row, side, clinic),
    )
    return next((refused(image, code) for code in _doubts(image, row, files)), image)


def _doubts(image: ImageRecord, row: Row, files: Mapping[str, str]) -> list[Code]:
    """Why an image is refused, if it is."""
    found = {
        Code.SYNTHETIC: row.get("finalimagetype").lower() != "2d",
        Code.NO_LATERALITY: image.laterality is None,
        Code.OTHER_VIEW: image.view is None,
        Code.SPOT_OR_MAGNIFICATION: row.get("spot_mag").startswith("1"),
        Code.MISSING: PurePosixPath(image.path).name not in files,
    }
    return [code for code, is_so in found.items() if is_so]


def _is_negative(row: Row, side: str, clinic: _Clinic) -> bool:
    """Whether a screening of this breast was negative, followed a year on, and the patient never biopsied."""
    rows = clinic.exams.get(_key(row, "empi_anon"), [])
    exam, own = _key(row, "acc_anon"), clinic.findings.get((_key(row, "acc_anon"), side), [])
    here = [finding for finding in rows if _key(finding, "acc_anon") == exam]
    if not here or _boxes(row.get("roi_coords")) or any(finding.get("path_severity") for finding in rows):
        return False
    # A bilateral exam with findings on one side only has no row for the other breast.
    screened = all("screen" in finding.get("desc").lower() for finding in here)
    both = own or all("bilat" in finding.get("desc").lower() for finding in here)
    if not screened or not both or any(finding.get("asses") not in ("N", "B") for finding in own):
        return False
    last = max((_day(finding) for finding in rows if finding.get("asses") in ("N", "B")), default=0)
    return last - max(_day(finding) for finding in here) >= FOLLOWED_DAYS


def _day(row: Row) -> int:
    try:
        return date.fromisoformat(row.get("study_date_anon")[:10]).toordinal()
    except ValueError:
        return 0


def _boxes(text: str) -> list[tuple[float, float, float, float]]:
    """(row0, row1, col0, col1) of every box of a cell, in whichever brackets; none where numbers are missing."""
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]
    fours = zip(*(iter(numbers),) * 4, strict=False)
    return [(ymin, ymax, xmin, xmax) for ymin, xmin, ymax, xmax in fours] if len(numbers) % 4 == 0 else []


def _lesions(root: Path, image: ImageRecord, row: Row, findings: Breasts) -> list[LesionRecord | LeftOut]:
    boxes = _boxes(row.get("dcm_roi_coords") or row.get("roi_coords"))
    if image.code:
        return [left_out(image.path, RefusedError(Code.OUTLINE_UNLINKED)) for _ in boxes]
    label, source, high_risk = _label(image, len(boxes), findings)
    made: list[LesionRecord | LeftOut] = []
    for number, edges in enumerate(boxes, 1):
        try:
            mask, box = _outline(root, image, row, edges)
        except RefusedError as error:
            made.append(left_out(image.path, error))
        else:
            made.append(LesionRecord(f"{image.path}#{number}", image.path, label, source, box, mask, high_risk))
    return made


def _label(image: ImageRecord, n_boxes: int, findings: Breasts) -> tuple[Pathology, LabelSource, bool]:
    """The label of an image's only box, if its breast has one finding only."""
    rows = findings.get((image.exam_key, str(image.laterality)), [])
    total = f"total_{str(image.laterality).lower()}_find"
    numbers = {row.get("numfind") for row in rows}
    totals = {row.get(total, "1").removesuffix(".0") for row in rows}
    if n_boxes != 1 or len(numbers) != 1 or totals != {"1"}:
        return UNKNOWN
    if any(row.get("bside", "B") not in ("B", str(image.laterality)) for row in rows):
        return UNKNOWN
    severities = sorted(row.get("path_severity").removesuffix(".0") for row in rows if row.get("path_severity"))
    return SEVERITIES.get(severities[0], UNKNOWN) if severities else UNKNOWN


def _outline(root: Path, image: ImageRecord, row: Row, edges: tuple[float, float, float, float]) -> Outline:
    """The box in the stored frame, checked against the breast's pixels; the other way round where that fits better."""
    shape = stored_shape(root, image.path)
    row0, row1, col0, col1 = edges
    flipped = (row0, row1, shape[1] - col1, shape[1] - col0)
    ways = [edges] if row.get("dcm_roi_coords") else [edges, flipped]
    header = stored_header(root, image.path, "PatientOrientation", "PhotometricInterpretation")
    towards = "".join(header.get("PatientOrientation") or row.get("patientorientation") or "")
    if re.sub(r"[^A-Z]", "", towards).startswith("P"):
        ways.reverse()
    values = stored_values(root, image.path)
    background = values.max() if header.get("PhotometricInterpretation") == "MONOCHROME1" else values.min()
    for way in ways:
        mask, box = outline_of_box(way, shape)
        if (values[box.row0 : box.row1, box.col0 : box.col1] != background).mean() >= ON_TISSUE:
            return mask, box
    raise RefusedError(Code.OUTLINE_OFF_BREAST)


def _counts(
    images: Sequence[ImageRecord], boxed: Sequence[tuple[ImageRecord, Row]], outlines: Sequence[LesionRecord | LeftOut]
) -> list[Count]:
    return [
        Count("images", len(images), 480323),
        Count("patients", len({image.patient_key for image in images}), 23256),
        Count("exams", len({image.exam_key for image in images}), 72770),
        Count("images with boxes", len(boxed), 7577),
        Count("boxes", len(outlines), 8894),
    ]
