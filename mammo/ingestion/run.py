"""The ingest run: brings a cohort's images into a store, by several processes, resumable at any image."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mammo.cli.arguments import about_file
from mammo.ingestion.cohort_lesions import (
    findings_beyond,
    paths_with_finding,
    unique_lesions,
    unique_on_copies,
    without_misplaced,
)
from mammo.ingestion.duplicates import (
    Duplicates,
    OtherSources,
    compared_with_all,
    flags_of,
    new_candidates,
    repeated_elsewhere,
)
from mammo.ingestion.quarantine import QUARANTINE, RejectionLog, write_quarantine
from mammo.ingestion.replacement import replacement, restore_interrupted
from mammo.ingestion.shard import FOLDER, Shard, find_parts, open_part, rejections_in_parts, remove_parts
from mammo.ingestion.sources import Mode, check_images_kept, planned_sources
from mammo.ingestion.tables import SourceRows, current_tables, joined_tables, write_tables
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
from mammo.intake.outcomes import Outcome, Verdict, verdict_of
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.io import file_lock, remove_partials
from mammo.progress import track
from mammo.records import Cohort, ImageRecord, MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import Pseudonyms, read_own_ids
from mammo.store.store_header import DataSet, damaged_index
from mammo.text import print_text


@dataclass(frozen=True)
class IngestResult:
    """The result of an ingest.

    Attributes:
        manifest: the tables of the store.
        outcomes: of every file, in the order of the cohort.
        lost_lesions: number of outlined lesions on rejected images.
        decoded: number of files that this run decoded.
        left_to_others: number of outlined lesions on images that another source of the store has too.
        taken_over: number of images that another source had without a finding, and that count for this one now.
        misplaced: number of lesions left out because their outline lies beside the breast.
        repeated: number of lesions that are outlined the same on another copy of their image, and counted once.
        alike: number of accepted images with the pixels of an image of another patient, laterality or view.
    """

    manifest: Manifest
    outcomes: tuple[Outcome, ...]
    lost_lesions: int
    decoded: int
    left_to_others: int = 0
    taken_over: int = 0
    misplaced: int = 0
    repeated: int = 0
    alike: int = 0


def ingest_cohort(
    recipe: Recipe, cohort: Cohort, processes: int, allow: Sequence[str] = (), mode: Mode = Mode.CONTINUE
) -> IngestResult:
    """Ingest the images of a cohort into a store, then write its tables, the quarantine table and the table of own ids.

    Files that the store already holds, made from the same bytes in the same way, are not decoded again. A patient's
    split, once assigned, is kept.

    Args:
        recipe: how the images of this source are made.
        cohort: the images and lesions of the source.
        processes: maximum number of child processes.
        allow: flags that do not exclude an image from training.
        mode: what may happen to a store of another source, or of another recipe.

    Raises:
        MammoError: the mode does not allow this source (sources.planned_sources), two lesions have one key, no image is
            accepted, a decoder is missing, or the store is locked, of another format or cannot be written.
    """
    if processes < 1:
        raise MammoError(f"processes={processes} must be at least 1: leave it out to use every core")
    cohort = replace(cohort, lesions=unique_lesions(cohort.lesions))
    recipe = replace(recipe, data_set=replace(recipe.data_set, knows_patients=cohort.knows_patients))
    store, source = recipe.store, recipe.data_set.name
    try:
        restore_interrupted(store)
        with _locked(store):
            sources = planned_sources(recipe, mode)
            remove_partials(store)
            recipe = replace(recipe, parts=find_parts(store, source))
            if mode is Mode.OVERWRITE and (store / "store.json").is_file():
                with replacement(store) as new:
                    return _ingest(replace(recipe, store=new), cohort, processes, allow, sources, complete=False)
            result = _ingest(recipe, cohort, processes, allow, sources)
            remove_parts(store, source)
            return result
    except OSError as error:
        error.filename = error.filename or str(store)
        raise MammoError(about_file(error)) from None


def ingest_shard(recipe: Recipe, cohort: Cohort, shard: Shard, processes: int, mode: Mode = Mode.CONTINUE) -> int:
    """Ingest the files of one shard into its part; the next ingest of the whole source merges it.

    Args:
        recipe: of the whole source.
        cohort: the whole source.
        shard: the share of the files.
        processes: maximum number of child processes.
        mode: as in ingest_cohort.

    Returns:
        Number of files of the shard.

    Raises:
        MammoError: as ingest_cohort, or another process ingests the shard.
    """
    planned_sources(recipe, mode)
    source = recipe.data_set.name
    part, pseudonyms = open_part(recipe.store, source, shard), Pseudonyms.of_store(recipe.store).of_source(source)
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


def _ingest(
    recipe: Recipe,
    cohort: Cohort,
    processes: int,
    allow: Sequence[str],
    sources: tuple[DataSet, ...],
    complete: bool = True,
) -> IngestResult:
    """Ingest a cohort; with `complete` the source must still have all its images that the store holds."""
    store, source = recipe.store, recipe.data_set.name
    pseudonyms = Pseudonyms.of_store(store).of_source(source)
    current = current_tables(store, source)
    rejections = rejections_in_parts(recipe.parts) | RejectionLog(store).read()
    items = _items(cohort.images, pseudonyms, rejections)
    if complete and current is not None:
        check_images_kept(recipe, {item.image_id for item in items if item.image.code != Code.MISSING}, current)
    if damage := damaged_index(store):
        print_text(f"caution: {damage}; images that it no longer lists are read again")
    results, decoded = _ingest_files(recipe, items, processes, len(sources) > 1)
    if recipe.parts and decoded:
        print_text(f"{decoded} files are missing from {store / FOLDER} or damaged there, and were read again")
    facts = {item.image_id: one for item, one in zip(items, results, strict=True) if isinstance(one, ImageFacts)}
    candidates = new_candidates(items, facts)
    with_finding = paths_with_finding(cohort)
    found = {item.image_id for item in items if item.image.path in with_finding}
    duplicates, elsewhere = compared_with_all(recipe, candidates, found, current if len(sources) > 1 else None)
    outcomes = tuple(_outcomes(recipe, items, results, duplicates, elsewhere, allow))
    accepted = {o.path: o.image_id for o in outcomes if o.verdict in (Verdict.ACCEPTED, Verdict.FLAGGED)}
    copied = {one: accepted[other] for one, other in cohort.copies if other in accepted}  # one may be a damaged copy
    image_of = copied | accepted
    image_of |= {o.path: duplicates.kept[o.image_id] for o in outcomes if o.image_id in duplicates.kept}
    cohort, n_found = replace(cohort, lesions=unique_on_copies(cohort.lesions, image_of)), len(cohort.lesions)
    placed = without_misplaced(cohort, image_of, facts, recipe.frame)
    write_quarantine(store, source, outcomes, placed.left_out, [one.name for one in sources])
    if not accepted:
        message = f"none of the {len(outcomes)} files of {recipe.source} was accepted"
        raise MammoError(f"{message} (the first because: {outcomes[0].reason}): see {store / QUARANTINE.name}")
    kept = [(image, outcome) for image, outcome in zip(cohort.images, outcomes, strict=True) if image.path in accepted]
    taken = elsewhere.taken_over
    copies = {o.path: elsewhere.kept[o.image_id] for o in outcomes if o.image_id in elsewhere.kept}
    beyond = findings_beyond(placed, copies, current) if current is not None else {}
    patients, pixels = elsewhere.patients, ImageStore(store)
    rows = SourceRows(source, placed, kept, taken, beyond, image_of, facts, patients, pseudonyms, pixels)
    manifest = joined_tables(recipe.frame, rows, sources, current)
    wanted = None if complete else {*manifest.images.index, *(item.image_id for item in items)}
    ImageStore(store).remove_replaced(wanted)
    write_tables(store, manifest, rows)
    left_to_others = sum(lesion.path in copies for lesion in cohort.lesions)
    lost = sum(lesion.path not in image_of for lesion in cohort.lesions) - left_to_others
    alike = repeated_elsewhere(candidates, set(accepted.values()))
    misplaced, repeated = len(cohort.lesions) - len(placed.lesions), n_found - len(cohort.lesions)
    return IngestResult(manifest, outcomes, lost, decoded, left_to_others, len(taken), misplaced, repeated, alike)


def _ingest_files(
    recipe: Recipe, items: Sequence[IngestItem], processes: int, keep_others: bool = False
) -> tuple[list[Rejected | ImageFacts], int]:
    """Ingest files; store images and remember rejections as they come, of other files too if asked.

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
    own = {item.image_id for item in items}
    others = [(key, *value) for key, value in log.read().items() if key not in own] if keep_others else []
    found_here = (
        (item.image_id, one.input_digest, one.code)
        for item, one in zip(items, results, strict=True)
        if isinstance(one, Rejected) and one.input_digest
    )
    log.rewrite([*others, *found_here])
    return results, decoded


def _outcomes(
    recipe: Recipe,
    items: Sequence[IngestItem],
    results: Sequence[Rejected | ImageFacts],
    duplicates: Duplicates,
    elsewhere: OtherSources,
    allow: Sequence[str],
) -> Iterator[Outcome]:
    path_of = {item.image_id: item.image.path for item in items}
    other_paths = _paths_of_others(recipe.store) if elsewhere.kept else {}
    for item, result in zip(items, results, strict=True):
        path, image_id = item.image.path, item.image_id
        if isinstance(result, Rejected):
            verdict = verdict_of(result.code, path)
            yield Outcome(path, image_id, verdict, () if verdict is Verdict.DUPLICATE else (result.code,))
        elif image_id in elsewhere.kept:
            other = elsewhere.kept[image_id]
            yield Outcome(path, image_id, Verdict.DUPLICATE, (Code.OTHER_SOURCE,), other_paths.get(other, other))
        elif image_id in duplicates.conflicts | elsewhere.conflicts:
            yield Outcome(path, image_id, Verdict.REJECTED, (Code.UID_CONFLICT,))
        elif image_id in duplicates.kept:
            yield Outcome(path, image_id, Verdict.DUPLICATE, (), path_of[duplicates.kept[image_id]])
        else:
            flags = tuple(flag for flag in flags_of(result) if flag not in allow)
            yield Outcome(path, image_id, Verdict.FLAGGED if flags else Verdict.ACCEPTED, flags)


def _paths_of_others(store: Path) -> dict[str, str]:
    """Source and path of the images of a store, by id; empty where the store came without its table of own ids."""
    try:
        return {key: f"{own.source}: {own.path}" for key, own in read_own_ids(store).items()}
    except MammoError:
        return {}
