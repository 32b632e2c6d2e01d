"""Lines that an ingest prints: files by outcome, lesions left out, advice on data.scale, and published numbers."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mammo.ingestion.quarantine import QUARANTINE
from mammo.ingestion.run import IngestResult
from mammo.ingestion.worker import Recipe
from mammo.intake.outcomes import Verdict, counts
from mammo.intake.rejections import Code
from mammo.records import Cohort, Count
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD, n_folds
from mammo.store.store_header import patient_warning

TOLERANCE = 0.01
"""Relative difference from a published number that is not reported."""

MOST = 0.5
"""Share of breasts that do not fit, above which there is advice on data.scale."""

SMALL = 0.25
"""Breasts are small if their median fills less than this share of the window."""

FITTED = 0.9
"""Share of the breasts that the advised scale brings into the window."""


def result_lines(recipe: Recipe, result: IngestResult, seconds: float) -> Iterator[str]:
    """Yield the lines on an ingest that took this many seconds: files by outcome, lesions, and what was left out.

    The first one warns of a source that cannot distinguish patients.
    """
    store, manifest, n = recipe.store, result.manifest, len(result.outcomes)
    found, own = counts(result.outcomes), manifest.images["source"] == recipe.data_set.name
    labels = manifest.lesions["label"][manifest.lesions["image_id"].isin(manifest.images.index[own])]
    if warning := patient_warning(source for source in manifest.sources if source.name == recipe.data_set.name):
        yield f"caution: {warning}"
    shown = [f"{number} {verdict}" for verdict, number in found.items() if number or verdict is not Verdict.NOT_IMAGE]
    yield (
        f"{store}: {n} files, {', '.join(shown)}; "
        f"{(labels == 'malignant').sum()} malignant and {(labels == 'benign').sum()} benign lesions; "
        f"{seconds:.1f} s, {n / seconds:.1f} images/s"
    )
    for verdict in (Verdict.FLAGGED, Verdict.REJECTED):
        codes = Counter(code for outcome in result.outcomes if outcome.verdict is verdict for code in outcome.codes)
        if codes:
            yield f"{verdict}: {', '.join(f'{number} {code}' for code, number in codes.most_common())}"
    if found[Verdict.ACCEPTED] < n:
        yield f"all other files, with reason and remedy: {store / QUARANTINE.name}"
    yield from _lesion_lines(result, recipe.data_set.name)
    yield from scale_lines(manifest, recipe.data_set.name)
    yield from store_lines(manifest)


def _lesion_lines(result: IngestResult, source: str) -> Iterator[str]:
    """Yield the lines on lesions that are not in the store, and on images that share their pixels."""
    if result.lost_lesions:
        yield (
            f"{result.lost_lesions} lesions are left out, because the file that their row names or matches is rejected "
            f"({QUARANTINE.name} says why); where a good copy of it is stored, name that copy in a column image"
        )
    if result.misplaced:
        yield f"{result.misplaced} lesions left out: {Code.OUTLINE_OFF_BREAST.reason}"
    if result.alike:
        yield (
            f"caution: {result.alike} images have the same pixels as an image of another patient, side or view: check "
            "whether one file was given two names"
        )
    if result.repeated:
        yield f"{result.repeated} lesions are outlined on a copy of their image too, and counted once"
    others = sum(outcome.codes == (Code.OTHER_SOURCE,) for outcome in result.outcomes)
    if others:
        yield (
            f"{others} images are in another source of the store already, which keeps them with its own lesions; "
            f"{result.left_to_others} lesions of {source} on them are left out"
        )
    if result.taken_over:
        yield (
            f"{result.taken_over} images that another source has without a finding have one in {source}, and count for "
            f"{source} now"
        )


def scale_lines(manifest: Manifest, source: str) -> Iterator[str]:
    """Yield a line if most breast boxes of a source are larger than the network window, or fill little of it.

    The line advises a data.scale that fits them.

    Args:
        manifest: the store's tables.
        source: name of the source.
    """
    images, frame = manifest.images[manifest.images["source"] == source], manifest.frame
    if images.empty:
        return
    rows = (images["breast_row1"] - images["breast_row0"]).to_numpy() * images["scale"].to_numpy()
    cols = (images["breast_col1"] - images["breast_col0"]).to_numpy() * images["scale"].to_numpy()
    larger = int(((rows > frame.height + 1) | (cols > frame.width + 1)).sum())
    filled = float(np.median(rows * cols)) / (frame.height * frame.width)
    if larger <= MOST * len(images) and filled >= SMALL:
        return
    room = np.minimum(frame.height / rows, frame.width / cols) * images["scale"].to_numpy()
    fitting = f"{float(np.quantile(room, 1 - FITTED)):.2g}"
    size = f"median {np.median(rows):.0f} x {np.median(cols):.0f} px, window {frame.height} x {frame.width}"
    which = (
        f"{larger} of {len(images)} breasts are cut by the network window"
        if larger > MOST * len(images)
        else (f"the breasts fill only {filled:.0%} of the network window")
    )
    now = ", ".join(f"{scale:g}" for scale in sorted(images["scale"].unique())[:3])
    yield f"{which} ({size}): data.scale={fitting} fits them, now it is {now}"


def store_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the lines on a store of several sources, and on patients who are in no split while others are."""
    images = manifest.images
    numbers = images["source"].value_counts()
    if len(manifest.sources) > 1:
        held = [f"{numbers.get(source.name, 0)} images of {source.name}" for source in manifest.sources]
        yield f"the store holds {', '.join(held)}"
    unsplit = images["patient_id"][(images["split"] == "") & (images["fold"] == NO_FOLD)].nunique()
    if 0 < unsplit < images["patient_id"].nunique():
        folds = f" folds={n}" if (n := n_folds(images)) else ""
        yield f"{unsplit} patients are in no split yet: python -m mammo.split{folds} assigns them and leaves the others"


def published_lines(cohort: Cohort) -> Iterator[str]:
    """Yield a line for each published number and for each reason that left out outlines, and the adapter's notes."""
    for count in cohort.counts:
        yield f"{count.what}: {count.found:,} found, {count.published:,} published{_difference(count)}"
    reasons = [lesion.reason for lesion in cohort.left_out]
    for reason in sorted(set(reasons)):
        yield f"{reasons.count(reason)} lesions left out: {reason}"
    yield from cohort.notes


def _difference(count: Count) -> str:
    difference = abs(count.found - count.published) / max(count.published, 1)
    if difference <= TOLERANCE:
        return ""
    return f" (differs by {difference:.0%}: a part of the data set, or files are missing)"
