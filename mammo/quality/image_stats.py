"""Image statistics: numbers and a fingerprint of each image, from one pass over its pixels."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.pixel_checks import looks_inverted
from mammo.progress import track
from mammo.records import MammoError
from mammo.store.fingerprints import Fingerprint
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_of, tissue_of

PER_PROCESS = 64
"""Images that are worth starting a process for."""

MIN_TISSUE = 0.9
"""A cell belongs to the breast where at least this share of it is tissue."""


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


IdRow = tuple[str, Row]
"""Id and row of an image."""


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
        yield from track(pool.map(work, rows, chunksize=16), "verify", len(rows))


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
    return _mean(visible[shares >= MIN_TISSUE]), _mean(visible[shares == 0])


def _mean(values: NDArray[np.uint16]) -> float:
    return float(values.mean()) if values.size else float("nan")
