"""Filling a store: every image of a cohort through the gate, by several processes, resumable at any image."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mammo.ingestion.duplicates import Candidate, Repeats, find_repeats
from mammo.ingestion.quarantine import NAME as QUARANTINE
from mammo.ingestion.quarantine import write_quarantine
from mammo.ingestion.rejection_log import RefusalLog
from mammo.ingestion.shard import Shard, find_parts, open_part, refused_in_parts, remove_parts
from mammo.ingestion.worker import Job, Recipe, Taken, take
from mammo.intake.outcomes import Outcome, Verdict
from mammo.intake.pseudonyms import Pseudonyms
from mammo.intake.rejections import Code
from mammo.intake.sandbox import isolated
from mammo.io import file_lock, remove_partials
from mammo.progress import track
from mammo.records import Cohort, ImageRecord, LesionRecord, MammoError
from mammo.store.head import check_format
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import outline_values


@dataclass(frozen=True)
class Filling:
    """What a cohort became.

    Attributes:
        manifest: the tables of the accepted images and their lesions.
        outcomes: one a file, in the order of the cohort.
        lost_lesions: how many outlined lesions lie on refused images.
        decoded: how many files were decoded in this run.
    """

    manifest: Manifest
    outcomes: tuple[Outcome, ...]
    lost_lesions: int
    decoded: int


def fill(recipe: Recipe, cohort: Cohort, processes: int, allow: Sequence[str] = ()) -> Filling:
    """Bring the images of a cohort into a store, then write its tables and the quarantine table.

    Files that the store already knows, made from the same bytes in the same way, are not decoded again. A patient's
    split, once dealt, is kept.

    Args:
        recipe: how.
        cohort: what.
        processes: how many child processes at most.
        allow: flags that keep no image out of training.

    Raises:
        MammoError: no image is accepted, a decoder is missing, or the store is of another format or cannot be written.
    """
    if processes < 1:
        raise MammoError(f"processes={processes} must be at least 1: leave it out to use every core")
    try:
        check_format(recipe.store)
        with _locked(recipe.store):
            remove_partials(recipe.store)
            filling = _fill(replace(recipe, parts=find_parts(recipe.store)), cohort, processes, allow)
            remove_parts(recipe.store)
            return filling
    except OSError as error:
        raise MammoError(
            f"{recipe.store} cannot be written ({error.strerror or type(error).__name__}): free some space, then run "
            f"the same command again; what is already there is kept"
        ) from None


def fill_part(recipe: Recipe, cohort: Cohort, shard: Shard, processes: int) -> int:
    """Fill one part with the files of one shard; the next fill of the whole store merges it.

    Args:
        recipe: how, of the whole store.
        cohort: the whole source.
        shard: which.
        processes: how many child processes at most.

    Returns:
        How many files the shard has.

    Raises:
        MammoError: a decoder is missing, the store is of another format, or another job fills the shard.
    """
    check_format(recipe.store)
    part, names = open_part(recipe.store, shard), Pseudonyms.of_store(recipe.store)
    with _locked(part):
        remove_partials(part)
        known = RefusalLog(part).read()
        own = [image for image in cohort.images if shard.holds(image.path)]
        ids = [names.of("image", image.path) for image in own]
        jobs = [Job(image, image_id, known.get(image_id)) for image, image_id in zip(own, ids, strict=True)]
        _taken(replace(recipe, store=part), jobs, processes)
    return len(jobs)


def _locked(store: Path) -> AbstractContextManager[None]:
    """Keep a second ingest out of a store."""
    return file_lock(store / ".lock", f"ingest into {store}", wait=False)


def _fill(recipe: Recipe, cohort: Cohort, processes: int, allow: Sequence[str]) -> Filling:
    names = Pseudonyms.of_store(recipe.store)
    ids = [names.of("image", image.path) for image in cohort.images]
    known = refused_in_parts(recipe.parts) | RefusalLog(recipe.store).read()
    jobs = [Job(image, image_id, known.get(image_id)) for image, image_id in zip(cohort.images, ids, strict=True)]
    taken, decoded = _taken(recipe, jobs, processes)
    found = {image_id: one for image_id, one in zip(ids, taken, strict=True) if one.row is not None}
    repeats = _repeats(recipe.store, cohort.images, ids, found)
    outcomes = tuple(_outcomes(cohort.images, ids, taken, repeats, allow))
    write_quarantine(recipe.store, outcomes, cohort.left_out)
    accepted = {o.path: o.image_id for o in outcomes if o.verdict in (Verdict.ACCEPTED, Verdict.FLAGGED)}
    if not accepted:
        told = f"none of the {len(outcomes)} files of {recipe.source} was accepted"
        raise MammoError(f"{told} (the first because: {outcomes[0].reason}): see {recipe.store / QUARANTINE}")
    homes = accepted | {o.path: repeats.kept[o.image_id] for o in outcomes if o.image_id in repeats.kept}
    lesions = (_lesion_row(lesion, homes[lesion.path], names) for lesion in cohort.lesions if lesion.path in homes)
    images = _image_rows(recipe.store, cohort, accepted, outcomes, found, names)
    manifest = Manifest.of(recipe.frame, images, lesions, recipe.data_set)
    ImageStore(recipe.store).tidy()
    manifest.save(recipe.store)
    return Filling(manifest, outcomes, len(cohort.lesions) - len(manifest.lesions), decoded)


def _taken(recipe: Recipe, jobs: Sequence[Job], processes: int) -> tuple[list[Taken], int]:
    """What became of every file, in order, records kept and refusals remembered as they come; how many were decoded."""
    log, store, taken, decoded = RefusalLog(recipe.store), ImageStore(recipe.store), [], 0
    results = isolated(partial(take, recipe), jobs, processes)
    with log.writing() as writer:
        for job, result in zip(jobs, track(results, "ingest", len(jobs)), strict=True):
            one = Taken(result) if isinstance(result, Code) else result
            if one.record:
                store.append(job.image_id, one.record, one.head)
            elif one.code and one.mark and job.known != (one.mark, one.code):
                writer.add(job.image_id, one.mark, one.code)
            decoded += (bool(one.record) and not one.merged) or (
                bool(one.mark and one.code) and job.known != (one.mark, one.code)
            )
            taken.append(replace(one, record=b""))
    store.refresh()
    refused = ((job.image_id, one) for job, one in zip(jobs, taken, strict=True) if one.code and one.mark)
    log.rewrite((image_id, one.mark, one.code) for image_id, one in refused)
    return taken, decoded


def _repeats(store: Path, images: Sequence[ImageRecord], ids: Sequence[str], found: Mapping[str, Taken]) -> Repeats:
    pixels = ImageStore(store)

    def same(one: str, other: str) -> bool:
        return pixels.equal(one, other)

    candidates = [
        Candidate(
            image_id,
            (image.patient_key, str(image.laterality), str(image.view)),
            image.exam_key,
            found[image_id].uid,
            found[image_id].key,
            found[image_id].thumbnail,
            "lossy" in _flags(found[image_id]),
        )
        for image, image_id in zip(images, ids, strict=True)
        if image_id in found
    ]
    return find_repeats(candidates, same)


def _flags(taken: Taken) -> list[str]:
    return [flag for flag in str((taken.row or {}).get("flags", "")).split("+") if flag]


def _outcomes(
    images: Sequence[ImageRecord], ids: Sequence[str], taken: Sequence[Taken], repeats: Repeats, allow: Sequence[str]
) -> Iterator[Outcome]:
    paths = dict(zip(ids, (image.path for image in images), strict=True))
    for image, image_id, one in zip(images, ids, taken, strict=True):
        flags = tuple(flag for flag in _flags(one) if flag not in allow)
        if one.code == Code.DUPLICATE:
            yield Outcome(image.path, image_id, Verdict.DUPLICATE)
        elif one.code or image_id in repeats.conflicts:
            code = one.code or Code.UID_CONFLICT
            yield Outcome(image.path, image_id, Verdict.REJECTED, (code,))
        elif image_id in repeats.kept:
            yield Outcome(image.path, image_id, Verdict.DUPLICATE, (), paths[repeats.kept[image_id]])
        else:
            yield Outcome(image.path, image_id, Verdict.FLAGGED if flags else Verdict.ACCEPTED, flags)


def _image_rows(
    store: Path,
    cohort: Cohort,
    accepted: Mapping[str, str],
    outcomes: Sequence[Outcome],
    found: Mapping[str, Taken],
    names: Pseudonyms,
) -> Iterator[dict[str, Any]]:
    splits = _splits(store)
    told_of = {lesion.path for lesion in cohort.lesions} | {lesion.image for lesion in cohort.left_out}
    breasts = {
        (image.exam_key, image.laterality)
        for image in cohort.images
        if image.path in told_of or image.negative is False
    }
    for image, outcome in zip(cohort.images, outcomes, strict=True):
        if image.path not in accepted:
            continue
        patient = names.of("patient", image.patient_key)
        yield (found[outcome.image_id].row or {}) | {
            "image_id": outcome.image_id,
            "patient_id": patient,
            "exam_id": names.of("exam", image.exam_key),
            "laterality": image.laterality,
            "view": image.view,
            "split": splits.get(patient, image.split or ""),
            "official_split": image.split or "",
            "density": image.density or "",
            "negative": (image.exam_key, image.laterality) not in breasts,
            "flags": "+".join(outcome.codes),
        }


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
        images = Manifest.load(store, checked=False).images
    except MammoError:
        return {}
    return dict(zip(images["patient_id"], images["split"], strict=True))
