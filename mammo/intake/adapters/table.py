"""The plain layout: images anywhere below a folder, and what is known of them in two tables, each .csv or .parquet.

    lesions    image, label, and the outline; optional lesion_id, label_source, high_risk, finding
    images     image, patient, exam, laterality, view; needed for PNG and TIFF, where no header tells these; optional
               density, A to D

`image` and `mask` are paths relative to the folder. An outline is one of
    mask                      a PNG or TIFF of the stored image's size, nonzero inside, or a DICOM SEG object, of which
                              `segment` names the segment (1 if there is no such column)
    outline                   a polygon "row,col;row,col;..." in stored pixels
    row0, row1, col0, col1    a half-open box in stored pixels
or stands in a COCO JSON file at the top of the folder (intake.coco). Outlines are clipped to their image.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mammo.intake.coco import Annotation, coco_files, read_coco
from mammo.intake.densities import density_of
from mammo.intake.dicom import read_header
from mammo.intake.gate import files, is_raster, regular
from mammo.intake.outlines import Outline, outline_of_box, outline_of_mask, outline_of_polygon
from mammo.intake.rasters import read_mask
from mammo.intake.refusals import Code, RefusedError, left_out
from mammo.intake.segments import outline_of_segment
from mammo.intake.stored import stored_shape
from mammo.intake.tables import Row, read_rows
from mammo.records import (
    Cohort,
    ImageRecord,
    LabelSource,
    Laterality,
    LeftOut,
    LesionRecord,
    MammoError,
    Pathology,
    View,
)

OUTLINES = "outlines"
"""The folder of masks, which holds no images."""

BOX = ("row0", "row1", "col0", "col1")

Shape = tuple[int, int] | None
"""(rows, cols) of stored pixels, None where no header tells them."""

Telling = Row | Annotation
"""What tells of a lesion: a row of a table or a COCO annotation."""


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: the folder holds no image, or a row of a table is wrong (file, row, value and way out are named).
    """
    paths = list(files(root, leave_out=OUTLINES))
    rows = _lesion_rows(root) if paths else []
    masks = {row.get("mask") for row in rows}
    paths = [path for path in paths if path not in masks]
    if not paths:
        raise MammoError(f"{root} holds no image: put DICOM, PNG or TIFF files into it, or name another data.source")
    described = _described(root, set(paths))
    found = [_image(root, path, described.get(path)) for path in paths]
    shapes = {record.path: shape for record, shape in found}
    annotations = [told for file in coco_files(root) for told in read_coco(file)]
    tellings: list[Telling] = [*rows, *annotations]
    lesions = [_lesion(root, told, shapes) for told in tellings]
    known = [lesion for lesion in lesions if isinstance(lesion, LesionRecord)]
    _check_keys(root, known)
    order = {path: index for index, path in enumerate(paths)}
    known.sort(key=lambda lesion: order[lesion.path])
    unknown = tuple(lesion for lesion in lesions if isinstance(lesion, LeftOut))
    return Cohort(tuple(record for record, _ in found), tuple(known), unknown)


def _table(root: Path, name: str) -> Path:
    parquet = root / f"{name}.parquet"
    return parquet if parquet.exists() else root / f"{name}.csv"


def _lesion_rows(root: Path) -> list[Row]:
    file = _table(root, "lesions")
    if not file.exists():
        if coco_files(root):
            return []
        message = f"{file} is missing: write it with the columns image, label, and no row if there is none"
        raise MammoError(message)
    return list(read_rows(file, needed=("image", "label")))


def _described(root: Path, paths: set[str]) -> dict[str, Row]:
    file = _table(root, "images")
    if not file.exists():
        return {}
    rows = list(read_rows(file, needed=("image", "patient", "exam", "laterality", "view")))
    for row in rows:
        if row.get("image") not in paths:
            raise row.error("image", "no such image below the folder; correct the path or drop the row")
        if row.get("laterality") not in [*Laterality]:
            raise row.error("laterality", "must be L or R")
        if row.get("view") not in [*View]:
            raise row.error("view", "must be CC or MLO")
        if row.get("density") and not density_of(row.get("density")):
            raise row.error("density", "must be A, B, C, D or nothing")
        if not row.get("patient") or not row.get("exam"):
            raise row.error("patient", "patient and exam must be given, or patients could not be kept apart")
    return {row.get("image"): row for row in rows}


def _image(root: Path, path: str, row: Row | None) -> tuple[ImageRecord, Shape]:
    """The record of one file, and its shape where a header tells it."""
    density = density_of(row.get("density")) if row else None
    try:
        file = regular(root, path)
        if is_raster(path):
            if row is None:
                raise RefusedError(Code.NOT_DESCRIBED)
            laterality, view = Laterality(row.get("laterality")), View(row.get("view"))
            return ImageRecord(path, row.get("patient"), row.get("exam"), laterality, view, density=density), None
        header = read_header(file)
        if row is not None and header.laterality != row.get("laterality"):
            raise RefusedError(Code.LATERALITY_CONFLICT)
        if row is not None and header.view != row.get("view"):
            raise RefusedError(Code.VIEW_CONFLICT)
    except RefusedError as refused:
        return ImageRecord(path, "", "", None, None, refused.code.sentence, refused.code), None
    patient, exam = (row.get("patient"), row.get("exam")) if row else (header.patient, header.exam)
    side, view = header.laterality, header.view
    return ImageRecord(path, patient, exam, side, view, flags=header.flags, density=density), header.shape


def _lesion(root: Path, told: Telling, shapes: Mapping[str, Shape]) -> LesionRecord | LeftOut:
    values = _values(told)
    path = values["image"]
    if path not in shapes:
        raise told.error("image", f"{path!r} is no image below the folder; correct the path or drop it")
    for key, words in (("label", Pathology), ("label_source", LabelSource), ("high_risk", ("0", "1"))):
        if values[key] not in [*words]:
            raise told.error(key, f"must be one of {', '.join(words)}")
    try:
        shape = shapes[path] or stored_shape(root, path)
    except RefusedError:
        return left_out(path, RefusedError(Code.OUTLINE_UNLINKED))
    mask, box = _outline(root, told, shape) if isinstance(told, Row) else _annotated(told, shape)
    label, source = Pathology(values["label"]), LabelSource(values["label_source"])
    return LesionRecord(
        values["key"], path, label, source, box, mask, values["high_risk"] == "1", finding=values["finding"]
    )


def _values(told: Telling) -> dict[str, str]:
    """What is told of a lesion but its outline, as text."""
    if isinstance(told, Row):
        label, source, high_risk = told.get("label"), told.get("label_source"), told.get("high_risk", "0")
        key, finding, image = told.get("lesion_id", f"row {told.number}"), told.get("finding"), told.get("image")
    else:
        named = told.category.lower() in [*Pathology]
        label = told.category.lower() if named else str(told.values.get("label", Pathology.NONE))
        source, high_risk = str(told.values.get("label_source", "")), str(int(told.values.get("high_risk", 0)))
        key, finding, image = f"{told.file.name} {told.key}", "" if named else told.category, told.image
    source = source or (LabelSource.NONE if label == Pathology.NONE else LabelSource.BIOPSY)
    told_of = {"image": image, "label": label, "label_source": source, "high_risk": high_risk}
    return told_of | {"key": key, "finding": finding}


def _outline(root: Path, row: Row, shape: tuple[int, int]) -> Outline:
    given = [column for column in ("mask", "outline", "row0") if row.get(column)]
    if len(given) != 1:
        raise row.error("mask", "give one of mask, outline or row0, row1, col0, col1; drop a lesion that has none")
    try:
        if given == ["outline"]:
            points = [[float(number) for number in point.split(",")] for point in row.get("outline").split(";")]
            if len(points) < 3 or {len(point) for point in points} != {2}:
                raise row.error("outline", "is not three or more points row,col;row,col;...; correct or drop the row")
            return outline_of_polygon(points, shape)
        if given == ["row0"]:
            return outline_of_box(_edges(row), shape)
        return _mask(root, row, shape)
    except ValueError:
        way_out = "must be row,col;row,col;... in numbers" if given == ["outline"] else "must be four numbers"
        raise row.error(given[0], f"{way_out}; correct or drop the row") from None
    except RefusedError as refused:
        raise row.error(given[0], f"{refused.code.sentence}; correct or drop the row") from None


def _edges(row: Row) -> tuple[float, float, float, float]:
    row0, row1, col0, col1 = (float(row.get(column)) for column in BOX)
    return row0, row1, col0, col1


def _mask(root: Path, row: Row, shape: tuple[int, int]) -> Outline:
    path = row.get("mask")
    file = regular(root, path)
    if not is_raster(path):
        return outline_of_segment(root, path, int(row.get("segment", "1")), row.get("image"), shape)
    mask = read_mask(file, 128 if file.suffix.lower() in (".jpg", ".jpeg") else 1)
    if mask.shape != shape:
        sizes = f"the mask is {mask.shape[0]} x {mask.shape[1]}, but its image is {shape[0]} x {shape[1]}"
        raise row.error("mask", f"{sizes}; correct the path or drop the row")
    return outline_of_mask(mask)


def _annotated(told: Annotation, shape: tuple[int, int]) -> Outline:
    try:
        return told.outline(shape)
    except RefusedError as refused:
        raise told.error("id", f"{refused.code.sentence}; correct or drop the annotation") from None


def _check_keys(root: Path, lesions: Sequence[LesionRecord]) -> None:
    seen: set[str] = set()
    for lesion in lesions:
        if lesion.lesion_key in seen:
            raise MammoError(f"{root}: lesion_id {lesion.lesion_key!r} occurs twice: give every lesion its own")
        seen.add(lesion.lesion_key)
