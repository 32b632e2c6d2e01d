"""Checks of the pixels, image by image and against the other images of the store."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.quality.checks import Issue
from mammo.quality.image_stats import ImageStats, image_rows, valid_chain
from mammo.records import FULL_SCALE, Laterality
from mammo.store.manifest import Manifest
from mammo.store.schema import Row

MIN_TISSUE = 0.01
"""An image shows a breast where at least this share of the network window is tissue."""

MIN_GRAY_VALUES = 16
MIN_CONSISTENT = 0.9
"""Images are checked where at least this share faces as its laterality does: some data sets are flipped whole."""

ODD_SIGMAS = 8.0
DRIFT_SIGMAS = 1.5
MIN_IMAGES, MIN_PATIENTS = 10, 10
"""Fewer images do not show what is usual, and fewer patients do not show a drift of their vendor."""


def check_images(manifest: Manifest, stats: Mapping[str, ImageStats]) -> Iterator[Issue]:
    """Find issues of single images; stats are by image id."""
    for image_id, row in image_rows(manifest).items():
        for check, detail in _check_image(manifest, image_id, row, stats[image_id]):
            yield Issue(check, image_id, detail, () if check == "pixels_missing" else (image_id,))
    yield from _check_lateralities(manifest.images)


def _check_image(manifest: Manifest, image_id: str, row: Row, stats: ImageStats) -> Iterator[tuple[str, str]]:
    """(check, detail) of every issue of one image."""
    chain = valid_chain(row, manifest.frame)
    if chain is None:
        yield "frame_impossible", ""
    if stats.failed_check:
        yield stats.failed_check, stats.damaged_file
        return
    if chain and stats.size != chain.store_shape:
        yield "pixels_of_other_size", f"{stats.size} instead of {chain.store_shape}"
    if stats.maximum > FULL_SCALE:
        yield "pixels_out_of_range", f"up to {stats.maximum}"
    if stats.n_gray_values < 2 or float(manifest.tissue(image_id).mean()) < MIN_TISSUE:
        yield "blank", ""
    elif stats.n_gray_values < MIN_GRAY_VALUES:
        yield "few_gray_values", f"{stats.n_gray_values} gray values"
    elif detail := _inversion(row, stats):
        yield "inverted", detail


def _inversion(row: Row, stats: ImageStats) -> str:
    """Return how an image is or was inverted; empty for an upright one."""
    if stats.inverted:
        return f"mean {stats.background_mean:.0f} outside, {stats.breast_mean:.0f} inside"
    flagged = "inverted" in str(row["flags"]).split("+")
    return "in the source; ingest turned it around and flagged it" if flagged else ""


def _check_lateralities(images: pd.DataFrame) -> Iterator[Issue]:
    consistent = images["mirrored"] == (images["laterality"] == Laterality.RIGHT.value)
    if len(images) and consistent.mean() >= MIN_CONSISTENT:
        for key in images.index[~consistent]:
            yield Issue("side_against_rule", str(key), f"laterality {images.loc[key, 'laterality']}", (str(key),))


def check_brightness(manifest: Manifest, stats: Mapping[str, ImageStats]) -> Iterator[Issue]:
    """Find images and vendors whose breasts differ in brightness from the others, in robust standard deviations."""
    means = pd.Series({key: stats[key].breast_mean for key in manifest.images.index}, dtype=np.float64).dropna()
    if len(means) < MIN_IMAGES:
        return
    vendors, patients = (manifest.images[name].reindex(means.index) for name in ("vendor", "patient_id"))
    for vendor, group in means.groupby(vendors, sort=True):
        others = means.drop(group.index)
        n_patients = [patients[part.index].nunique() for part in (group, others)]
        if vendor and min(n_patients) >= MIN_PATIENTS:
            drift = (group.median() - others.median()) / _robust_sigma(others.to_numpy())
            if abs(drift) > DRIFT_SIGMAS:
                detail = f"{group.median():.0f} against {others.median():.0f}"
                yield Issue("vendor_drift", str(vendor), detail, tuple(map(str, group.index[:4])))
    for _, group in means.groupby(vendors, sort=True):
        odd = (group - group.median()).abs() > ODD_SIGMAS * _robust_sigma(group.to_numpy())
        for key in group.index[odd]:
            yield Issue("odd_brightness", str(key), f"mean {group[key]:.0f}, usually {group.median():.0f}", (str(key),))


def _robust_sigma(values: NDArray[np.float64]) -> float:
    """Standard deviation estimated from the median absolute deviation, at least a hundredth of full scale."""
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), FULL_SCALE / 100)
