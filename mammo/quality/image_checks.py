"""Image statistics, from one pass over the pixels of each image, and the checks of the images by them.

An image is checked alone and against the other images of the store.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.pixel_checks import looks_inverted
from mammo.machine import without_interrupts
from mammo.progress import track
from mammo.quality.checks import Issue
from mammo.records import FULL_SCALE, Laterality, MammoError
from mammo.store.fingerprints import Fingerprint
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_of, tissue_of

PER_PROCESS = 64
"""Images that are worth starting a process for."""

FULL_CELL = 0.9
"""A cell belongs to the breast where at least this share of it is tissue."""

MIN_VISIBLE = 0.01
"""An image shows a breast where at least this share of the network window is tissue."""

MIN_GRAY_VALUES = 16
MIN_CONSISTENT = 0.9
"""Images are checked where at least this share faces as its laterality does: some data sets are flipped whole."""

ODD_SIGMAS = 8.0
DRIFT_SIGMAS = 1.5
MIN_IMAGES, MIN_PATIENTS = 10, 10
"""Fewer images do not show what is usual, and fewer patients do not show a drift of their vendor."""

IdRow = tuple[str, Row]
"""Id and row of an image."""


@dataclass(frozen=True, eq=False)
class ImageStats:
    """Statistics of one image's stored pixels.

    Attributes:
        failed_check: the check of CHECKS that reading the pixels failed, empty where they were read.
        size: (rows, cols) of the stored pixels; (0, 0) without any.
        digest: digest of all pixels.
        maximum: largest gray value.
        n_gray_values: number of different gray values.
        breast_mean: mean gray value of the cells full of tissue, NaN without any.
        background_mean: mean gray value of the cells without tissue, NaN without any.
        fingerprint: for the search of near-duplicates; None without pixels, or with a single gray value.
        inverted: whether the pixels look inverted.
        damaged_file: the damaged file of pixels, empty without one.
    """

    failed_check: str
    size: tuple[int, int] = (0, 0)
    digest: str = ""
    maximum: int = 0
    n_gray_values: int = 0
    breast_mean: float = float("nan")
    background_mean: float = float("nan")
    fingerprint: Fingerprint | None = None
    damaged_file: str = ""
    inverted: bool = False


def image_rows(manifest: Manifest) -> dict[str, Row]:
    """The row of every image, by id."""
    return dict(zip(manifest.images.index, manifest.images.to_dict("records"), strict=True))


def all_image_stats(store: Path, frame: Frame, rows: Sequence[IdRow], processes: int) -> Iterator[ImageStats]:
    """Yield the statistics of every image, in order; every tile is read and its checksum compared."""
    work = partial(image_stats, store, frame)
    useful = min(processes, len(rows) // PER_PROCESS)
    if useful < 2:
        yield from track(map(work, rows), "verify", len(rows))
        return
    with ProcessPoolExecutor(useful, mp_context=get_context("spawn")) as pool:
        with without_interrupts():
            found = pool.map(work, rows, chunksize=16)
        yield from track(found, "verify", len(rows))


def image_stats(store: Path, frame: Frame, id_row: IdRow) -> ImageStats:
    """Read one image's pixels and compute their statistics."""
    image_id, row = id_row
    images = ImageStore(store)
    try:
        rows, cols = images.shape(image_id)
        values = images.read(image_id, Box(0, rows, 0, cols))
    except MammoError:
        file = images.file(image_id)
        if file is None:
            return ImageStats("pixels_missing")
        return ImageStats("pixels_damaged", damaged_file=f"images/{file.name}")
    digest = blake2b(values.tobytes(), digest_size=16).hexdigest()
    breast, background = _means(values, row, frame)
    n_gray_values = int(np.count_nonzero(np.bincount(values.ravel())))
    fingerprint = Fingerprint.of(values) if n_gray_values > 1 else None
    brightest, inverted = int(values.max()), n_gray_values > 1 and looks_inverted(values)
    numbers = (digest, brightest, n_gray_values, breast, background, fingerprint)
    return ImageStats("", (rows, cols), *numbers, inverted=inverted)


def valid_chain(row: Row, frame: Frame) -> FrameChain | None:
    """The frame chain of a row, None where breast box, scale or network window do not fit the image."""
    try:
        chain = chain_of(row, frame)
    except ValueError:
        return None
    (height, width), breast, origin = chain.stored_shape, chain.breast, chain.origin
    fits = breast.row0 >= 0 and breast.row1 <= height and breast.col0 >= 0 and breast.col1 <= width and chain.scale > 0
    if not fits:
        return None
    rows, cols = chain.store_shape
    return chain if -frame.height < origin[0] < rows and -frame.width < origin[1] < cols else None


def _means(values: NDArray[np.uint16], row: Row, frame: Frame) -> tuple[float, float]:
    """Mean gray values of the cells inside and outside the breast; NaN where the row does not fit the image."""
    chain, tissue = valid_chain(row, frame), tissue_of(row, frame)
    if chain is None or chain.store_shape != values.shape:
        return float("nan"), float("nan")
    rows, cols = (np.arange(n) for n in values.shape)
    cell = chain.frame.cell_px
    down, across = (rows - chain.origin[0]) // cell, (cols - chain.origin[1]) // cell
    in_rows, in_cols = (down >= 0) & (down < tissue.shape[0]), (across >= 0) & (across < tissue.shape[1])
    visible, shares = values[np.ix_(in_rows, in_cols)], tissue[np.ix_(down[in_rows], across[in_cols])]
    return _mean(visible[shares >= FULL_CELL]), _mean(visible[shares == 0])


def _mean(values: NDArray[np.uint16]) -> float:
    return float(values.mean()) if values.size else float("nan")


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
    if stats.n_gray_values < 2 or float(manifest.tissue(image_id).mean()) < MIN_VISIBLE:
        yield "blank", ""
    elif stats.n_gray_values < MIN_GRAY_VALUES:
        yield "few_gray_values", f"{stats.n_gray_values} gray values"
    elif detail := _how_inverted(row, stats):
        yield "inverted", detail


def _how_inverted(row: Row, stats: ImageStats) -> str:
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
