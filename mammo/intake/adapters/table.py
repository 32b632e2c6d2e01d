"""Generic layout: images anywhere below a folder, described in two tables, each .csv or .parquet.

    lesions    image, label, and the outline; optional lesion_id, label_source, high_risk, finding
    images     image, patient, exam, laterality, view; required for PNG and TIFF, which have no header; optional
               density, A to D, and split, the same for all images of a patient: train, val or test

Words are read in any case. `image` and `mask` are paths relative to the folder. An outline is one of
    mask                      a PNG or TIFF of the stored image's size, nonzero inside, or a DICOM SEG object, whose
                              segment number is in the column `segment` (default 1)
    outline                   a polygon "row,col;row,col;..." in stored pixels
    row0, row1, col0, col1    a half-open box in stored pixels
or an annotation in a COCO JSON file at the top of the folder (intake.coco). Outlines are clipped to their image.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from mammo.intake.adapters._labels import parse_density
from mammo.intake.coco import Annotation, coco_files, read_coco
from mammo.intake.dicom_header import read_header, read_identity
from mammo.intake.dicom_seg import outline_of_segment
from mammo.intake.outlines import Outline, outline_of_box, outline_of_mask, outline_of_polygon
from mammo.intake.rasters import is_raster, read_mask
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder, regular_file
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import Shape, stored_shape
from mammo.progress import track
from mammo.records import (
    Cohort,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    MammoError,
    Pathology,
    Split,
    View,
)

OUTLINES = "outlines"
"""Folder of masks, which contains no images."""

BOX = ("row0", "row1", "col0", "col1")

Entry = Row | Annotation
"""Description of a lesion: a row of the table of lesions or a COCO annotation."""


class _Fields(NamedTuple):
    """Fields of an entry besides its outline, as text."""

    image: str
    label: str
    label_source: str
    high_risk: str
    key: str
    finding: str


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: the folder contains no image, or a row of a table is wrong.
    """
    paths = [path for path in Folder(root).candidates if not path.startswith(f"{OUTLINES}/")]
    rows = _lesion_rows(root) if paths else []
    masks = {row.path("mask") for row in rows}
    paths = [path for path in paths if path not in masks]
    if not paths:
        raise MammoError(f"{root} contains no image: add DICOM, PNG or TIFF files, or set another data.source")
    entries: list[Entry] = [*rows, *(annotation for file in coco_files(root) for annotation in read_coco(file))]
    order = {path: index for index, path in enumerate(paths)}
    for entry in entries:  # before images are opened, which can take long
        _check_entry(entry, order)
    images = list(_images(root, paths, workers))
    shapes = {record.path: shape for record, shape in images}
    outlined = list(_lesions(root, entries, shapes, workers))
    lesions = [lesion for lesion in outlined if isinstance(lesion, LesionRecord)]
    _check_keys(root, lesions)
    lesions.sort(key=lambda lesion: order[lesion.path])
    unusable = tuple(lesion for lesion in outlined if isinstance(lesion, LeftOut))
    return Cohort(tuple(record for record, _ in images), tuple(lesions), unusable)


def _table(root: Path, name: str) -> Path:
    parquet = root / f"{name}.parquet"
    return parquet if parquet.exists() else root / f"{name}.csv"


def _lesion_rows(root: Path) -> list[Row]:
    file = _table(root, "lesions")
    if not file.exists():
        if coco_files(root):
            return []
        raise MammoError(f"{file} is missing: write it with the columns image and label, without rows if no lesion")
    return list(read_rows(file, needed=("image", "label")))


def _image_rows(root: Path, paths: set[str]) -> dict[str, Row]:
    """Return the checked rows of the table of images by path."""
    file = _table(root, "images")
    if not file.exists():
        return {}
    rows: dict[str, Row] = {}
    by_patient: dict[str, Row] = {}
    for row in read_rows(file, needed=("image", "patient", "exam", "laterality", "view")):
        if row.path("image") not in paths:
            raise row.error("image", "not an image below the folder; correct the path or drop the row")
        _check_image_row(row)
        same_image = rows.setdefault(row.path("image"), row)
        if same_image is not row:
            raise row.error("image", f"row {same_image.number} describes the same image; keep one row for every image")
        same_patient = by_patient.setdefault(row.get("patient"), row)
        if same_patient.choice("split", Split) != row.choice("split", Split):
            other = f"row {same_patient.number}, of the same patient, has {same_patient.get('split')!r}"
            raise row.error("split", f"{other}; put all of a patient's images into one split, or drop the column")
    return rows


def _check_image_row(row: Row) -> None:
    if not row.choice("laterality", Laterality):
        raise row.error("laterality", "must be L or R")
    if not row.choice("view", View):
        raise row.error("view", "must be CC or MLO")
    if row.get("density") and not parse_density(row.get("density")):
        raise row.error("density", "must be A, B, C, D or empty")
    if not row.get("patient") or not row.get("exam"):
        raise row.error("patient", "patient and exam must be given, to keep patients in one split")
    if row.get("split") and not row.choice("split", Split):
        raise row.error("split", "must be train, val, test or empty")


def _images(root: Path, paths: Sequence[str], workers: Workers) -> Iterator[tuple[ImageRecord, Shape | None]]:
    """Yield the record of every file, and its shape if it has a header."""
    rows = _image_rows(root, set(paths))
    items = [(path, rows.get(path)) for path in paths]
    results = track(isolated(partial(_image, root), items, workers, itemgetter(0)), "headers", len(items))
    for (path, row), result in zip(items, results, strict=True):
        yield (rejected(_by_row(path, row), result), None) if isinstance(result, Code) else result


def _by_row(path: str, row: Row | None) -> ImageRecord:
    """Return the record of an image as its row describes it, or without patient and breast if it has no row."""
    if row is None:
        return ImageRecord(path, "", "", None, None)
    keys = row.get("patient"), row.get("exam")
    breast = row.choice("laterality", Laterality), row.choice("view", View)
    density = parse_density(row.get("density"))
    return ImageRecord(path, *keys, *breast, split=row.choice("split", Split), density=density)


def _image(root: Path, item: tuple[str, Row | None]) -> tuple[ImageRecord, Shape | None]:
    """Return the record of one file, and its shape if it has a header.

    Raises:
        RejectedError: the file is rejected.
    """
    path, row = item
    file, record = regular_file(root, path), _by_row(path, row)
    if is_raster(path):
        if row is None:
            raise RejectedError(Code.NOT_DESCRIBED)
        return record, None
    try:
        header = read_header(file)
    except RejectedError as error:  # the breast of a rejected image is kept, as its lesions make it not negative
        if row is None:
            record = ImageRecord(path, *read_identity(file), None)
        return rejected(record, error.code), None
    if row is None:
        record = ImageRecord(path, header.patient, header.exam, header.laterality, header.view)
    if record.laterality != header.laterality:
        raise RejectedError(Code.LATERALITY_CONFLICT)
    if record.view != header.view:
        raise RejectedError(Code.VIEW_CONFLICT)
    return replace(record, flags=header.flags), header.shape


def _lesions(
    root: Path, entries: Sequence[Entry], shapes: Mapping[str, Shape | None], workers: Workers
) -> Iterator[LesionRecord | LeftOut]:
    items = [(entry, shapes[_fields(entry).image]) for entry in entries]
    outlines = isolated(partial(_outline, root), items, workers, lambda item: _fields(item[0]).image)
    for entry, outline in zip(entries, track(outlines, "outlines", len(items), "lesions"), strict=True):
        yield _lesion(entry, outline)


def _check_entry(entry: Entry, paths: Container[str]) -> None:
    """Check the fields of an entry, and that it has one outline."""
    fields = _fields(entry)
    if fields.image not in paths:
        raise entry.error("image", f"{fields.image!r} is not an image below the folder; correct the path or drop it")
    for key, words in (("label", Pathology), ("label_source", LabelSource), ("high_risk", ("0", "1"))):
        if getattr(fields, key) not in [*words]:
            raise entry.error(key, f"must be one of {', '.join(words)}")
    _outline_column(entry)


def _lesion(entry: Entry, outline: Outline | Code) -> LesionRecord | LeftOut:
    fields = _fields(entry)
    if isinstance(outline, Code) and outline in (Code.OUTLINE_UNLINKED, Code.ELSEWHERE):
        return left_out(fields.image, outline, fields.image)
    if isinstance(outline, Code):
        raise entry.error(_outline_column(entry), f"{outline.reason}; correct it or drop the lesion")
    mask, box = outline
    label, source = Pathology(fields.label), LabelSource(fields.label_source)
    return LesionRecord(fields.key, fields.image, label, source, box, mask, fields.high_risk == "1", fields.finding)


def _fields(entry: Entry) -> _Fields:
    if isinstance(entry, Row):
        label, source, high_risk = entry.get("label"), entry.get("label_source"), entry.get("high_risk", "0")
        key, finding, image = entry.get("lesion_id", f"row {entry.number}"), entry.get("finding"), entry.path("image")
    else:
        is_label = entry.category.lower() in [*Pathology]
        label = entry.category if is_label else str(entry.values.get("label", Pathology.NONE))
        source, high_risk = str(entry.values.get("label_source", "")), str(entry.values.get("high_risk", "0"))
        key, finding, image = f"{entry.file.name} {entry.key}", "" if is_label else entry.category, entry.image
    label, source, high_risk = (word.lower() for word in (label, source, high_risk))
    source = source or (LabelSource.NONE if label == Pathology.NONE else LabelSource.BIOPSY)
    return _Fields(image, label, source, {"true": "1", "false": "0"}.get(high_risk, high_risk), key, finding)


def _outline(root: Path, item: tuple[Entry, Shape | None]) -> Outline:
    """Return the outline of an entry, on an image of this shape or, if None, of the shape that its file states.

    Raises:
        RejectedError: it cannot be used; OUTLINE_UNLINKED if its image has no shape.
        MammoError: the entry's outline is wrong.
    """
    entry, shape = item
    try:
        shape = shape or stored_shape(root, _fields(entry).image)
    except RejectedError:
        raise RejectedError(Code.OUTLINE_UNLINKED) from None
    if isinstance(entry, Annotation):
        return entry.outline(shape)
    given = _outline_column(entry)
    try:
        if given == "outline":
            points = [[float(number) for number in point.split(",")] for point in entry.get("outline").split(";")]
            if len(points) < 3 or {len(point) for point in points} != {2}:
                raise entry.error("outline", "needs three or more points row,col;row,col;...; correct or drop the row")
            return outline_of_polygon(points, shape)
        return outline_of_box(_edges(entry), shape) if given == "row0" else _mask(root, entry, shape)
    except ValueError:
        column, remedy = {
            "outline": ("outline", "must be row,col;row,col;... in numbers"),
            "row0": ("row0", "must be four numbers"),
            "mask": ("segment", "must be a whole number"),
        }[given]
        raise entry.error(column, f"{remedy}; correct or drop the row") from None


def _outline_column(entry: Entry) -> str:
    """Return the column with the outline of a row; "id" for an annotation, which has no columns."""
    if isinstance(entry, Annotation):
        return "id"
    given = [column for column in ("mask", "outline", "row0") if entry.get(column)]
    if len(given) != 1:
        raise entry.error("mask", "give one of mask, outline or row0, row1, col0, col1; drop a lesion without outline")
    return given[0]


def _edges(row: Row) -> tuple[float, float, float, float]:
    row0, row1, col0, col1 = (float(row.get(column)) for column in BOX)
    return row0, row1, col0, col1


def _mask(root: Path, row: Row, shape: Shape) -> Outline:
    path = row.path("mask")
    file = regular_file(root, path)
    if not is_raster(path):
        return outline_of_segment(root, path, int(row.get("segment", "1")), row.path("image"), shape)
    mask = read_mask(file, 128 if file.suffix.lower() in (".jpg", ".jpeg") else 1)
    if mask.shape != shape:
        sizes = f"the mask is {mask.shape[0]} x {mask.shape[1]}, but its image is {shape[0]} x {shape[1]}"
        raise row.error("mask", f"{sizes}; correct the path or drop the row")
    return outline_of_mask(mask)


def _check_keys(root: Path, lesions: Sequence[LesionRecord]) -> None:
    seen: set[str] = set()
    for lesion in lesions:
        if lesion.lesion_key in seen:
            raise MammoError(f"{root}: lesion_id {lesion.lesion_key!r} occurs twice: give each lesion a unique one")
        seen.add(lesion.lesion_key)
