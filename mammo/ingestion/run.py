"""The ingest run: brings a cohort's images into a store, by several processes, resumable at any image."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mammo.ingestion.duplicates import Candidate, Duplicates, find_duplicates
from mammo.ingestion.image_labels import ImageLabels
from mammo.ingestion.quarantine import QUARANTINE, RejectionLog, write_quarantine
from mammo.ingestion.shard import Shard, find_parts, open_part, rejections_in_parts, remove_parts
from mammo.ingestion.worker import (
    PRELOAD,
    AlreadyStored,
    Encoded,
    ImageFacts,
    IngestItem,
    Recipe,
    Rejected,
    ingest_file,
)
from mammo.intake.outcomes import Outcome, Verdict
from mammo.intake.pseudonyms import Pseudonyms
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.io import file_lock, remove_partials
from mammo.progress import track
from mammo.records import Cohort, ImageRecord, LesionRecord, MammoError
from mammo.store.folds import NO_FOLD
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import outline_values
from mammo.store.store_header import check_format


@dataclass(frozen=True)
class IngestResult:
    """The result of an ingest.

    Attributes:
        manifest: the tables of the accepted images and their lesions.
        outcomes: of every file, in the order of the cohort.
        lost_lesions: number of outlined lesions on rejected images.
        decoded: number of files that this run decoded.
    """

    manifest: Manifest
    outcomes: tuple[Outcome, ...]
    lost_lesions: int
    decoded: int


def ingest_cohort(recipe: Recipe, cohort: Cohort, processes: int, allow: Sequence[str] = ()) -> IngestResult:
    """Ingest the images of a cohort into a store, then write its tables and the quarantine table.

    Files that the store already holds, made from the same bytes in the same way, are not decoded again. A patient's
    split, once assigned, is kept.

    Args:
        recipe: how the store's images are made.
        cohort: the images and lesions of the source.
        processes: maximum number of child processes.
        allow: flags that do not exclude an image from training.

    Raises:
        MammoError: no image is accepted, a decoder is missing, or the store is locked, of another format or cannot be
            written.
    """
    if processes < 1:
        raise MammoError(f"processes={processes} must be at least 1: leave it out to use every core")
    try:
        check_format(recipe.store)
        with _locked(recipe.store):
            remove_partials(recipe.store)
            result = _ingest(replace(recipe, parts=find_parts(recipe.store)), cohort, processes, allow)
            remove_parts(recipe.store)
            return result
    except OSError as error:
        raise MammoError(
            f"{recipe.store} cannot be written ({error.strerror or type(error).__name__}): free some space, then run "
            f"the same command again; what is already there is kept"
        ) from None


def ingest_shard(recipe: Recipe, cohort: Cohort, shard: Shard, processes: int) -> int:
    """Ingest the files of one shard into its part; the next ingest of the whole store merges it.

    Args:
        recipe: of the whole store.
        cohort: the whole source.
        shard: the share of the files.
        processes: maximum number of child processes.

    Returns:
        Number of files of the shard.

    Raises:
        MammoError: a decoder is missing, the store is of another format, or another process ingests the shard.
    """
    check_format(recipe.store)
    part, pseudonyms = open_part(recipe.store, shard), Pseudonyms.of_store(recipe.store)
    with _locked(part):
        remove_partials(part)
        images = [image for image in cohort.images if shard.holds(image.path)]
        items = _items(images, pseudonyms, RejectionLog(part).read())
        _ingest_files(replace(recipe, store=part), items, processes)
    return len(items)


def _locked(store: Path) -> AbstractContextManager[None]:
    """Keep a second ingest out of a store."""
    return file_lock(store / ".lock", f"ingest into {store}", wait=False)


def _items(
    images: Sequence[ImageRecord], pseudonyms: Pseudonyms, rejections: Mapping[str, tuple[str, str]]
) -> list[IngestItem]:
    ids = [pseudonyms.of("image", image.path) for image in images]
    return [IngestItem(image, image_id, rejections.get(image_id)) for image, image_id in zip(images, ids, strict=True)]


def _ingest(recipe: Recipe, cohort: Cohort, processes: int, allow: Sequence[str]) -> IngestResult:
    pseudonyms = Pseudonyms.of_store(recipe.store)
    rejections = rejections_in_parts(recipe.parts) | RejectionLog(recipe.store).read()
    items = _items(cohort.images, pseudonyms, rejections)
    results, decoded = _ingest_files(recipe, items, processes)
    facts = {item.image_id: one for item, one in zip(items, results, strict=True) if isinstance(one, ImageFacts)}
    duplicates = _duplicates(recipe.store, items, facts)
    outcomes = tuple(_outcomes(items, results, duplicates, allow))
    write_quarantine(recipe.store, outcomes, cohort.left_out)
    accepted = {o.path: o.image_id for o in outcomes if o.verdict in (Verdict.ACCEPTED, Verdict.FLAGGED)}
    if not accepted:
        message = f"none of the {len(outcomes)} files of {recipe.source} was accepted"
        raise MammoError(f"{message} (the first because: {outcomes[0].reason}): see {recipe.store / QUARANTINE}")
    image_of = accepted | {o.path: duplicates.kept[o.image_id] for o in outcomes if o.image_id in duplicates.kept}
    lesions = (
        _lesion_row(lesion, image_of[lesion.path], pseudonyms) for lesion in cohort.lesions if lesion.path in image_of
    )
    kept = [(image, outcome) for image, outcome in zip(cohort.images, outcomes, strict=True) if image.path in accepted]
    images = _image_rows(recipe, ImageLabels.of(cohort, image_of), kept, facts, pseudonyms)
    manifest = Manifest.of(recipe.frame, images, lesions, (recipe.data_set,))
    ImageStore(recipe.store).remove_replaced()
    manifest.save(recipe.store)
    return IngestResult(manifest, outcomes, len(cohort.lesions) - len(manifest.lesions), decoded)


def _ingest_files(
    recipe: Recipe, items: Sequence[IngestItem], processes: int
) -> tuple[list[Rejected | ImageFacts], int]:
    """Ingest files; store images and remember rejections as they come.

    Returns:
        The result of every file, in order, and the number of files decoded.
    """
    log, store, decoded = RejectionLog(recipe.store), ImageStore(recipe.store), 0
    results: list[Rejected | ImageFacts] = []
    with log.writing() as writer:
        found = isolated(partial(ingest_file, recipe), items, Workers(processes, preload=PRELOAD))
        for item, result in zip(items, track(found, "ingest", len(items)), strict=True):
            match result:
                case Encoded(facts, record, head, merged):
                    store.append(item.image_id, record, head)
                    decoded += not merged
                    results.append(facts)
                case AlreadyStored(facts):
                    results.append(facts)
                case Rejected(code, input_digest):
                    if input_digest and item.rejection != (input_digest, code):
                        writer.add(item.image_id, input_digest, code)
                        decoded += 1
                    results.append(result)
                case Code():
                    results.append(Rejected(result))
    store.refresh()
    log.rewrite(
        (item.image_id, one.input_digest, one.code)
        for item, one in zip(items, results, strict=True)
        if isinstance(one, Rejected) and one.input_digest
    )
    return results, decoded


def _duplicates(store: Path, items: Sequence[IngestItem], facts: Mapping[str, ImageFacts]) -> Duplicates:
    images = ImageStore(store)

    def same_pixels(one: str, other: str) -> bool:
        return images.equal(one, other)

    candidates = [
        Candidate(
            item.image_id,
            (item.image.patient_key, str(item.image.laterality), str(item.image.view)),
            item.image.exam_key,
            found.uid,
            found.key,
            found.thumbnail,
            "lossy" in _flags(found),
        )
        for item in items
        if (found := facts.get(item.image_id))
    ]
    return find_duplicates(candidates, same_pixels)


def _flags(facts: ImageFacts) -> list[str]:
    return [flag for flag in str(facts.row.get("flags", "")).split("+") if flag]


def _outcomes(
    items: Sequence[IngestItem],
    results: Sequence[Rejected | ImageFacts],
    duplicates: Duplicates,
    allow: Sequence[str],
) -> Iterator[Outcome]:
    path_of = {item.image_id: item.image.path for item in items}
    for item, result in zip(items, results, strict=True):
        path, image_id = item.image.path, item.image_id
        if isinstance(result, Rejected):
            if result.code == Code.DUPLICATE:
                yield Outcome(path, image_id, Verdict.DUPLICATE)
            else:
                yield Outcome(path, image_id, Verdict.REJECTED, (result.code,))
        elif image_id in duplicates.conflicts:
            yield Outcome(path, image_id, Verdict.REJECTED, (Code.UID_CONFLICT,))
        elif image_id in duplicates.kept:
            yield Outcome(path, image_id, Verdict.DUPLICATE, (), path_of[duplicates.kept[image_id]])
        else:
            flags = tuple(flag for flag in _flags(result) if flag not in allow)
            yield Outcome(path, image_id, Verdict.FLAGGED if flags else Verdict.ACCEPTED, flags)


def _image_rows(
    recipe: Recipe,
    labels: ImageLabels,
    accepted: Sequence[tuple[ImageRecord, Outcome]],
    facts: Mapping[str, ImageFacts],
    pseudonyms: Pseudonyms,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of images.parquet."""
    current = _current_splits(recipe.store)
    for image, outcome in accepted:
        patient = pseudonyms.of("patient", image.patient_key)
        split, fold = current.get(patient, (image.split or "", NO_FOLD))
        yield (
            facts[outcome.image_id].row
            | labels.columns(image, outcome.image_id)
            | {
                "image_id": outcome.image_id,
                "source": recipe.data_set.name,
                "patient_id": patient,
                "exam_id": pseudonyms.of("exam", image.exam_key),
                "laterality": image.laterality,
                "view": image.view,
                "split": split,
                "fold": fold,
                "official_split": image.split or "",
                "density": image.density or "",
                "flags": "+".join(outcome.codes),
            }
        )


def _lesion_row(lesion: LesionRecord, image_id: str, pseudonyms: Pseudonyms) -> dict[str, Any]:
    return {
        "lesion_id": pseudonyms.of("lesion", lesion.lesion_key),
        "image_id": image_id,
        "label": lesion.label,
        "label_source": lesion.label_source,
        "high_risk": lesion.high_risk,
        "finding": lesion.finding,
        "birads": lesion.birads or "",
    } | outline_values(lesion.mask, lesion.box)


def _current_splits(store: Path) -> dict[str, tuple[str, int]]:
    """The split and the fold of each patient in the store's current tables; empty without readable tables."""
    try:
        images = Manifest.load(store, checked=False).images
    except MammoError:
        return {}
    return dict(zip(images["patient_id"], zip(images["split"], images["fold"], strict=True), strict=True))
