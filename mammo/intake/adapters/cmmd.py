"""CMMD (TCIA): digital mammograms with biopsy results by breast, and the outlines of TOMPEI-CMMD on their MLO views.

    CMMD_clinicaldata_revision.csv or .xlsx                 one row per labeled breast
    D1-0001/<study>/<series>/1-1.dcm                        laterality and view are in the header only
    D1-0001_MLO_R_AnnotationFile.json                       TOMPEI-CMMD: polygons
    TOMPEI-CMMD_clinical_data_*.xlsx                        TOMPEI-CMMD: its own reading of every breast

Pitfalls: there is one label for a whole breast (label_source breast_level); some headers have the wrong laterality and
some labels are on the wrong breast (found by TOMPEI-CMMD, corrected here); and a breast without a row is not known to
be healthy, so no image counts as negative.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mammo.intake.adapters._labels import parse_density
from mammo.intake.dicom_header import Header, read_header
from mammo.intake.outlines import outline_of_polygon
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError, image_of, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder, parts_matching, regular_file
from mammo.intake.source_tables import cell_text, read_rows, read_sheet
from mammo.intake.stored_shape import Shape
from mammo.limits import read_json
from mammo.progress import track
from mammo.records import (
    Cohort,
    Count,
    Density,
    Finding,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    Pathology,
    View,
)

PATIENT = re.compile(r"D[12]-\d{4}")
ANNOTATION = re.compile(r"(D[12]-\d{4})_MLO_([LR])_AnnotationFile\.json")

SIDES_REVERSED = {"D1-0252", "D1-0690", "D1-0711"}
MLO_SWAPPED = {"D1-0999", "D2-0224", "D2-0229", "D2-0642"}
CC_SWAPPED = {"D2-0041"}
LABEL_ON_THE_OTHER_BREAST = SIDES_REVERSED | {
    *("D2-0048", "D2-0132", "D2-0153", "D2-0212", "D2-0282", "D2-0458", "D2-0637")
}
"""Corrections published with TOMPEI-CMMD."""

MIXED_BREASTS = {"D1-0397", "D1-0869", "D2-0033", "D2-0116", "D2-0133", "D2-0185", "D2-0637"}
"""Patients with benign and malignant findings in one breast, whose label does not apply to a single lesion."""

DAMAGED = {"D1-0951"}
"""Patients with black holes in the tissue of their images."""

CLASSES = {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}
FINDINGS = {
    "calc": "calcification",
    "dist": "distortion",
    "FA": "fibroadenoma",
    "FAD": "focal_asymmetry",
}

Breast = tuple[str, Laterality]
Labels = Mapping[Breast, Pathology]


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder; TOMPEI-CMMD can be anywhere in it, or absent.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: the clinical table is missing or cannot be read.
    """
    folder = Folder(root)
    sheet, subtypes = _sheet_labels(folder)
    readings = list(_readings(folder))
    labels = {**sheet, **{breast: label for breast, label, _ in readings if label}}
    densities = {breast: density for breast, _, density in readings if density}
    paths = [path for path in folder.images if not is_raster(path)]
    headers = track(isolated(partial(_header, root), paths, workers, str), "headers", len(paths))
    found = [_image(path, header, densities) for path, header in zip(paths, headers, strict=True)]
    shapes = {(i.patient_key, i.laterality, i.view): (i.path, shape) for i, shape in found if not i.code and shape}
    outlines = [
        outline
        for path in folder.matching("*_AnnotationFile.json")
        if (match := ANNOTATION.fullmatch(PurePosixPath(path).name))
        for breast in [(match[1], Laterality(match[2]))]
        for outline in _lesions(folder, path, breast, shapes.get((*breast, View.MLO)), labels, subtypes)
    ]
    images = [image for image, _ in found]
    findings = _findings(images, outlines, labels)
    return Cohort.ordered(images, [*outlines, *findings], _counts(images, sheet, outlines))


def _sheet_labels(folder: Folder) -> tuple[dict[Breast, Pathology], dict[Breast, str]]:
    """Return the label of each breast, and the molecular subtype of its cancer, empty if unknown."""
    file = folder.find(*(f"CMMD_clinicaldata{name}.{kind}" for name in ("_revision", "*") for kind in ("csv", "xlsx")))
    labels, subtypes = {}, {}
    for row in read_rows(file, needed=("id1", "leftright", "classification")):
        if row.get("leftright") not in [*Laterality] or row.get("classification").lower() not in CLASSES:
            raise row.error("classification", "LeftRight must be L or R, and the class Malignant or Benign; correct it")
        patient, laterality = row.get("id1"), Laterality(row.get("leftright"))
        if patient in LABEL_ON_THE_OTHER_BREAST:
            laterality = _other(laterality)
        labels[patient, laterality] = CLASSES[row.get("classification").lower()]
        subtypes[patient, laterality] = row.get("subtype")
    return labels, subtypes


def _readings(folder: Folder) -> Iterator[tuple[Breast, Pathology | None, Density | None]]:
    """Yield TOMPEI-CMMD's class and density of every breast, in any arrangement of its two or three header rows."""
    for path in folder.matching("TOMPEI-CMMD_clinical_data*.xlsx"):
        density_column = None
        for _, line in read_sheet(folder.root / path, "Imaging Diagnosis Details Sheet"):
            cells = [cell_text(cell) for cell in line]
            columns = [column for column, cell in enumerate(cells) if cell.lower().startswith("breast density")]
            density_column = columns[0] if columns else density_column
            patient = next((cell for cell in cells[:1] if PATIENT.fullmatch(cell)), None)
            side = next((cell for cell in cells if cell in [*Laterality]), None)
            if patient and side:
                word = next((cell.lower() for cell in cells if cell.lower() in CLASSES), "")
                density = parse_density(cells[density_column]) if density_column is not None else None
                yield (patient, Laterality(side)), CLASSES.get(word), density


def _header(root: Path, path: str) -> Header:
    return read_header(regular_file(root, path))


def _image(path: str, header: Header | Code, densities: Mapping[Breast, Density]) -> tuple[ImageRecord, Shape | None]:
    """Return the record of one file, and its shape."""
    patients = [match[0] for match in parts_matching(path, PATIENT)]
    if isinstance(header, Code):
        patient = patients[0] if patients else ""
        return rejected(ImageRecord(path, patient, patient, None, None), header), None
    patient, laterality = patients[0] if patients else header.patient, header.laterality
    swapped = SIDES_REVERSED | (MLO_SWAPPED if header.view is View.MLO else CC_SWAPPED)
    if patient in swapped:
        laterality = _other(laterality)
    image = ImageRecord(
        path,
        patient,
        header.exam,
        laterality,
        header.view,
        by_table=True,
        negative=False,
        flags=header.flags,
        density=densities.get((patient, laterality)) if laterality else None,
    )
    return (rejected(image, Code.KNOWN_DEFECT) if patient in DAMAGED else image), header.shape


def _other(laterality: Laterality) -> Laterality:
    return Laterality.LEFT if laterality is Laterality.RIGHT else Laterality.RIGHT


def _lesions(
    folder: Folder,
    path: str,
    breast: Breast,
    image: tuple[str, Shape] | None,
    labels: Labels,
    subtypes: Mapping[Breast, str],
) -> Iterator[LesionRecord | LeftOut]:
    """Yield the lesions of one file of polygons, with points {"x", "y"} in stored pixels."""
    if image is None:
        yield left_out(path, Code.OUTLINE_UNLINKED, "")
        return
    label = Pathology.NONE if breast[0] in MIXED_BREASTS else labels.get(breast, Pathology.NONE)
    source = LabelSource.NONE if label is Pathology.NONE else LabelSource.BREAST_LEVEL
    try:
        items: list[dict[str, Any]] = list(read_json(folder.root / path, encoding="utf-8-sig"))
    except (OSError, ValueError, TypeError):
        yield left_out(path, Code.OUTLINE_BROKEN, image[0], label)
        return
    for number, item in enumerate(items, 1):
        try:
            points = [(float(point["y"]), float(point["x"])) for point in item["cgPoints"]]
            mask, box = outline_of_polygon(points, image[1])
            word = str(item.get("label") or "").strip()
        except (KeyError, TypeError, ValueError, AttributeError):
            yield left_out(path, Code.OUTLINE_BROKEN, image[0], label)
        except RejectedError as error:
            yield left_out(path, error.code, image[0], label)
        else:
            key = f"{breast[0]}_{breast[1]}_MLO_{number}"
            subtype = subtypes.get(breast, "") if label is Pathology.MALIGNANT else ""
            facts = (key, image[0], label, source, box, mask)
            yield LesionRecord(*facts, finding=FINDINGS.get(word, word), pathology_type=subtype)


def _findings(
    images: Iterable[ImageRecord], outlines: Iterable[LesionRecord | LeftOut], labels: Labels
) -> Iterator[Finding]:
    """Yield a finding for each image without an outline whose breast has a label."""
    outlined = {image_of(one) for one in outlines}
    for image in images:
        label = labels.get((image.patient_key, image.laterality)) if image.laterality else None
        if label and image.path not in outlined:
            yield Finding(image.path, label, LabelSource.BREAST_LEVEL)


def _counts(images: list[ImageRecord], sheet: Labels, outlines: list[LesionRecord | LeftOut]) -> list[Count]:
    by_label: dict[Pathology, int] = defaultdict(int)
    for label in sheet.values():
        by_label[label] += 1
    lesions = [lesion for lesion in outlines if isinstance(lesion, LesionRecord)]
    counts = [
        Count("patients", len({image.patient_key for image in images}), 1775),
        Count("images", len(images), 5202),
        Count("malignant breasts", by_label[Pathology.MALIGNANT], 1316),
        Count("benign breasts", by_label[Pathology.BENIGN], 556),
    ]
    if outlines:
        counts.append(Count("outlined images", len({lesion.path for lesion in lesions}), 1385))
        counts.append(Count("outlined lesions", len(lesions), 1773))
    return counts
