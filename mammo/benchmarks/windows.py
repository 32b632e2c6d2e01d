"""The crop windows that benchmarks cut, the same in every run, and the limit: warping pixels that lie in the cache."""

from collections.abc import Mapping

import cv2
import numpy as np

from mammo.benchmarks.sample_images import Pixels
from mammo.benchmarks.timing import Way
from mammo.data.crops import Requests
from mammo.data.resample_plan import Sources
from mammo.geometry import Box

SIDE_PX, PATCH_PX, ANGLE_DEG = (128, 384), 256, 30
"""The paper's sides of crop windows, its patches, and how far training windows are rotated either way."""

AT_ONCE = 25
"""f_loc's batch (paper, Model training)."""

FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def training_windows(images: Mapping[str, Pixels], n: int) -> Requests:
    """Windows of random images, sides and angles that lie inside the box around the breast."""
    rng = np.random.default_rng(0)
    ids = rng.choice(sorted(images), n).tolist()
    lit = {image_id: Box.around(pixels > 0) for image_id, pixels in images.items()}
    first = np.array([(lit[image_id].row0, lit[image_id].col0) for image_id in ids])
    last = np.array([(lit[image_id].row1, lit[image_id].col1) for image_id in ids])
    side, angle = rng.uniform(*SIDE_PX, n), rng.uniform(-ANGLE_DEG, ANGLE_DEG, n)
    reach = side / 2 * (np.cos(np.radians(angle)) + np.abs(np.sin(np.radians(angle)))) + 4
    centres = rng.uniform(first + reach[:, None], last - reach[:, None])
    return Requests(ids, np.column_stack([centres, side, angle]))


def batches(requests: Requests, size: int = AT_ONCE) -> list[Requests]:
    """The requests, `size` at a time."""
    starts = range(0, len(requests), size)
    return [
        Requests(requests.image_ids[start : start + size], requests.windows[start : start + size]) for start in starts
    ]


def hot_warp(requests: Requests, pixels: Pixels) -> Way:
    """The limit: one bilinear cv2.warpAffine a window, of 16-bit pixels that never leave the cache."""
    source = np.ascontiguousarray(pixels[: 2 * SIDE_PX[1], : 2 * SIDE_PX[1]])
    matrices = list(Sources.of(requests.windows, PATCH_PX, antialias=False).matrix)

    def work() -> None:
        for matrix in matrices:
            cv2.warpAffine(source, matrix, (PATCH_PX, PATCH_PX), flags=FLAGS)

    return Way(work, len(requests))
