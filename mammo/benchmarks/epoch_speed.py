"""Benchmark of the data work of one epoch of the paper: 10,000 training patches and 85,000 windows of 850 lesions.

A fraction of an epoch is timed: windows are drawn, read and cut. Half of the training patches come from images in
memory (those with lesions), half from the compressed store on disk. Lesion windows come from images in memory, as in
the first epoch; later epochs reuse their patches. The limit warps and resizes pixels that stay in the CPU cache. The
baseline decodes a 16-bit PNG per training patch and one per lesion.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mammo.benchmarks import baselines
from mammo.benchmarks import lesion_speed as lesion
from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import (
    FULL_SHAPE,
    PATCH_PX,
    SIDE_PX,
    cached_warp,
    crop_method,
    image_workload,
    split_requests,
    training_windows,
)
from mammo.data.plans import Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.records import Pathology, Pixels
from mammo.store.image_store import ImageStore

PATCHES, LESIONS, WINDOWS = 10_000, 850, 100
"""Training patches per epoch, validation lesions, and windows per lesion (paper, Model training)."""

H100_SECONDS = PATCHES / 940 + LESIONS * WINDOWS / 5500
"""Estimated time of an epoch of DenseNet-161 on one H100, scaled from published numbers of other GPUs."""


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_lesions: int = 8, n_windows: int = WINDOWS
) -> dict[str, object]:
    """CPU seconds per epoch, one thread.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images.
        n_lesions: lesions of the 850, which sets the fraction of the epoch that is timed.
        n_windows: windows per lesion.

    Returns:
        As mammo.benchmarks.timing.time_methods, and images ("real" or "made"), h100_seconds (estimated network time of
        an epoch on one H100) and h100_cores (cores needed to keep it busy).
    """
    fraction = n_lesions / LESIONS
    with image_workload(n_lesions, shape, in_memory=True) as workload:
        training = training_windows(workload.pixels, round(fraction * PATCHES))
        fixed = lesion.lesion_windows(workload.pixels, n_windows)
        in_memory, on_disk = split_requests(training, len(training) // 2)[:2]
        ours = [
            _draw_plans(len(training), n_lesions, n_windows),
            crop_method(workload.store, in_memory, antialias=True).work,
            crop_method(ImageStore(workload.folder), on_disk, antialias=True).work,
            crop_method(workload.store, fixed, antialias=True, batch_size=n_windows).work,
        ]
        limit = [cached_warp(training, workload.first).work, lesion.cached_resize(fixed, workload.first).work]
        methods = {
            "ours": _together(ours, fraction),
            "cached": _together(limit, fraction),
            "png": _decode_pngs(workload.folder, workload.pixels),
        }
        result = time_methods("epoch", methods, limit="cached", rounds=rounds)
    seconds = result["ours"]
    assert isinstance(seconds, float)
    cores = {"h100_seconds": round(H100_SECONDS, 1), "h100_cores": round(seconds / H100_SECONDS, 2)}
    return {**result, "images": workload.kind, **cores}


def _draw_plans(n_patches: int, n_lesions: int, n_windows: int) -> Callable[[], object]:
    """Work that draws the windows, half of the patches outside and half negative."""
    frame, crops = Frame(*FULL_SHAPE, 64), CropSizes(SIDE_PX, PATCH_PX, whole_px=True)
    outline = np.argwhere(np.ones((lesion.LESION_PX, lesion.LESION_PX), dtype=bool)).astype(np.float64) + 1000.5
    index = SamplingIndex(
        frame=frame,
        pixels=[outline] * n_lesions,
        labels=[Pathology.MALIGNANT, Pathology.BENIGN] * (n_lesions // 2) + [Pathology.MALIGNANT] * (n_lesions % 2),
        image_of=np.arange(n_lesions),
        negative=np.arange(n_lesions + 1) == n_lesions,
        shows=np.zeros((n_lesions + 1, 2), dtype=np.int64),
        unplaced=np.zeros(n_lesions + 1, dtype=bool),
        extents=np.tile([[0.0, frame.height], [0.0, frame.width]], (n_lesions + 1, 1, 1)),
        mlo=np.zeros(n_lesions + 1, dtype=bool),
        tissue=np.full((n_lesions + 1, *frame.grid), 255, np.uint8),
    )
    quota = Quota(1, 1, n_patches // 2 - 1, n_patches - n_patches // 2 - 1)
    return lambda: (epoch_plan(index, quota, crops, 0, 0), lesion_plan(index, crops, n_windows, 0))


def _decode_pngs(folder: Path, pixels: Mapping[str, Pixels]) -> Method:
    """The baseline: a few of the PNG files that an epoch decodes, one per training patch and lesion."""
    read = baselines.png(folder, pixels)

    def work() -> None:
        for image_id in list(pixels)[:3]:
            read(image_id)

    return Method(work, min(3, len(pixels)) / (PATCHES + LESIONS))


def _together(works: list[Callable[[], object]], units: float) -> Method:
    def work() -> None:
        for each in works:
            each()

    return Method(work, units)
