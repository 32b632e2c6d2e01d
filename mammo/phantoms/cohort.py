"""Cohort on disk: every image of every phantom as DICOM, with outlines, labels and latents.

- dials.json: the recipe, written first; a folder holds one recipe only
- PHANTOM-0001/L-CC.dcm and so on: four images per patient
- outlines/PHANTOM-0001_L-CC_1.png: one mask per lesion, in the size of its image
- lesions.csv: image, label, lesion_id, finding_id (of findings of two views), label_source, high_risk, finding, mask
- images.csv: image, patient, exam, laterality, view, density (A to D)
- truth.csv: lesion_id, v (its latent)
- images_truth.csv: image, c (latent of its context cues), shown (what the cues show of c), nipple_row, nipple_col
  (its tip, px of the file; pixel centers at 0.5, 1.5, ...)
"""

import csv
import io
import json
import time
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from mammo.io import atomic_write, make_folder
from mammo.machine import without_interrupts
from mammo.phantoms.dicom_file import draw_storage, patient_name, write_image
from mammo.phantoms.image import ImagePlan, draw_image, plan_image
from mammo.phantoms.spec import CohortSpec
from mammo.progress import track
from mammo.records import Density, LabelSource, Laterality, MammoError, Pathology, View, is_whole

LESION_COLUMNS = ("image", "label", "lesion_id", "finding_id", "label_source", "high_risk", "finding", "mask")
IMAGE_COLUMNS = ("image", "patient", "exam", "laterality", "view", "density")
TRUTH_COLUMNS = ("lesion_id", "v")
IMAGE_TRUTH_COLUMNS = ("image", "c", "shown", "nipple_row", "nipple_col")

Row = tuple[str, ...]


@dataclass(frozen=True)
class CohortSummary:
    """Numbers of images and lesions in a cohort, and the time to write it, s."""

    n_images: int
    n_lesions: int
    n_malignant: int
    seconds: float


@dataclass(frozen=True)
class ImageRows:
    """Rows of one image in images.csv, images_truth.csv, lesions.csv and truth.csv."""

    image: Row
    image_truth: Row
    lesions: tuple[Row, ...]
    truth: tuple[Row, ...]


def write_cohort(spec: CohortSpec, out: Path, processes: int) -> CohortSummary:
    """Write the cohort to `out`, or resume an interrupted run.

    Files do not depend on the number of processes. Finished images are kept as they are.

    Raises:
        MammoError: `out` holds a cohort of another recipe, or processes is below 1.
    """
    if not (is_whole(processes) and processes >= 1):
        raise MammoError(f"processes must be a whole number >= 1, got {processes}")
    started = time.monotonic()
    _write_recipe(out, spec)
    images = list(track(_images(spec, out, processes), "phantom", 4 * spec.n_patients))
    lesions = [row for rows in images for row in rows.lesions]
    _write_table(out / "truth.csv", TRUTH_COLUMNS, [row for rows in images for row in rows.truth])
    _write_table(out / "images_truth.csv", IMAGE_TRUTH_COLUMNS, [rows.image_truth for rows in images])
    _write_table(out / "images.csv", IMAGE_COLUMNS, [rows.image for rows in images])
    _write_table(out / "lesions.csv", LESION_COLUMNS, lesions)
    malignant = sum(row[1] == Pathology.MALIGNANT for row in lesions)
    return CohortSummary(len(images), len(lesions), malignant, time.monotonic() - started)


def _write_recipe(out: Path, spec: CohortSpec) -> None:
    """Write the recipe, or check that the folder already holds the same one."""
    path, recipe = out / "dials.json", json.dumps(spec.recipe(), indent=1) + "\n"
    make_folder(out / "outlines")
    if not path.exists():
        with atomic_write(path) as written:
            written.write_text(recipe, encoding="utf-8")
    elif path.read_text() != recipe:
        raise MammoError(f"{path} is the recipe of another cohort: set another root, or delete {out} and try again")


def _images(spec: CohortSpec, out: Path, processes: int) -> Iterator[ImageRows]:
    """Write every patient's images and yield the rows of each image in order."""
    write, patients = partial(_write_patient, spec, out), range(1, spec.n_patients + 1)
    if processes == 1:
        for patient in patients:
            yield from write(patient)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        with without_interrupts():
            found = pool.map(write, patients, chunksize=2)
        for rows in found:
            yield from rows


def _write_patient(spec: CohortSpec, out: Path, patient: int) -> list[ImageRows]:
    """Write the missing images of one patient; patients count from 1."""
    (out / patient_name(patient)).mkdir(exist_ok=True)
    found: list[ImageRows] = []
    for laterality in Laterality:
        views = [plan_image(spec, patient, laterality, view) for view in View]
        for plan in views:
            _write_plan(spec, out, plan)
        found += rows_of_breast(views)
    return found


def _write_plan(spec: CohortSpec, out: Path, plan: ImagePlan) -> None:
    """Write one image unless it exists; its outlines are written first, so that a finished image has them."""
    image, stem = _names(plan)
    path = out / image
    if not path.exists():
        phantom = draw_image(plan)
        for lesion, mask in zip(plan.lesions, phantom.masks, strict=True):
            png = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1]
            with atomic_write(out / "outlines" / f"{stem}_{lesion.number}.png", durable=False) as written:
                written.write_bytes(png.tobytes())
        with atomic_write(path, durable=False) as written:
            write_image(written, phantom.pixels, spec, plan.key, draw_storage(plan.key))


def _names(plan: ImagePlan) -> tuple[str, str]:
    """Return the path of an image in the cohort's folder, and the stem of the names of its outlines."""
    folder, name = patient_name(plan.key.patient), f"{plan.key.laterality}-{plan.key.view}"
    return f"{folder}/{name}.dcm", f"{folder}_{name}"


def rows_of_breast(views: Sequence[ImagePlan]) -> list[ImageRows]:
    """Return the rows of the images of one breast, all its views, in the tables of its cohort."""
    joined = set.intersection(*({lesion.number for lesion in plan.lesions if lesion.breast} for plan in views))
    return [_rows_of(plan, joined) for plan in views]


def _rows_of(plan: ImagePlan, joined: Container[int]) -> ImageRows:
    """Return the rows of one image; joined are the numbers of the findings that all views of its breast show."""
    (image, stem), source, lesions, truth = _names(plan), LabelSource.BIOPSY.value, [], []
    for lesion in plan.lesions:
        key, label, kind = f"{stem}_{lesion.number}", lesion.label.value, lesion.finding.value
        finding = f"{patient_name(plan.key.patient)}_{plan.key.laterality}_{lesion.number}"
        joins = finding if lesion.number in joined else ""
        lesions.append((image, label, key, joins, source, "0", kind, f"outlines/{key}.png"))
        truth.append((key, f"{lesion.latent:.6f}"))
    patient, density = patient_name(plan.key.patient), list(Density)[plan.breast.density]
    row = (image, patient, f"{patient}-1", str(plan.key.laterality), str(plan.key.view), density.value)
    image_truth = (image, *(f"{value:.6f}" for value in (plan.breast.context, plan.shown, *plan.nipple)))
    return ImageRows(row, image_truth, tuple(lesions), tuple(truth))


def _write_table(path: Path, columns: Row, rows: Sequence[Row]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    with atomic_write(path) as written:
        written.write_bytes(text.getvalue().encode())
