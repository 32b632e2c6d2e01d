"""CBIS-DDSM (TCIA): scanned film, one mask for every lesion and view, biopsy results in four CSV files.

    {mass,calc}_case_description_{train,test}_set.csv      one row a lesion and view
    DICOM files in any of TCIA's layouts (intake.nbia), the JPEG copy of Kaggle (jpeg/<series>/*.jpg), or PNG files

What bites: patients are told by the CSV files only; the columns of crop and mask are often the wrong way round, so
that the mask is known by its two values; 71 films are there twice, as Mass and as Calc, with different lesions; masks
of another digitizer's size are scaled where the aspect ratio allows it; lesion numbers mean nothing across views; and
31 patients are in training for one kind of lesion and in test for the other, who all go to test here.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.intake.adapters._labels import clean_splits, parse_density
from mammo.intake.adapters._tcia_layout import SeriesIndex
from mammo.intake.outlines import Outline, outline_of_mask, scaled_to
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import Folder
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import Shape, stored_shapes, stored_values
from mammo.progress import track
from mammo.records import (
    Cohort,
    Count,
    Density,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    Pathology,
    Split,
    View,
)

TABLE = re.compile(r"(mass|calc)_case_description_(train|test)_set\.csv", re.IGNORECASE)
SIDES = {"LEFT": Laterality.LEFT, "RIGHT": Laterality.RIGHT}
LABELS = {
    "MALIGNANT": (Pathology.MALIGNANT, LabelSource.BIOPSY),
    "BENIGN": (Pathology.BENIGN, LabelSource.BIOPSY),
    "BENIGN_WITHOUT_CALLBACK": (Pathology.NONE, LabelSource.NONE),
}
"""A benign finding that nobody was called back for was not biopsied."""

OLDER = {
    "left_or_right_breast": "side",
    "image_view": "view",
    "abnormality_id": "abn_num",
    "image_file_path": "od_img_path",
    "cropped_image_file_path": "od_crop_path",
    "roi_mask_file_path": "mask_path",
}
"""Columns of an older release of the same tables."""

PUBLISHED = {
    "lesion views": 3568,
    "images": 3103,
    "films": 3032,
    "patients": 1566,
    "malignant": 1457,
    "benign": 1429,
    "not biopsied": 682,
    "patients in both splits": 31,
}

TWO_VALUED = 0.9
"""A mask has at least this share of its pixels near its lowest or highest value, JPEG's losses included."""

Film = tuple[str, Laterality, View]
"""Patient, breast and view: one piece of film, however often it is in the data set."""


@dataclass(frozen=True)
class _Finding:
    """One row: a lesion on one view.

    Attributes:
        film: whose, which breast and view.
        kind: mass or calc.
        split: of the table that names it.
        number: of the lesion, within its kind and film.
        pathology: the row's word.
        image: the full mammogram's path as the row writes it.
        density: of the breast, None where the row tells none.
        outlines: the crop's and the mask's paths, either of which may be the mask.
    """

    film: Film
    kind: str
    split: Split
    number: str
    pathology: str
    image: str
    density: Density | None
    outlines: tuple[str, str]

    @property
    def key(self) -> str:
        patient, laterality, view = self.film
        return f"{patient}_{laterality}_{view}_{self.kind}_{self.number}"


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: no table is there, or a row of one is wrong.
    """
    folder = Folder(root)
    findings = [finding for table in _tables(folder) for finding in _findings(*table)]
    splits, notes = clean_splits((finding.film[0], finding.split) for finding in findings)
    series = SeriesIndex(folder)
    films: dict[Film, list[_Finding]] = defaultdict(list)
    for finding in findings:
        films[finding.film].append(finding)
    images: list[ImageRecord] = []
    outlined: list[tuple[_Finding, str, list[str]]] = []
    for film, found in sorted(films.items()):
        records = _images(series, film, found, splits[film[0]])
        images += records
        image = "" if records[0].code else records[0].path
        outlined += [(finding, image, _outline_files(series, finding)) for finding in found]
    shapes = stored_shapes(root, sorted({image for _, image, _ in outlined if image}))
    jobs = [(shapes.get(image, Code.OUTLINE_UNLINKED), paths) for _, image, paths in outlined]
    made = track(isolated(partial(_outline, root), jobs), "outlines", len(jobs), "lesions")
    outlines = [_lesion(*told, outline) for told, outline in zip(outlined, made, strict=True)]
    return Cohort.ordered(images, outlines, _counts(findings), notes)


def _tables(folder: Folder) -> list[tuple[Path, str, Split]]:
    """(file, kind, split) of every table; the first of each where a download holds two."""
    folder.one("*_case_description_*_set.csv")
    found: dict[tuple[str, str], Path] = {}
    for path in folder.named("*_case_description_*_set.csv"):
        match = TABLE.fullmatch(Path(path).name)
        if match:
            found.setdefault((match[1].lower(), match[2].lower()), folder.root / path)
    return [(file, kind, Split(split)) for (kind, split), file in sorted(found.items())]


def _findings(file: Path, kind: str, split: Split) -> Iterator[_Finding]:
    for row in read_rows(file, needed=("patient_id", "pathology")):
        side, view = _cell(row, "left_or_right_breast").upper(), _cell(row, "image_view").upper()
        if side not in SIDES or view not in [*View] or not row.get("patient_id"):
            raise row.error("patient_id", "patient, LEFT or RIGHT, and CC or MLO must be given; correct the row")
        if row.get("pathology").upper() not in LABELS:
            raise row.error("pathology", f"must be one of {', '.join(LABELS)}")
        yield _Finding(
            (row.get("patient_id"), SIDES[side], View(view)),
            kind,
            split,
            _cell(row, "abnormality_id"),
            row.get("pathology").upper(),
            _path(row, "image_file_path"),
            parse_density(row.get("breast_density")),
            (_path(row, "cropped_image_file_path"), _path(row, "roi_mask_file_path")),
        )


def _cell(row: Row, column: str) -> str:
    return row.get(column) or row.get(OLDER[column])


def _path(row: Row, column: str) -> str:
    path = "".join(_cell(row, column).split()).replace("\\", "/")
    if path.count("/") < 3:
        raise row.error(column, "must be folder/study/series/file; correct the row")
    return path


def _images(series: SeriesIndex, film: Film, findings: Sequence[_Finding], split: Split) -> list[ImageRecord]:
    """The film's files, the one that is kept first."""
    patient, laterality, view = film
    records: list[ImageRecord] = []
    density = next((finding.density for finding in findings if finding.density), None)
    named = sorted({finding.image for finding in findings}, key=lambda path: (not _files(series, path), path))
    for path in named:
        found = _files(series, path)
        record = ImageRecord(
            found[0] if found else path,
            patient,
            patient,
            laterality,
            view,
            by_table=True,
            negative=False,
            split=split,
            density=density,
        )
        if records or not found:
            record = rejected(record, Code.DUPLICATE if records else Code.MISSING)
        records.append(record)
    return records


def _files(series: SeriesIndex, path: str) -> list[str]:
    patient, study, number, *_ = path.split("/")[-4:]
    return series.files(patient, study, number)


def _outline_files(series: SeriesIndex, finding: _Finding) -> list[str]:
    return sorted({path for named in finding.outlines for path in _files(series, named)})


def _lesion(finding: _Finding, image: str, paths: Sequence[str], outline: Outline | Code) -> LesionRecord | LeftOut:
    if isinstance(outline, Code):
        return left_out(paths[0] if paths else finding.outlines[1], outline, image)
    mask, box = outline
    label, source = LABELS[finding.pathology]
    kind = {"mass": "mass", "calc": "calcification"}[finding.kind]
    return LesionRecord(finding.key, image, label, source, box, mask, finding=kind)


def _outline(root: Path, job: tuple[Shape | Code, Sequence[str]]) -> Outline:
    """The outline among the files of a lesion: the most two-valued one, of the image's shape, the largest.

    Args:
        root: the data set's folder.
        job: the image's shape, or why it has none, and the paths of the files that may be the mask.

    Raises:
        RejectedError: there is none.
    """
    shape, paths = job
    if isinstance(shape, Code):
        raise RejectedError(shape)
    masks, wrong = [], Code.OUTLINE_BROKEN if paths else Code.MISSING
    for path in paths:
        try:
            values = stored_values(root, path)
        except RejectedError as rejected:  # the crop, perhaps
            wrong = rejected.code
            continue
        if _two_valued(values) >= TWO_VALUED:
            masks.append(values)
    if not masks:
        raise RejectedError(wrong)
    best = max(masks, key=lambda values: (values.shape == shape, values.size, _two_valued(values)))
    return outline_of_mask(scaled_to(best > best.max() / 2, shape))


def _two_valued(values: NDArray[Any]) -> float:
    """The share of pixels near the lowest or the highest value."""
    values = values.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    near = (high - low) / 8
    return float(((values <= low + near) | (values >= high - near)).mean())


def _counts(findings: Sequence[_Finding]) -> list[Count]:
    words = [finding.pathology for finding in findings]
    splits = {(finding.film[0], finding.split) for finding in findings}
    found = {
        "lesion views": len(findings),
        "images": len({finding.image for finding in findings}),
        "films": len({finding.film for finding in findings}),
        "patients": len({patient for patient, _ in splits}),
        "malignant": words.count("MALIGNANT"),
        "benign": words.count("BENIGN"),
        "not biopsied": words.count("BENIGN_WITHOUT_CALLBACK"),
        "patients in both splits": len(splits) - len({patient for patient, _ in splits}),
    }
    return [Count(what, number, PUBLISHED[what]) for what, number in found.items()]
