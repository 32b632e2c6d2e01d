"""What benchmarks of patches have in common: images in a store of their own, and ours, which cuts windows of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mammo.benchmarks.sample_images import images
from mammo.benchmarks.timing import Way, one_thread
from mammo.data.crops import CropRequests, crop
from mammo.data.resample_plan import ResamplePlan
from mammo.geometry import Box
from mammo.records import Pixels
from mammo.store.image_store import ImageStore

SIDE_PX, PATCH_PX, ANGLE_DEG = (128, 384), 256, 30
"""The paper's sides of crop windows, its patches, and how far training windows are rotated either way."""

AT_ONCE = 25
"""f_loc's batch (paper, Model training)."""

FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True)
class Setting:
    """Images and where they lie.

    Attributes:
        pixels: uint16 [H, W] of each, 0 to 4095, by id.
        kind: which images they are, "real" or "made".
        folder: a folder for this benchmark alone.
        store: the images in that folder.
    """

    pixels: Mapping[str, Pixels]
    kind: str
    folder: Path
    store: ImageStore

    @property
    def first(self) -> Pixels:
        """One of the images, for limits whose pixels never leave the cache."""
        return next(iter(self.pixels.values()))


@contextmanager
def setting(n_images: int, shape: tuple[int, int], hot: bool) -> Iterator[Setting]:
    """Images of a shape in a store, all hot or none, while the benchmark lasts; libraries keep to one thread."""
    one_thread()
    pixels, kind = images(n_images, shape)
    with TemporaryDirectory() as folder:
        yield Setting(pixels, kind, Path(folder), stored(Path(folder), pixels, hot))


def stored(folder: Path, pixels: Mapping[str, Pixels], hot: bool) -> ImageStore:
    """A store of the images below folder, all hot or none."""
    store = ImageStore(folder, frozenset(pixels) if hot else frozenset())
    for image_id, whole in pixels.items():
        store.write(image_id, whole)
    return store


def cutting(store: ImageStore, requests: CropRequests, antialias: bool, at_once: int = AT_ONCE) -> Way:
    """Ours: so many windows at a time into the same memory, as the loader does it."""
    out = np.empty((at_once, PATCH_PX, PATCH_PX), np.uint16)
    parts = batches(requests, at_once)

    def work() -> None:
        for part in parts:
            crop(store, part, PATCH_PX, out[: len(part)], antialias)

    return Way(work, len(requests))


def training_windows(images: Mapping[str, Pixels], n: int) -> CropRequests:
    """Windows of random images, sides and angles that lie inside the box around the breast."""
    rng = np.random.default_rng(0)
    ids = rng.choice(sorted(images), n).tolist()
    lit = {image_id: Box.around(pixels > 0) for image_id, pixels in images.items()}
    first = np.array([(lit[image_id].row0, lit[image_id].col0) for image_id in ids])
    last = np.array([(lit[image_id].row1, lit[image_id].col1) for image_id in ids])
    side, angle = rng.uniform(*SIDE_PX, n), rng.uniform(-ANGLE_DEG, ANGLE_DEG, n)
    reach = side / 2 * (np.cos(np.radians(angle)) + np.abs(np.sin(np.radians(angle)))) + 4
    centres = rng.uniform(first + reach[:, None], last - reach[:, None])
    return CropRequests(ids, np.column_stack([centres, side, angle]))


def batches(requests: CropRequests, size: int = AT_ONCE) -> list[CropRequests]:
    """The requests, `size` at a time."""
    starts = range(0, len(requests), size)
    return [
        CropRequests(requests.image_ids[start : start + size], requests.windows[start : start + size])
        for start in starts
    ]


def hot_warp(requests: CropRequests, pixels: Pixels) -> Way:
    """The limit: one bilinear cv2.warpAffine a window, of 16-bit pixels that never leave the cache."""
    source = np.ascontiguousarray(pixels[: 2 * SIDE_PX[1], : 2 * SIDE_PX[1]])
    matrices = list(ResamplePlan.from_windows(requests.windows, PATCH_PX, antialias=False).matrix)

    def work() -> None:
        for matrix in matrices:
            cv2.warpAffine(source, matrix, (PATCH_PX, PATCH_PX), flags=FLAGS)

    return Way(work, len(requests))
