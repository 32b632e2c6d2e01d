"""CBIS-DDSM (TCIA): scanned film, one mask for every lesion and view, biopsy results in four CSV files.

    {mass,calc}_case_description_{train,test}_set.csv      one row per lesion and view
    DICOM files in any of TCIA's layouts (_tcia_layout), the JPEG copy of Kaggle (jpeg/<series>/*.jpg), or PNG files

Pitfalls: only the CSV files identify patients; the columns of crop and mask are often swapped, so the mask is
recognized by its two values; 71 films occur twice, as Mass and as Calc, with different lesions; masks in another
digitizer's size are scaled if the aspect ratio agrees; 31 patients are in training for one kind of lesion and in test
for the other: they all go to test here; and lesion numbers do not always correspond across views: they join outlines as
one finding, but none of a breast and kind in which the pathology of a number differs between the views.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.intake.adapters._labels import clean_splits, parse_birads, parse_density
from mammo.intake.adapters._tcia_layout import SeriesIndex
from mammo.intake.outlines import Outline, outline_of_mask, scaled_to
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import Shape, stored_shapes, stored_values
from mammo.progress import track
from mammo.records import (
    Birads,
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
"""Labels by the words of the tables; a benign finding without callback was not biopsied."""

OLDER = {
    "left_or_right_breast": "side",
    "image_view": "view",
    "abnormality_id": "abn_num",
    "image_file_path": "od_img_path",
    "cropped_image_file_path": "od_crop_path",
    "roi_mask_file_path": "mask_path",
}
"""Column names in an older release of the same tables."""

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

MIN_TWO_VALUED = 0.9
"""Smallest share of a mask's pixels near its lowest or highest value, JPEG artifacts included."""

Film = tuple[str, Laterality, View]
"""Patient, breast and view: one film, which can occur more than once in the data set."""


@dataclass(frozen=True)
class _LesionRow:
    """One row of a table: a lesion on one view.

    Attributes:
        film: patient, breast and view.
        kind: mass or calc.
        split: split of its table.
        number: number of the lesion, within its kind and film.
        pathology: pathology as written in the row.
        image: path of the full mammogram as written in the row.
        density: density of the breast, None if the row has none.
        birads: assessment of the lesion, None if the row has none.
        outlines: paths of the crop and the mask, in either order.
    """

    film: Film
    kind: str
    split: Split
    number: str
    pathology: str
    image: str
    density: Density | None
    birads: Birads | None
    outlines: tuple[str, str]

    @property
    def key(self) -> str:
        patient, laterality, view = self.film
        return f"{patient}_{laterality}_{view}_{self.kind}_{self.number}"

    @property
    def breast(self) -> str:
        """Patient, breast and kind, within which each view numbers its lesions."""
        patient, laterality, _ = self.film
        return f"{patient}_{laterality}_{self.kind}"


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: there is no table, or a row of a table is wrong.
    """
    folder = Folder(root)
    rows = [row for table in _tables(folder) for row in _rows(*table)]
    splits, notes = clean_splits((row.film[0], row.split) for row in rows)
    series = SeriesIndex(folder)
    films: dict[Film, list[_LesionRow]] = defaultdict(list)
    for row in rows:
        films[row.film].append(row)
    images: list[ImageRecord] = []
    outlined: list[tuple[_LesionRow, str, list[str]]] = []
    for film, found in sorted(films.items()):
        records = _images(series, film, found, splits[film[0]])
        images += records
        image = "" if records[0].code else records[0].path
        outlined += [(row, image, _outline_files(series, row)) for row in found]
    shapes = stored_shapes(root, sorted({image for _, image, _ in outlined if image}), workers)
    tasks = [(shapes.get(image, Code.OUTLINE_UNLINKED), paths) for _, image, paths in outlined]
    results = track(isolated(partial(_outline, root), tasks, workers), "outlines", len(tasks), "lesions")
    unlike = _contradicting_breasts(rows)
    outlines = [_lesion(*lesion, outline, unlike) for lesion, outline in zip(outlined, results, strict=True)]
    return Cohort.ordered(images, outlines, _counts(rows), notes)


def _tables(folder: Folder) -> list[tuple[Path, str, Split]]:
    """Return (file, kind, split) of every table; the first of each if a download has two."""
    folder.find("*_case_description_*_set.csv")
    found: dict[tuple[str, str], Path] = {}
    for path in folder.matching("*_case_description_*_set.csv"):
        match = TABLE.fullmatch(Path(path).name)
        if match:
            found.setdefault((match[1].lower(), match[2].lower()), folder.root / path)
    return [(file, kind, Split(split)) for (kind, split), file in sorted(found.items())]


def _rows(file: Path, kind: str, split: Split) -> Iterator[_LesionRow]:
    for row in read_rows(file, needed=("patient_id", "pathology")):
        side, view = _cell(row, "left_or_right_breast").upper(), _cell(row, "image_view").upper()
        if side not in SIDES or view not in [*View] or not row.get("patient_id"):
            raise row.error("patient_id", "the row needs a patient, LEFT or RIGHT, and CC or MLO; correct it")
        if row.get("pathology").upper() not in LABELS:
            raise row.error("pathology", f"must be one of {', '.join(LABELS)}")
        yield _LesionRow(
            (row.get("patient_id"), SIDES[side], View(view)),
            kind,
            split,
            _cell(row, "abnormality_id"),
            row.get("pathology").upper(),
            _path(row, "image_file_path"),
            parse_density(row.get("breast_density")),
            parse_birads(row.get("assessment")),
            (_path(row, "cropped_image_file_path"), _path(row, "roi_mask_file_path")),
        )


def _cell(row: Row, column: str) -> str:
    return row.get(column) or row.get(OLDER[column])


def _path(row: Row, column: str) -> str:
    path = "".join(_cell(row, column).split()).replace("\\", "/")
    if path.count("/") < 3:
        raise row.error(column, "must be folder/study/series/file; correct the row")
    return path


def _images(series: SeriesIndex, film: Film, rows: Sequence[_LesionRow], split: Split) -> list[ImageRecord]:
    """Return the records of a film's files; the first is accepted, the others are duplicates."""
    patient, laterality, view = film
    records: list[ImageRecord] = []
    density = next((row.density for row in rows if row.density), None)
    paths = sorted({row.image for row in rows}, key=lambda path: (not _files(series, path), path))
    for path in paths:
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


def _outline_files(series: SeriesIndex, row: _LesionRow) -> list[str]:
    return sorted({file for path in row.outlines for file in _files(series, path)})


def _contradicting_breasts(rows: Sequence[_LesionRow]) -> set[str]:
    """Return the breasts (_LesionRow.breast) in which a number has another pathology in the other view."""
    pathologies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        pathologies[row.breast, row.number].add(row.pathology)
    return {breast for (breast, _), found in pathologies.items() if len(found) > 1}


def _lesion(
    row: _LesionRow, image: str, paths: Sequence[str], outline: Outline | Code, unlike: Container[str]
) -> LesionRecord | LeftOut:
    label, source = LABELS[row.pathology]
    if isinstance(outline, Code):
        return left_out(paths[0] if paths else row.outlines[1], outline, image, label)
    mask, box = outline
    facts, kind = (row.key, image, label, source, box, mask), {"mass": "mass", "calc": "calcification"}[row.kind]
    key = f"{row.breast}_{row.number}" if row.number and row.breast not in unlike else ""
    return LesionRecord(*facts, finding=kind, birads=row.birads, finding_key=key)


def _outline(root: Path, item: tuple[Shape | Code, Sequence[str]]) -> Outline:
    """Return the mask among a lesion's files: two-valued, of the mammogram's shape if possible, else the largest.

    Args:
        root: the data set's folder.
        item: the mammogram's shape, or the code of its rejection, and the paths of crop and mask.

    Raises:
        RejectedError: no file is a mask.
    """
    shape, paths = item
    if isinstance(shape, Code):
        raise RejectedError(shape)
    masks, code = [], Code.OUTLINE_BROKEN if paths else Code.MISSING
    for path in paths:
        try:
            values = stored_values(root, path)
        except RejectedError as error:  # can be the crop
            code = error.code
            continue
        if _two_valued_share(values) >= MIN_TWO_VALUED:
            masks.append(values)
    if not masks:
        raise RejectedError(code)
    best = max(masks, key=lambda values: (values.shape == shape, values.size, _two_valued_share(values)))
    return outline_of_mask(scaled_to(best > best.max() / 2, shape))


def _two_valued_share(values: NDArray[Any]) -> float:
    """Return the share of pixels within an eighth of the range from the lowest or the highest value."""
    values = values.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    near = (high - low) / 8
    return float(((values <= low + near) | (values >= high - near)).mean())


def _counts(rows: Sequence[_LesionRow]) -> list[Count]:
    words = [row.pathology for row in rows]
    splits = {(row.film[0], row.split) for row in rows}
    found = {
        "lesion views": len(rows),
        "images": len({row.image for row in rows}),
        "films": len({row.film for row in rows}),
        "patients": len({patient for patient, _ in splits}),
        "malignant": words.count("MALIGNANT"),
        "benign": words.count("BENIGN"),
        "not biopsied": words.count("BENIGN_WITHOUT_CALLBACK"),
        "patients in both splits": len(splits) - len({patient for patient, _ in splits}),
    }
    return [Count(what, number, PUBLISHED[what]) for what, number in found.items()]
