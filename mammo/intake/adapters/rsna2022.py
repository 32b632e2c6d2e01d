"""RSNA Screening Mammography (Kaggle 2022): images with cancer and biopsy by breast, without outlines.

    train.csv                                    one row per image
    train_images/<patient_id>/<image_id>.dcm     or .png, or <patient_id>_<image_id>.png

Labels are by breast: malignant with cancer, benign with a biopsy and no cancer, negative with neither. No exam key is
published: a patient counts as one exam. Views other than CC and MLO are rejected.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from mammo.intake.adapters._labels import parse_density
from mammo.intake.rejections import Code, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.intake.source_folder import Folder, stem_of
from mammo.intake.source_tables import Row, read_rows
from mammo.records import Cohort, Count, Finding, ImageRecord, LabelSource, Laterality, Pathology, View

COLUMNS = ("patient_id", "image_id", "laterality", "view", "cancer", "biopsy")


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: not used, because the tables state everything.

    Raises:
        MammoError: train.csv is missing or a row of it is wrong.
    """
    folder = Folder(root)
    files = dict(_by_name(folder.images))
    table = folder.find("train.csv")
    images_folder = table.parent.relative_to(root) / "train_images"
    rows = list(read_rows(table, COLUMNS, ("density",)))
    images = [_image(row, files, images_folder) for row in rows]
    return Cohort.ordered(images, _findings(rows, images), _counts(rows))


def _by_name(paths: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield ("<patient>_<image>", path) of every image, and (file name without suffix, path)."""
    for path in paths:
        yield f"{PurePosixPath(path).parent.name}_{stem_of(path)}", path
        yield stem_of(path), path


def _image(row: Row, files: Mapping[str, str], images_folder: Path) -> ImageRecord:
    """Return the record of one row; a missing file gets its expected path in images_folder."""
    if row.get("laterality") not in [*Laterality] or not row.get("patient_id"):
        raise row.error("laterality", "patient_id must be given, and laterality must be L or R; correct the row")
    patient, image_id, view = row.get("patient_id"), row.get("image_id"), row.get("view")
    image = ImageRecord(
        files.get(f"{patient}_{image_id}", (images_folder / patient / f"{image_id}.dcm").as_posix()),
        patient,
        patient,
        Laterality(row.get("laterality")),
        View(view) if view in [*View] else None,
        by_table=True,
        negative=row.get("cancer") == "0" and row.get("biopsy") == "0",
        density=parse_density(row.get("density")),
    )
    if f"{patient}_{image_id}" not in files:
        return rejected(image, Code.MISSING)
    return image if image.view else rejected(image, Code.OTHER_VIEW)


def _findings(rows: Iterable[Row], images: Iterable[ImageRecord]) -> Iterator[Finding]:
    """Yield a finding for each image of a breast with cancer (malignant), or with a biopsy and no cancer (benign)."""
    for row, image in zip(rows, images, strict=True):
        if row.get("cancer") == "1":
            yield Finding(image.path, Pathology.MALIGNANT, LabelSource.BREAST_LEVEL)
        elif row.get("biopsy") == "1":
            yield Finding(image.path, Pathology.BENIGN, LabelSource.BREAST_LEVEL)


def _counts(rows: list[Row]) -> list[Count]:
    return [
        Count("images", len(rows), 54706),
        Count("patients", len({row.get("patient_id") for row in rows}), 11913),
        Count("images of breasts with cancer", sum(row.get("cancer") == "1" for row in rows), 1158),
        Count("images of biopsied breasts", sum(row.get("biopsy") == "1" for row in rows), 2969),
    ]
