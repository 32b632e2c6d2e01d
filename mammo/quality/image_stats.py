"""What an image's pixels show, in a few numbers and a thumbnail: the one pass over the pixels that all checks share."""

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
from mammo.progress import track
from mammo.records import MammoError
from mammo.store.fingerprints import Print
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_of, tissue_of

PER_PROCESS = 64
"""Images that are worth starting a process for."""

ON_BREAST = 0.9
"""A cell is of the breast where at least this share of it is tissue."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """One image's pixels.

    Attributes:
        state: empty, or the check of CHECKS that stopped their reading.
        told: the damaged file of pixels, empty where none is.
        size: (rows, cols) of the stored pixels; (0, 0) where there are none.
        key: digest of all pixels.
        top: largest grey value.
        n_greys: how many grey values there are.
        inside: mean grey value of cells that are all tissue, nan where there are none.
        outside: mean grey value of cells without any tissue, nan where there are none.
        print: what tells it from others; None where there are no pixels, or one grey value.
    """

    state: str
    size: tuple[int, int] = (0, 0)
    key: str = ""
    top: int = 0
    n_greys: int = 0
    inside: float = float("nan")
    outside: float = float("nan")
    print: Print | None = None
    told: str = ""


Job = tuple[str, Row]
"""Id and row of an image."""


def image_rows(manifest: Manifest) -> dict[str, Row]:
    """The row of every image, by id."""
    return dict(zip(manifest.images.index, manifest.images.to_dict("records"), strict=True))


def portraits(store: Path, frame: Frame, jobs: Sequence[Job], processes: int) -> Iterator[Portrait]:
    """The portrait of every image, in order; every tile of every image is read and its checksum compared."""
    work = partial(portrait, store, frame)
    useful = min(processes, len(jobs) // PER_PROCESS)
    if useful < 2:
        yield from track(map(work, jobs), "verify", len(jobs))
        return
    with ProcessPoolExecutor(useful, mp_context=get_context("spawn")) as pool:
        yield from track(pool.map(work, jobs, chunksize=16), "verify", len(jobs))


def portrait(store: Path, frame: Frame, job: Job) -> Portrait:
    """Read one image's pixels."""
    image_id, row = job
    pixels = ImageStore(store)
    try:
        rows, cols = pixels.shape(image_id)
        values = pixels.read(image_id, Box(0, rows, 0, cols))
    except MammoError:
        file = pixels.file(image_id)
        return Portrait("pixels_damaged", told=f"images/{file.name}") if file else Portrait("pixels_missing")
    digest = blake2b(values.tobytes(), digest_size=16).hexdigest()
    inside, outside = _means(values, row, frame)
    n_greys = int(np.count_nonzero(np.bincount(values.ravel())))
    shown = Print.of(values) if n_greys > 1 else None
    return Portrait("", (rows, cols), digest, int(values.max()), n_greys, inside, outside, shown)


def possible_chain(row: Row, frame: Frame) -> FrameChain | None:
    """The chain that a row holds, None where breast box, scale or window do not fit the image."""
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
    """Mean grey values of cells inside and outside of the breast; nan where the frames do not fit."""
    chain, tissue = possible_chain(row, frame), tissue_of(row, frame)
    if chain is None or chain.store_shape != values.shape:
        return float("nan"), float("nan")
    rows, cols = (np.arange(n) for n in values.shape)
    cell = chain.frame.cell_px
    down, across = (rows - chain.origin[0]) // cell, (cols - chain.origin[1]) // cell
    shown = values[np.ix_((down >= 0) & (down < tissue.shape[0]), (across >= 0) & (across < tissue.shape[1]))]
    down, across = down[(down >= 0) & (down < tissue.shape[0])], across[(across >= 0) & (across < tissue.shape[1])]
    shares = tissue[np.ix_(down, across)]
    return _mean(shown[shares >= ON_BREAST]), _mean(shown[shares == 0])


def _mean(values: NDArray[np.uint16]) -> float:
    return float(values.mean()) if values.size else float("nan")
