"""The plain layout: images anywhere below a folder, and what is known of them in two tables, each .csv or .parquet.

    lesions    image, label, and the outline; optional lesion_id, label_source, high_risk, finding
    images     image, patient, exam, laterality, view; needed for PNG and TIFF, where no header tells these; optional
               density, A to D, and split, the same for all images of a patient: train, val or test

Words may be typed in capitals or not. `image` and `mask` are paths relative to the folder. An outline is one of
    mask                      a PNG or TIFF of the stored image's size, nonzero inside, or a DICOM SEG object, of which
                              `segment` names the segment (1 if there is no such column)
    outline                   a polygon "row,col;row,col;..." in stored pixels
    row0, row1, col0, col1    a half-open box in stored pixels
or stands in a COCO JSON file at the top of the folder (intake.coco). Outlines are clipped to their image.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path

from mammo.intake.adapters._labels import parse_density
from mammo.intake.coco import Annotation, coco_files, read_coco
from mammo.intake.dicom_header import read_breast, read_header
from mammo.intake.dicom_seg import outline_of_segment
from mammo.intake.outlines import Outline, outline_of_box, outline_of_mask, outline_of_polygon
from mammo.intake.rasters import is_raster, read_mask
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import Folder, regular
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
"""The folder of masks, which holds no images."""

BOX = ("row0", "row1", "col0", "col1")

Telling = Row | Annotation
"""What tells of a lesion: a row of a table or a COCO annotation."""


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: the folder holds no image, or a row of a table is wrong (file, row, value and way out are named).
    """
    paths = [path for path in Folder(root).candidates if not path.startswith(f"{OUTLINES}/")]
    rows = _lesion_rows(root) if paths else []
    masks = {row.path("mask") for row in rows}
    paths = [path for path in paths if path not in masks]
    if not paths:
        raise MammoError(f"{root} holds no image: put DICOM, PNG or TIFF files into it, or name another data.source")
    tellings: list[Telling] = [*rows, *(told for file in coco_files(root) for told in read_coco(file))]
    order = {path: index for index, path in enumerate(paths)}
    for told in tellings:  # before any image is opened, which may take long
        _check_words(told, order)
    images = list(_images(root, paths))
    shapes = {record.path: shape for record, shape in images}
    lesions = list(_lesions(root, tellings, shapes))
    known = [lesion for lesion in lesions if isinstance(lesion, LesionRecord)]
    _check_keys(root, known)
    known.sort(key=lambda lesion: order[lesion.path])
    unknown = tuple(lesion for lesion in lesions if isinstance(lesion, LeftOut))
    return Cohort(tuple(record for record, _ in images), tuple(known), unknown)


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
    rows: dict[str, Row] = {}
    dealt: dict[str, Row] = {}
    for row in read_rows(file, needed=("image", "patient", "exam", "laterality", "view")):
        if row.path("image") not in paths:
            raise row.error("image", "no such image below the folder; correct the path or drop the row")
        _check_description(row)
        same_image = rows.setdefault(row.path("image"), row)
        if same_image is not row:
            raise row.error("image", f"row {same_image.number} describes the same image; keep one row for every image")
        same_patient = dealt.setdefault(row.get("patient"), row)
        if same_patient.word("split", Split) != row.word("split", Split):
            other = f"row {same_patient.number}, of the same patient, has {same_patient.get('split')!r}"
            raise row.error("split", f"{other}; put all of a patient's images into one split, or drop the column")
    return rows


def _check_description(row: Row) -> None:
    if not row.word("laterality", Laterality):
        raise row.error("laterality", "must be L or R")
    if not row.word("view", View):
        raise row.error("view", "must be CC or MLO")
    if row.get("density") and not parse_density(row.get("density")):
        raise row.error("density", "must be A, B, C, D or nothing")
    if not row.get("patient") or not row.get("exam"):
        raise row.error("patient", "patient and exam must be given, or patients could not be kept apart")
    if row.get("split") and not row.word("split", Split):
        raise row.error("split", "must be train, val, test or nothing")


def _images(root: Path, paths: Sequence[str]) -> Iterator[tuple[ImageRecord, Shape | None]]:
    """The record of every file, and its shape where a header tells it."""
    described = _described(root, set(paths))
    jobs = [(path, described.get(path)) for path in paths]
    looked = track(isolated(partial(_image, root), jobs, of=itemgetter(0)), "headers", len(jobs))
    for (path, row), found in zip(jobs, looked, strict=True):
        yield (rejected(_by_row(path, row), found), None) if isinstance(found, Code) else found


def _by_row(path: str, row: Row | None) -> ImageRecord:
    """The record of an image as its row describes it, or of nobody's image where there is none."""
    if row is None:
        return ImageRecord(path, "", "", None, None)
    keys, place = (row.get("patient"), row.get("exam")), (row.word("laterality", Laterality), row.word("view", View))
    return ImageRecord(path, *keys, *place, split=row.word("split", Split), density=parse_density(row.get("density")))


def _image(root: Path, job: tuple[str, Row | None]) -> tuple[ImageRecord, Shape | None]:
    """The record of one file, and its shape where a header tells it.

    Raises:
        RejectedError: it cannot be taken in.
    """
    path, row = job
    file, told = regular(root, path), _by_row(path, row)
    if is_raster(path):
        if row is None:
            raise RejectedError(Code.NOT_DESCRIBED)
        return told, None
    try:
        header = read_header(file)
    except RejectedError as error:  # its lesions tell of the breast all the same
        if row is None:
            told = ImageRecord(path, *read_breast(file), None)
        return rejected(told, error.code), None
    if row is None:
        told = ImageRecord(path, header.patient, header.exam, header.laterality, header.view)
    if told.laterality != header.laterality:
        raise RejectedError(Code.LATERALITY_CONFLICT)
    if told.view != header.view:
        raise RejectedError(Code.VIEW_CONFLICT)
    return replace(told, flags=header.flags), header.shape


def _lesions(
    root: Path, tellings: Sequence[Telling], shapes: Mapping[str, Shape | None]
) -> Iterator[LesionRecord | LeftOut]:
    jobs = [(told, shapes[_values(told)["image"]]) for told in tellings]
    made = isolated(partial(_outline, root), jobs, of=lambda job: _values(job[0])["image"])
    for told, outline in zip(tellings, track(made, "outlines", len(jobs), "lesions"), strict=True):
        yield _lesion(told, outline)


def _check_words(told: Telling, paths: Container[str]) -> None:
    """Check what is told of a lesion, its outline's place aside."""
    values = _values(told)
    if values["image"] not in paths:
        raise told.error("image", f"{values['image']!r} is no image below the folder; correct the path or drop it")
    for key, words in (("label", Pathology), ("label_source", LabelSource), ("high_risk", ("0", "1"))):
        if values[key] not in [*words]:
            raise told.error(key, f"must be one of {', '.join(words)}")
    _given(told)


def _lesion(told: Telling, outline: Outline | Code) -> LesionRecord | LeftOut:
    values = _values(told)
    if isinstance(outline, Code) and outline in (Code.OUTLINE_UNLINKED, Code.ELSEWHERE):
        return left_out(values["image"], outline, values["image"])
    if isinstance(outline, Code):
        raise told.error(_given(told), f"{outline.reason}; correct it or drop the lesion")
    mask, box = outline
    label, source = Pathology(values["label"]), LabelSource(values["label_source"])
    key, is_high_risk, finding = values["key"], values["high_risk"] == "1", values["finding"]
    return LesionRecord(key, values["image"], label, source, box, mask, is_high_risk, finding)


def _values(told: Telling) -> dict[str, str]:
    """What is told of a lesion but its outline, as text."""
    if isinstance(told, Row):
        label, source, high_risk = told.get("label"), told.get("label_source"), told.get("high_risk", "0")
        key, finding, image = told.get("lesion_id", f"row {told.number}"), told.get("finding"), told.path("image")
    else:
        named = told.category.lower() in [*Pathology]
        label = told.category if named else str(told.values.get("label", Pathology.NONE))
        source, high_risk = str(told.values.get("label_source", "")), str(told.values.get("high_risk", "0"))
        key, finding, image = f"{told.file.name} {told.key}", "" if named else told.category, told.image
    label, source, high_risk = (word.lower() for word in (label, source, high_risk))
    source = source or (LabelSource.NONE if label == Pathology.NONE else LabelSource.BIOPSY)
    high_risk = {"true": "1", "false": "0"}.get(high_risk, high_risk)
    told_of = {"image": image, "label": label, "label_source": source, "high_risk": high_risk}
    return told_of | {"key": key, "finding": finding}


def _outline(root: Path, job: tuple[Telling, Shape | None]) -> Outline:
    """The outline that is told of, on an image of this shape, or of the shape that its file states.

    Raises:
        RejectedError: it cannot be used, OUTLINE_UNLINKED where its image has no shape.
        MammoError: what the row says of it is wrong.
    """
    told, shape = job
    try:
        shape = shape or stored_shape(root, _values(told)["image"])
    except RejectedError:
        raise RejectedError(Code.OUTLINE_UNLINKED) from None
    if isinstance(told, Annotation):
        return told.outline(shape)
    given = _given(told)
    try:
        if given == "outline":
            points = [[float(number) for number in point.split(",")] for point in told.get("outline").split(";")]
            if len(points) < 3 or {len(point) for point in points} != {2}:
                raise told.error("outline", "is not three or more points row,col;row,col;...; correct or drop the row")
            return outline_of_polygon(points, shape)
        return outline_of_box(_edges(told), shape) if given == "row0" else _mask(root, told, shape)
    except ValueError:
        column, remedy = {
            "outline": ("outline", "must be row,col;row,col;... in numbers"),
            "row0": ("row0", "must be four numbers"),
            "mask": ("segment", "must be a whole number"),
        }[given]
        raise told.error(column, f"{remedy}; correct or drop the row") from None


def _given(told: Telling) -> str:
    """The column that holds the outline of a row; the id of an annotation, which has no other name."""
    if isinstance(told, Annotation):
        return "id"
    given = [column for column in ("mask", "outline", "row0") if told.get(column)]
    if len(given) != 1:
        raise told.error("mask", "give one of mask, outline or row0, row1, col0, col1; drop a lesion that has none")
    return given[0]


def _edges(row: Row) -> tuple[float, float, float, float]:
    row0, row1, col0, col1 = (float(row.get(column)) for column in BOX)
    return row0, row1, col0, col1


def _mask(root: Path, row: Row, shape: Shape) -> Outline:
    path = row.path("mask")
    file = regular(root, path)
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
            raise MammoError(f"{root}: lesion_id {lesion.lesion_key!r} occurs twice: give every lesion its own")
        seen.add(lesion.lesion_key)
