"""The plain layout: images anywhere below a folder, and what is known of them in two CSV files.

    lesions.csv   image, label, mask or outline; optional lesion_id, label_source, high_risk, finding
    images.csv    image, patient, exam, laterality, view; needed for PNG and TIFF, where no header tells these

`image` and `mask` are paths relative to the folder. A mask is a PNG of the stored image's size, nonzero inside; an
outline is a polygon "row,col;row,col;..." in stored pixels. Rows are numbered as an editor shows them, header first.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mammo.intake.dicom import read_header
from mammo.intake.gate import files, is_raster, regular
from mammo.intake.outlines import Outline, outline_of_file, outline_of_polygon
from mammo.intake.rasters import read_raster
from mammo.intake.refusals import Code, RefusedError
from mammo.records import Cohort, ImageRecord, LabelSource, Laterality, LesionRecord, MammoError, Pathology, View

OUTLINES = "outlines"
"""The folder of masks, which holds no images."""

Shape = tuple[int, int] | None
"""(rows, cols) of stored pixels, None where the image is refused."""


@dataclass(frozen=True)
class _Row:
    """One row of a CSV file, able to say where it is wrong."""

    file: Path
    number: int
    values: Mapping[str, str]

    def get(self, column: str, default: str = "") -> str:
        return (self.values.get(column) or "").strip() or default

    def error(self, column: str, way_out: str) -> MammoError:
        return MammoError(f"{self.file} row {self.number}: {column} {self.get(column)!r}: {way_out}")


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: the folder holds no image, or a row of a CSV file is wrong (file, row, value and way out are named).
    """
    paths = list(files(root, leave_out=OUTLINES))
    if not paths:
        raise MammoError(f"{root} holds no image: put DICOM, PNG or TIFF files into it, or name another data.source")
    described = _described(root, set(paths))
    found = [_image(root, path, described.get(path)) for path in paths]
    shapes = {record.path: shape for record, shape in found}
    lesions = [_lesion(root, row, shapes) for row in _rows(root / "lesions.csv", ("image", "label"))]
    _check_keys(root / "lesions.csv", lesions)
    order = {path: index for index, path in enumerate(paths)}
    lesions.sort(key=lambda lesion: order[lesion.path])
    return Cohort(tuple(record for record, _ in found), tuple(lesions))


def _rows(file: Path, columns: tuple[str, ...]) -> list[_Row]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            rows = [_Row(file, reader.line_num, values) for values in reader]
            present = reader.fieldnames or []
    except FileNotFoundError:
        message = f"{file} is missing: write it with the columns {', '.join(columns)}, and no row if there is none"
        raise MammoError(message) from None
    except (UnicodeDecodeError, csv.Error):
        raise MammoError(f"{file} is not a CSV file in UTF-8: save it as one") from None
    missing = [column for column in columns if column not in present]
    if missing:
        raise MammoError(f"{file} lacks the column {missing[0]}: its header must name {', '.join(columns)}")
    return rows


def _described(root: Path, paths: set[str]) -> dict[str, _Row]:
    file = root / "images.csv"
    if not file.exists():
        return {}
    rows = _rows(file, ("image", "patient", "exam", "laterality", "view"))
    for row in rows:
        if row.get("image") not in paths:
            raise row.error("image", "no such image below the folder; correct the path or drop the row")
        if row.get("laterality") not in [*Laterality]:
            raise row.error("laterality", "must be L or R")
        if row.get("view") not in [*View]:
            raise row.error("view", "must be CC or MLO")
        if not row.get("patient") or not row.get("exam"):
            raise row.error("patient", "patient and exam must be given, or patients could not be kept apart")
    return {row.get("image"): row for row in rows}


def _image(root: Path, path: str, row: _Row | None) -> tuple[ImageRecord, Shape]:
    """The record of one file, and its shape where a header tells it."""
    try:
        file = regular(root, path)
        if is_raster(path):
            if row is None:
                raise RefusedError(Code.NOT_DESCRIBED)
            laterality, view = Laterality(row.get("laterality")), View(row.get("view"))
            return ImageRecord(path, row.get("patient"), row.get("exam"), laterality, view), None
        header = read_header(file)
        if row is not None and header.laterality != row.get("laterality"):
            raise RefusedError(Code.LATERALITY_CONFLICT)
        if row is not None and header.view != row.get("view"):
            raise RefusedError(Code.VIEW_CONFLICT)
    except RefusedError as refused:
        return ImageRecord(path, "", "", None, None, refused.sentence, refused.code), None
    patient, exam = (row.get("patient"), row.get("exam")) if row else (header.patient, header.exam)
    return ImageRecord(path, patient, exam, header.laterality, header.view), header.shape


def _lesion(root: Path, row: _Row, shapes: Mapping[str, Shape]) -> LesionRecord:
    path = row.get("image")
    if path not in shapes:
        raise row.error("image", "no such image below the folder; correct the path or drop the row")
    if row.get("label") not in [*Pathology]:
        raise row.error("label", f"must be one of {', '.join(Pathology)}")
    if row.get("label_source", LabelSource.BIOPSY) not in [*LabelSource]:
        raise row.error("label_source", f"must be one of {', '.join(LabelSource)}")
    if row.get("high_risk", "0") not in ("0", "1"):
        raise row.error("high_risk", "must be 0 or 1")
    mask, box = _outline(root, row, shapes[path])
    return LesionRecord(
        lesion_key=row.get("lesion_id", f"row {row.number}"),
        path=path,
        label=Pathology(row.get("label")),
        label_source=LabelSource(row.get("label_source", LabelSource.BIOPSY)),
        box=box,
        mask=mask,
        high_risk=row.get("high_risk") == "1",
        finding=row.get("finding"),
    )


def _outline(root: Path, row: _Row, shape: Shape) -> Outline:
    if bool(row.get("mask")) == bool(row.get("outline")):
        raise row.error("mask", "give either a mask or an outline; drop the row if the lesion has neither")
    column = "mask" if row.get("mask") else "outline"
    try:
        if shape is None and is_raster(row.get("image")):
            shape = _raster_shape(root, row.get("image"))
        if column == "outline":
            return outline_of_polygon(row.get("outline"), shape)
        return outline_of_file(regular(root, row.get("mask")), shape)
    except RefusedError as refused:
        raise row.error(column, f"{refused.sentence}; correct the path or drop the row") from None
    except ValueError as error:
        raise row.error(column, f"{error}; correct or drop the row") from None


def _raster_shape(root: Path, path: str) -> Shape:
    try:
        rows, cols = read_raster(regular(root, path)).shape
    except RefusedError:
        return None  # the gate will say so
    return rows, cols


def _check_keys(file: Path, lesions: list[LesionRecord]) -> None:
    seen: set[str] = set()
    for lesion in lesions:
        if lesion.lesion_key in seen:
            raise MammoError(f"{file}: lesion_id {lesion.lesion_key!r} occurs twice: give every lesion its own")
        seen.add(lesion.lesion_key)
