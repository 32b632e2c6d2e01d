"""The data work of one epoch of the paper: 10,000 training patches and the 85,000 windows of 850 lesions.

Measured on a share of the epoch: drawing the windows, then reading and cutting them. Training patches come half from
images in memory (those with lesions) and half from the compressed store on disk; lesion windows from images in memory,
as in a first epoch; later ones find theirs kept. The limit warps and resizes pixels that never leave the cache. The
rival decodes a 16-bit PNG for every training patch and one for every lesion.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mammo.benchmarks import baselines as rivals
from mammo.benchmarks import lesion_speed as lesion
from mammo.benchmarks.sample_images import FULL_SHAPE
from mammo.benchmarks.timing import Way, measurement
from mammo.benchmarks.workload import PATCH_PX, SIDE_PX, batches, cutting, hot_warp, setting, training_windows
from mammo.data.plans import Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.records import Pathology, Pixels
from mammo.store.image_store import ImageStore

PATCHES, LESIONS, WINDOWS = 10_000, 850, 100
"""Training patches an epoch, and validation lesions with their windows (paper, Model training)."""

H100_SECONDS = PATCHES / 940 + LESIONS * WINDOWS / 5500
"""An epoch of DenseNet-161 on one H100: estimates scaled from public figures of other GPUs, no measurement."""


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_lesions: int = 8, n_windows: int = WINDOWS
) -> dict[str, object]:
    """CPU seconds per epoch, one thread.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images.
        n_lesions: of 850, which is the share of the epoch that is timed.
        n_windows: windows around each.

    Returns:
        As mammo.benchmarks.timing.measurement, and images ("real" or "made"), h100_seconds (what the network of an
        epoch takes there, an estimate) and h100_cores (cores that feed it).
    """
    share = n_lesions / LESIONS
    with setting(n_lesions, shape, hot=True) as at:
        training = training_windows(at.pixels, round(share * PATCHES))
        fixed = lesion.lesion_windows(at.pixels, n_windows)
        in_memory, on_disk = batches(training, len(training) // 2)[:2]
        ours = [
            _drawing(len(training), n_lesions, n_windows),
            cutting(at.store, in_memory, antialias=True).work,
            cutting(ImageStore(at.folder), on_disk, antialias=True).work,
            cutting(at.store, fixed, antialias=True, at_once=n_windows).work,
        ]
        limit = [hot_warp(training, at.first).work, lesion.hot_resize(fixed, at.first).work]
        ways = {
            "ours": _together(ours, share),
            "hot": _together(limit, share),
            "png": _pngs(at.folder, at.pixels),
        }
        told = measurement("epoch", ways, limit="hot", rounds=rounds)
    seconds = told["ours"]
    assert isinstance(seconds, float)
    cores = {"h100_seconds": round(H100_SECONDS, 1), "h100_cores": round(seconds / H100_SECONDS, 2)}
    return {**told, "images": at.kind, **cores}


def _drawing(n_patches: int, n_lesions: int, n_windows: int) -> Callable[[], object]:
    """Drawing the windows, in the paper's shares of the classes."""
    frame, crops = Frame(*FULL_SHAPE, 64), CropSizes(SIDE_PX, PATCH_PX, whole_px=True)
    outline = np.argwhere(np.ones((lesion.LESION_PX, lesion.LESION_PX), dtype=bool)).astype(np.float64) + 1000.5
    index = SamplingIndex(
        frame=frame,
        pixels=[outline] * n_lesions,
        labels=[Pathology.MALIGNANT, Pathology.BENIGN] * (n_lesions // 2) + [Pathology.MALIGNANT] * (n_lesions % 2),
        image_of=np.arange(n_lesions),
        negative=np.arange(n_lesions + 1) == n_lesions,
        extents=np.tile([[0.0, frame.height], [0.0, frame.width]], (n_lesions + 1, 1, 1)),
        mlo=np.zeros(n_lesions + 1, dtype=bool),
        tissue=np.full((n_lesions + 1, *frame.grid), 255, np.uint8),
    )
    quota = Quota(1, 1, n_patches // 2 - 1, n_patches - n_patches // 2 - 1)
    return lambda: (epoch_plan(index, quota, crops, 0, 0), lesion_plan(index, crops, n_windows, 0))


def _pngs(folder: Path, pixels: Mapping[str, Pixels]) -> Way:
    """A few of the PNGs that an epoch decodes, one a training patch and one a lesion."""
    source = rivals.png(folder, pixels)

    def work() -> None:
        for image_id in list(pixels)[:3]:
            source(image_id)

    return Way(work, min(3, len(pixels)) / (PATCHES + LESIONS))


def _together(works: list[Callable[[], object]], share: float) -> Way:
    def work() -> None:
        for each in works:
            each()

    return Way(work, share)
