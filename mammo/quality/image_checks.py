"""Doubts that the pixels raise, image by image and against the other images of the store."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.quality.checks import Doubt
from mammo.quality.image_stats import Portrait, image_rows, possible_chain
from mammo.records import FULL_SCALE, Laterality
from mammo.store.manifest import Manifest
from mammo.store.schema import Row

LEAST_TISSUE = 0.01
"""An image shows a breast where at least this share of the network window is tissue."""

FEWEST_GREYS = 16
USUAL_SIDE = 0.9
"""Sides are compared with the rule where at least this share of the images follows it: some sets are flipped whole."""

ODD_SIGMAS = 8.0
DRIFT_SIGMAS = 1.5
FEWEST_IMAGES, FEWEST_PATIENTS = 10, 10
"""Fewer images say nothing of what is usual, and a group of fewer patients nothing about its vendor."""


def picture_doubts(manifest: Manifest, portraits: Mapping[str, Portrait]) -> Iterator[Doubt]:
    """Doubts about single images."""
    for key, row in image_rows(manifest).items():
        for check, told in _of_image(manifest, key, row, portraits[key]):
            yield Doubt(check, key, told, () if check == "pixels_missing" else (key,))
    yield from _sides(manifest.images)


def _of_image(manifest: Manifest, key: str, row: Row, seen: Portrait) -> Iterator[tuple[str, str]]:
    chain = possible_chain(row, manifest.frame)
    if chain is None:
        yield "frame_impossible", ""
    if seen.state:
        yield seen.state, seen.told
        return
    if chain and seen.size != chain.store_shape:
        yield "pixels_of_other_size", f"{seen.size} instead of {chain.store_shape}"
    if seen.top > FULL_SCALE:
        yield "pixels_out_of_range", f"up to {seen.top}"
    if seen.n_greys < 2 or float(manifest.tissue(key).mean()) < LEAST_TISSUE:
        yield "blank", ""
    elif seen.n_greys < FEWEST_GREYS:
        yield "few_greys", f"{seen.n_greys} grey values"
    elif seen.outside > seen.inside:
        yield "inverted", f"mean {seen.outside:.0f} outside, {seen.inside:.0f} inside"


def _sides(images: pd.DataFrame) -> Iterator[Doubt]:
    follows = images["mirrored"] == (images["laterality"] == Laterality.RIGHT.value)
    if len(images) and follows.mean() >= USUAL_SIDE:
        for key in images.index[~follows]:
            yield Doubt("side_against_rule", str(key), f"said to be {images.loc[key, 'laterality']}", (str(key),))


def brightness_doubts(manifest: Manifest, portraits: Mapping[str, Portrait]) -> Iterator[Doubt]:
    """Images and vendors whose breasts are of another brightness than the rest, in robust standard deviations."""
    means = pd.Series({key: portraits[key].inside for key in manifest.images.index}, dtype=np.float64).dropna()
    if len(means) < FEWEST_IMAGES:
        return
    vendors, patients = (manifest.images[name].reindex(means.index) for name in ("vendor", "patient_id"))
    for vendor, rows in means.groupby(vendors, sort=True):
        rest = means.drop(rows.index)
        seen = [patients[group.index].nunique() for group in (rows, rest)]
        if vendor and min(seen) >= FEWEST_PATIENTS:
            off = (rows.median() - rest.median()) / _sigma(rest.to_numpy())
            if abs(off) > DRIFT_SIGMAS:
                told = f"{rows.median():.0f} against {rest.median():.0f}"
                yield Doubt("vendor_drift", str(vendor), told, tuple(map(str, rows.index[:4])))
    for _, rows in means.groupby(vendors, sort=True):
        far = (rows - rows.median()).abs() > ODD_SIGMAS * _sigma(rows.to_numpy())
        for key in rows.index[far]:
            yield Doubt("odd_brightness", str(key), f"mean {rows[key]:.0f}, usually {rows.median():.0f}", (str(key),))


def _sigma(values: NDArray[np.float64]) -> float:
    """The standard deviation of the bulk of the values, at least a hundredth of full scale."""
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), FULL_SCALE / 100)
