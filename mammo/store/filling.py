"""Filling a store: every image of a cohort through the gate, by several processes, resumable at any image."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import file_digest, sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from mammo.geometry import Frame
from mammo.intake.gate import admit, regular
from mammo.intake.pseudonyms import Pseudonyms
from mammo.intake.refusals import RefusedError
from mammo.progress import track
from mammo.records import Cohort, ImageRecord, LesionRecord, MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.rows import chain_values, outline_values, tissue_values

PIPELINE = 1
"""Number of the way from files to store pixels; a new number makes a rerun read every image again."""

PER_PROCESS = 32
"""Images that are worth starting a process for."""


@dataclass(frozen=True)
class Recipe:
    """How the images of one store are made.

    Attributes:
        source: the folder that the images' paths start from.
        store: the store folder.
        frame: the network window.
        scale: store pixels per mirrored pixel.
    """

    source: Path
    store: Path
    frame: Frame
    scale: float

    def mark(self, digest: str, image: ImageRecord) -> str:
        """What the note of a stored image starts with while nothing that it was made from has changed."""
        made_from = (PIPELINE, digest, asdict(self.frame), self.scale, image.laterality, image.view, image.by_table)
        return sha256(json.dumps(made_from).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What became of one file: its row of images.parquet without names, or the reason why it has none."""

    row: dict[str, Any] | None = None
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Filling:
    """What a cohort became.

    Attributes:
        manifest: the tables of the accepted images and their lesions.
        refused: (path, code, reason) of every other file.
        lost_lesions: how many outlined lesions lie on refused images.
    """

    manifest: Manifest
    refused: tuple[tuple[str, str, str], ...]
    lost_lesions: int


def fill(recipe: Recipe, cohort: Cohort, processes: int) -> Filling:
    """Bring the images of a cohort into a store, then write its tables and refused.csv.

    Images that the store already holds, made from the same bytes in the same way, are not read again. A patient's
    split, once dealt, is kept.

    Raises:
        MammoError: no image is accepted, or a decoder is missing.
    """
    names = Pseudonyms.of_store(recipe.store)
    jobs = [(image, names.of("image", image.path)) for image in cohort.images]
    outcomes = list(track(_outcomes(recipe, jobs, processes), "ingest", len(jobs)))
    refused = [(image.path, o.code, o.reason) for (image, _), o in zip(jobs, outcomes, strict=True) if o.row is None]
    left_out = [(lesion.path, lesion.code, lesion.reason) for lesion in cohort.left_out]
    _write_refused(recipe.store / "refused.csv", [*refused, *left_out])
    if len(refused) == len(jobs):
        first = f"the first because: {refused[0][2]}"
        raise MammoError(f"none of the {len(jobs)} files of {recipe.source} was accepted ({first}): see refused.csv")
    accepted = [(image, key, o.row) for (image, key), o in zip(jobs, outcomes, strict=True) if o.row is not None]
    ids = {image.path: key for image, key, _ in accepted}
    lesions = [_lesion_row(lesion, ids[lesion.path], names) for lesion in cohort.lesions if lesion.path in ids]
    images = list(_image_rows(recipe.store, cohort, accepted, names))
    manifest = Manifest.of(recipe.frame, images, lesions)
    manifest.save(recipe.store)
    ImageStore(recipe.store).tidy()
    return Filling(manifest, tuple(refused), len(cohort.lesions) - len(lesions))


def _outcomes(recipe: Recipe, jobs: Sequence[tuple[ImageRecord, str]], processes: int) -> Iterator[Outcome]:
    """The outcome of every job, in order."""
    if processes < 1:
        raise MammoError(f"processes={processes} must be at least 1: leave it out to use every core")
    useful = min(processes, -(-len(jobs) // PER_PROCESS))
    if useful < 2:
        _one_thread()
        yield from map(partial(take, recipe), jobs)
        return
    with ProcessPoolExecutor(useful, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield from pool.map(partial(take, recipe), jobs, chunksize=8)


def _one_thread() -> None:
    """Keep OpenCV from starting threads of its own in every process."""
    cv2.setNumThreads(1)


def take(recipe: Recipe, job: tuple[ImageRecord, str]) -> Outcome:
    """Bring one image into the store, unless it is there already.

    Args:
        recipe: how.
        job: the image's record and id.
    """
    image, image_id = job
    store = ImageStore(recipe.store)
    try:
        if image.code:
            return Outcome(code=image.code, reason=image.reason)
        with regular(recipe.source, image.path).open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
        mark = recipe.mark(digest, image)
        known, _, row = store.note(image_id).partition(" ")
        if known != mark:
            placed = admit(recipe.source, image, recipe.frame, recipe.scale)
            values = chain_values(placed.chain) | tissue_values(placed.tissue) | {"sha256": digest}
            row = json.dumps({name: v.hex() if isinstance(v, bytes) else v for name, v in values.items()})
            store.write(image_id, placed.pixels, f"{mark} {row}")
    except RefusedError as refused:
        return Outcome(code=refused.code, reason=refused.sentence)
    kept = json.loads(row)
    return Outcome(row=kept | {"tissue": bytes.fromhex(kept["tissue"])})


def _image_rows(
    store: Path, cohort: Cohort, accepted: Iterable[tuple[ImageRecord, str, dict[str, Any]]], names: Pseudonyms
) -> Iterator[dict[str, Any]]:
    splits = _splits(store)
    outlined = {lesion.path for lesion in cohort.lesions}
    breasts = {(image.exam_key, image.laterality) for image in cohort.images if image.path in outlined}
    for image, image_id, row in accepted:
        patient = names.of("patient", image.patient_key)
        yield {
            "image_id": image_id,
            "path": image.path,
            "patient_id": patient,
            "exam_id": names.of("exam", image.exam_key),
            "laterality": image.laterality,
            "view": image.view,
            "split": splits.get(patient, image.split or ""),
            "official_split": image.split or "",
            "negative": image.negative is not False and (image.exam_key, image.laterality) not in breasts,
        } | row


def _lesion_row(lesion: LesionRecord, image_id: str, names: Pseudonyms) -> dict[str, Any]:
    return {
        "lesion_id": names.of("lesion", lesion.lesion_key),
        "image_id": image_id,
        "label": lesion.label,
        "label_source": lesion.label_source,
        "high_risk": lesion.high_risk,
        "finding": lesion.finding,
    } | outline_values(lesion.mask, lesion.box)


def _splits(store: Path) -> dict[str, str]:
    """The split of each patient of the tables that the store has, if any that can be read."""
    try:
        images = Manifest.load(store).images
    except MammoError:
        return {}
    return dict(zip(images["patient_id"], images["split"], strict=True))


def _write_refused(path: Path, refused: Iterable[tuple[str, str, str]]) -> None:
    partial_path = path.with_name(f".{path.name}.{os.getpid()}")
    with partial_path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "code", "reason"])
        writer.writerows(refused)
    partial_path.replace(path)
