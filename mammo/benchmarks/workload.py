"""Workload of the benchmarks: real or synthetic images, a temporary store, crop windows, our method and its limit."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mammo.benchmarks.timing import Method, use_one_thread
from mammo.data.crops import CropRequests, ResamplePlan, crop
from mammo.geometry import Box, Frame
from mammo.intake.adapters import read_cohort
from mammo.intake.gate import admit
from mammo.records import FULL_SCALE, Pixels
from mammo.store.image_store import ImageStore

SIDE_PX, PATCH_PX, ANGLE_DEG = (128, 384), 256, 30
"""The paper's sides of crop windows, side of patches, and largest rotation of training windows."""

BATCH_SIZE = 25
"""f_loc's batch size (paper, Model training)."""

FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True)
class Workload:
    """Images and the store that holds them.

    Attributes:
        pixels: uint16 [H, W], 0 to 4095, by image id.
        kind: "real" or "made" (see mammo.benchmarks.workload).
        folder: temporary folder of the benchmark.
        store: store of the images in that folder.
    """

    pixels: Mapping[str, Pixels]
    kind: str
    folder: Path
    store: ImageStore

    @property
    def first(self) -> Pixels:
        """The first image [H, W] uint16, 0 to 4095."""
        return next(iter(self.pixels.values()))


@contextmanager
def image_workload(n_images: int, shape: tuple[int, int], in_memory: bool) -> Iterator[Workload]:
    """Images of a shape (rows, cols) in a temporary store, all kept decoded or none; libraries use one thread."""
    use_one_thread()
    pixels, kind = images(n_images, shape)
    with TemporaryDirectory() as folder:
        yield Workload(pixels, kind, Path(folder), write_store(Path(folder), pixels, in_memory))


def write_store(folder: Path, pixels: Mapping[str, Pixels], in_memory: bool) -> ImageStore:
    """A new store of images [H, W] uint16, 0 to 4095, by id; in_memory keeps them decoded after their first read."""
    store = ImageStore(folder, frozenset(pixels) if in_memory else frozenset())
    for image_id, image in pixels.items():
        store.write(image_id, image)
    return store


def crop_method(store: ImageStore, requests: CropRequests, antialias: bool, batch_size: int = BATCH_SIZE) -> Method:
    """Our method: cut the windows in batches into reused memory, as the loader does."""
    out = np.empty((batch_size, PATCH_PX, PATCH_PX), np.uint16)
    batches = split_requests(requests, batch_size)

    def work() -> None:
        for batch in batches:
            crop(store, batch, PATCH_PX, out[: len(batch)], antialias)

    return Method(work, len(requests))


def training_windows(images: Mapping[str, Pixels], n: int) -> CropRequests:
    """N windows of random images, sides and angles inside the box around the breast, the same in every run.

    Args:
        images: uint16 [H, W], 0 to 4095, by id.
        n: number of windows.
    """
    rng = np.random.default_rng(0)
    ids = rng.choice(sorted(images), n).tolist()
    breast = {image_id: Box.around(pixels > 0) for image_id, pixels in images.items()}
    first = np.array([(breast[image_id].row0, breast[image_id].col0) for image_id in ids])
    last = np.array([(breast[image_id].row1, breast[image_id].col1) for image_id in ids])
    side, angle = rng.uniform(*SIDE_PX, n), rng.uniform(-ANGLE_DEG, ANGLE_DEG, n)
    reach = side / 2 * (np.cos(np.radians(angle)) + np.abs(np.sin(np.radians(angle)))) + 4
    centers = rng.uniform(first + reach[:, None], last - reach[:, None])
    return CropRequests(ids, np.column_stack([centers, side, angle]))


def split_requests(requests: CropRequests, size: int = BATCH_SIZE) -> list[CropRequests]:
    """The requests in batches of `size`."""
    parts = [slice(start, start + size) for start in range(0, len(requests), size)]
    return [CropRequests(requests.image_ids[part], requests.windows[part]) for part in parts]


def cached_warp(requests: CropRequests, pixels: Pixels) -> Method:
    """The limit: one bilinear cv2.warpAffine per window on part of pixels [H, W] uint16 that stays in the CPU cache."""
    source = np.ascontiguousarray(pixels[: 2 * SIDE_PX[1], : 2 * SIDE_PX[1]])
    matrices = list(ResamplePlan.from_windows(requests.windows, PATCH_PX, antialias=False).matrix)

    def work() -> None:
        for matrix in matrices:
            cv2.warpAffine(source, matrix, (PATCH_PX, PATCH_PX), flags=FLAGS)

    return Method(work, len(requests))


FULL_SHAPE = (2944, 1920)
REAL_EXAM = "MAMMO_REAL_EXAM"
"""Environment variable with the folder of a real exam (data=nyu); only real images compress realistically."""


def images(n: int, shape: tuple[int, int] = FULL_SHAPE) -> tuple[dict[str, Pixels], str]:
    """Pixels [H, W] uint16, 0 to 4095, of n images by id, and "real" (one exam and mirrored copies) or "made".

    Args:
        n: number of images.
        shape: (rows, cols) of synthetic images; real images are used only at full size.
    """
    exam = os.environ.get(REAL_EXAM)
    if not exam or shape != FULL_SHAPE:
        return {f"image{index}": breast(index, shape) for index in range(n)}, "made"
    root = Path(exam)
    boxes = [admit(root, image, Frame(*FULL_SHAPE, 64), 1.0).pixels for image in read_cohort("nyu", root).images]
    mirrored = [pixels[::-1] for pixels in boxes]
    chosen = (boxes + mirrored)[:n]
    return {f"image{index}": _full_size(pixels) for index, pixels in enumerate(chosen)}, "real"


def _full_size(box: Pixels) -> Pixels:
    """A full-size image [2944, 1920] with the breast box [h, w] at the chest wall on a black background."""
    pixels = np.zeros(FULL_SHAPE, np.uint16)
    top = (FULL_SHAPE[0] - box.shape[0]) // 2
    pixels[top : top + box.shape[0], : box.shape[1]] = box
    return pixels


def breast(index: int, shape: tuple[int, int]) -> Pixels:
    """A synthetic breast [rows, cols] uint16, 0 to 4095: a half ellipse with coarse structure and grain on black."""
    rng = np.random.default_rng((0, index))
    rows, cols = np.ogrid[0 : shape[0], 0 : shape[1]]
    inside = ((rows / shape[0] - 0.5) / 0.45) ** 2 + (cols / shape[1] / 0.8) ** 2 < 1
    coarse = rng.normal(1800, 500, size=(shape[0] // 64 + 1, shape[1] // 64 + 1)).astype(np.float32)
    soft = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 25, size=shape)
    return np.where(inside, np.clip(soft + grain, 1, FULL_SCALE), 0).astype(np.uint16)
