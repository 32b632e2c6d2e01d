"""Evaluation windows: 100 upright windows around one lesion, from one read of it, out of images in memory.

The limit resizes pixels that never leave the cache. The rival decodes the whole 16-bit PNG once a lesion and hands
every window on as its network takes it, float32 in three channels; ours leaves that to the network's device. Both are
linear; `antialias` is ours as evaluation uses it.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from mammo.benchmarks import baselines as rivals
from mammo.benchmarks.sample_images import FULL_SHAPE
from mammo.benchmarks.timing import Way, measurement
from mammo.benchmarks.workload import PATCH_PX, SIDE_PX, batches, cutting, setting
from mammo.data.crops import CropRequests
from mammo.geometry import Box
from mammo.records import FULL_SCALE, Pixels

LESION_PX = 80
"""Side of a lesion: about the median of the paper's at full size."""


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_lesions: int = 8, n_windows: int = 100
) -> dict[str, object]:
    """CPU seconds per window.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images.
        n_lesions: how many lesions, each on an image of its own; the PNG is read for the first.
        n_windows: windows around each.

    Returns:
        As mammo.benchmarks.timing.measurement, with limit_ratio_antialias, limit_share (the limit over ours) and
        images ("real" or "made").
    """
    with setting(n_lesions, shape, hot=True) as at:
        requests = lesion_windows(at.pixels, n_windows)
        ways = {
            "ours": cutting(at.store, requests, antialias=False, at_once=n_windows),
            "antialias": cutting(at.store, requests, antialias=True, at_once=n_windows),
            "resize": hot_resize(requests, at.first),
            "imread_per_lesion": _imread_per_lesion(rivals.png(at.folder, at.pixels), batches(requests, n_windows)[0]),
        }
        told = measurement("lesion", ways, limit="resize", rounds=rounds, variants=("antialias",))
    ratio = told["limit_ratio"]
    assert isinstance(ratio, float)
    return {**told, "limit_share": round(1 / ratio, 2), "images": at.kind}


def lesion_windows(images: Mapping[str, Pixels], n_windows: int) -> CropRequests:
    """Windows on whole pixels that hold a random pixel of their image's lesion, in the middle of the breast."""
    rng, ids, windows = np.random.default_rng(0), [], []
    for image_id, pixels in images.items():
        lit = Box.around(pixels > 0)
        lesion = np.array([(lit.row0 + lit.row1) // 2, (lit.col0 + lit.col1) // 2])
        for _ in range(n_windows):
            side = int(rng.integers(*SIDE_PX, endpoint=True))
            corner = lesion + rng.integers(-LESION_PX // 2, LESION_PX // 2, 2) - rng.integers(0, side, 2)
            ids.append(image_id)
            windows.append((*(corner + side / 2), side, 0.0))
    return CropRequests(ids, np.array(windows))


def hot_resize(requests: CropRequests, pixels: Pixels) -> Way:
    """The limit: one bilinear cv2.resize a window, of 16-bit pixels that never leave the cache."""
    source = np.ascontiguousarray(pixels[: SIDE_PX[1], : SIDE_PX[1]])
    sides = requests.windows[:, 2].astype(int).tolist()
    out = np.empty((PATCH_PX, PATCH_PX), np.uint16)

    def work() -> None:
        for side in sides:
            cv2.resize(source[:side, :side], (PATCH_PX, PATCH_PX), dst=out)

    return Way(work, len(requests))


def _imread_per_lesion(source: rivals.Source, requests: CropRequests) -> Way:
    """One PNG a lesion, albumentations' Crop and Resize for each window, float32 in three channels."""
    import albumentations as alb

    def work() -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """All windows of one lesion, float32 [3, P, P] each in [0, 1]."""
        whole, patches = source(requests.image_ids[0]), []
        for row, col, side, _ in requests.windows.tolist():
            top, left = int(row - side / 2), int(col - side / 2)
            steps = [
                alb.Crop(left, top, left + int(side), top + int(side), pad_if_needed=True),
                alb.Resize(PATCH_PX, PATCH_PX, interpolation=cv2.INTER_LINEAR),
            ]
            patch = alb.Compose(steps)(image=whole)["image"].astype(np.float32) / FULL_SCALE
            patches.append(np.stack([patch] * 3))
        return patches

    return Way(work, len(requests))
