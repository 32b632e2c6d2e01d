"""VinDr-Mammo 1.0.0 (PhysioNet): digital mammograms with boxes, BI-RADS by finding instead of biopsies.

    images/<study_id>/<image_id>.dicom
    breast-level_annotations.csv      one row per image
    finding_annotations.csv           one row per finding or "No Finding"; boxes xmin, ymin, xmax, ymax, stored pixels

Labels are proxies: BI-RADS 4 and 5 is malignant; 3 is none, or benign if requested (proxies). No patient key is
published: a study counts as a patient, unless data.patients gives the patients, and a study in both splits goes to
test. An image is negative if it has no finding and its breast is BI-RADS 1 or 2; "No Finding" alone means only that
this view does not show a finding.
"""

from ast import literal_eval
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mammo.intake.adapters._labels import clean_splits, parse_birads, parse_density, proxy_label
from mammo.intake.outlines import Outline, outline_of_box
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.intake.source_folder import Folder, stem_of
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import Shape, stored_shapes
from mammo.records import Cohort, Count, ImageRecord, Laterality, LeftOut, LesionRecord, Split, View

CORNERS = ("xmin", "ymin", "xmax", "ymax")
NO_FINDING = frozenset({"No Finding", ""})
"""Categories of a row without a finding; any other row is a finding, even if corners of its box are missing."""

SPLITS = {"training": Split.TRAIN, "test": Split.TEST}
IMAGE_COLUMNS = ("study_id", "image_id", "laterality", "view_position", "breast_birads", "split")


def read(root: Path, proxies: bool = False, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        proxies: whether BI-RADS 3 becomes benign.
        workers: how files are read in child processes.

    Raises:
        MammoError: a table is missing, or a row of it is wrong.
    """
    folder = Folder(root)
    files = {stem_of(path): path for path in folder.images}
    findings: dict[str, list[Row]] = defaultdict(list)
    boxed = read_rows(folder.find("finding_annotations.csv"), ("image_id", "finding_birads", *CORNERS))
    for row in boxed:
        if any(map(row.get, CORNERS)) or not NO_FINDING.issuperset(_categories(row)):
            findings[row.get("image_id")].append(row)
    table = folder.find("breast-level_annotations.csv")
    images_folder = table.parent.relative_to(root) / "images"
    rows = list(read_rows(table, IMAGE_COLUMNS, ("height", "width", "breast_density")))
    _check(rows)
    splits, notes = clean_splits((row.get("study_id"), SPLITS[row.get("split")]) for row in rows)
    images = {
        row.get("image_id"): _image(
            row, files, images_folder, row.get("image_id") in findings, splits[row.get("study_id")]
        )
        for row in rows
    }
    sizes = {row.get("image_id"): (row.get("height"), row.get("width")) for row in rows}
    outlined = [images[key].path for key in findings if key in images and not images[key].code]
    shapes = stored_shapes(root, outlined, workers)
    outlines = [
        _lesion(row, number, images.get(image_id), shapes, sizes.get(image_id, ("", "")), proxies)
        for image_id, found in findings.items()
        for number, row in enumerate(found, 1)
    ]
    cohort = Cohort.ordered(images.values(), outlines, _counts(list(images.values()), findings), notes)
    return replace(cohort, knows_patients=False)


def _check(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.get("laterality") not in [*Laterality] or row.get("split") not in SPLITS:
            raise row.error("laterality", "laterality must be L or R, and split training or test; correct the row")


def _image(row: Row, files: Mapping[str, str], images_folder: Path, has_findings: bool, split: Split) -> ImageRecord:
    """Return the record of one row; a missing file gets its expected path in images_folder."""
    study, image_id, view = row.get("study_id"), row.get("image_id"), row.get("view_position")
    negative = not has_findings and row.get("breast_birads").endswith(("1", "2"))
    image = ImageRecord(
        files.get(image_id, (images_folder / study / f"{image_id}.dicom").as_posix()),
        study,
        study,
        Laterality(row.get("laterality")),
        View(view) if view in [*View] else None,
        by_table=True,
        negative=negative,
        split=split,
        density=parse_density(row.get("breast_density")),
    )
    if image_id not in files:
        return rejected(image, Code.MISSING)
    return image if image.view else rejected(image, Code.OTHER_VIEW)


def _lesion(
    row: Row,
    number: int,
    image: ImageRecord | None,
    shapes: Mapping[str, Shape | Code],
    size: tuple[str, str],
    proxies: bool,
) -> LesionRecord | LeftOut:
    path = image.path if image else row.get("image_id")
    shape = shapes.get(path, Code.OUTLINE_UNLINKED)
    label, source = proxy_label(row.get("finding_birads"), proxies)
    try:
        mask, box = _outline(row, path, shape, size)
    except RejectedError as error:
        return left_out(path, error.code, image.path if image else "", label)
    key, finding = f"{row.get('image_id')}_{number}", ", ".join(_categories(row))
    birads = parse_birads(row.get("finding_birads"))
    return LesionRecord(key, path, label, source, box, mask, finding=finding, birads=birads)


def _outline(row: Row, path: str, shape: Shape | Code, size: tuple[str, str]) -> Outline:
    """Return the clipped box; a resized copy in another format is rejected, as its boxes would not fit.

    Raises:
        RejectedError: the box cannot be used.
    """
    if isinstance(shape, Code):
        raise RejectedError(shape)
    if is_raster(path) and size != (str(shape[0]), str(shape[1])):
        raise RejectedError(Code.OUTLINE_SIZE)
    try:
        xmin, ymin, xmax, ymax = (float(row.get(corner)) for corner in CORNERS)
    except ValueError:
        raise RejectedError(Code.OUTLINE_BROKEN) from None
    return outline_of_box((ymin, ymax, xmin, xmax), shape)


def _categories(row: Row) -> Sequence[str]:
    """Parse the finding's categories, written as a Python list."""
    text = row.get("finding_categories")
    try:
        return [str(category) for category in literal_eval(text)]
    except (ValueError, SyntaxError, TypeError):
        return [text]


def _counts(images: Sequence[ImageRecord], findings: Mapping[str, Sequence[Row]]) -> list[Count]:
    return [
        Count("studies", len({image.exam_key for image in images}), 5000),
        Count("images", len(images), 20000),
        Count("images of the training split", sum(image.split is Split.TRAIN for image in images), 16000),
        Count("images with boxes", len(findings), 1768),
        Count("boxes", sum(map(len, findings.values())), 2254),
    ]
