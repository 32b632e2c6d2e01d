"""Benchmarks of the data work of an epoch, and of the loader that reads its batches ahead.

Epoch: 10,000 training patches and 85,000 windows of 850 lesions, as in the paper. A fraction of an epoch is timed:
windows are drawn, read and cut. Half of the training patches come from images in memory (those with lesions), half from
the compressed store on disk. Lesion windows come from images in memory, as in the first epoch; later epochs reuse their
patches. The limit warps and resizes pixels that stay in the CPU cache. The baseline decodes a 16-bit PNG per training
patch and one per lesion.

Loader: batches of 25 training patches from images in memory, read ahead by one thread. The limit cuts the same patches
in the calling thread, without a loader. The baseline is torch's DataLoader with two processes, as in most published
code: one patch at a time, float32 in three channels, cut by the same function. CPU time includes all threads and, for
the DataLoader, all processes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammo.benchmarks import baselines
from mammo.benchmarks.evaluation_speed import LESION_PX, cached_resize, lesion_windows
from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import (
    BATCH_SIZE,
    FULL_SHAPE,
    PATCH_PX,
    SIDE_PX,
    cached_warp,
    crop_method,
    image_workload,
    split_requests,
    training_windows,
)
from mammo.data.crops import CropRequests, crop
from mammo.data.dataset import PlanDataset, Reader
from mammo.data.loader import Loader
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Box, Frame, FrameChain
from mammo.records import FULL_SCALE, Pathology, Pixels
from mammo.store.image_store import ImageStore

PATCHES, LESIONS, WINDOWS = 10_000, 850, 100
"""Training patches per epoch, validation lesions, and windows per lesion (paper, Model training)."""

H100_SECONDS = PATCHES / 940 + LESIONS * WINDOWS / 5500
"""Estimated time of an epoch of DenseNet-161 on one H100, scaled from published numbers of other GPUs."""

PROCESSES = 2
"""Worker processes of the DataLoader."""


def measure_epoch(
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
        fixed = lesion_windows(workload.pixels, n_windows)
        in_memory, on_disk = split_requests(training, len(training) // 2)[:2]
        ours = [
            _draw_plans(len(training), n_lesions, n_windows),
            crop_method(workload.store, in_memory, antialias=True).work,
            crop_method(ImageStore(workload.folder), on_disk, antialias=True).work,
            crop_method(workload.store, fixed, antialias=True, batch_size=n_windows).work,
        ]
        limit = [cached_warp(training, workload.first).work, cached_resize(fixed, workload.first).work]
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
    outline = np.argwhere(np.ones((LESION_PX, LESION_PX), dtype=bool)).astype(np.float64) + 1000.5
    index = SamplingIndex(
        frame=frame,
        pixels=[outline] * n_lesions,
        labels=[Pathology.MALIGNANT, Pathology.BENIGN] * (n_lesions // 2) + [Pathology.MALIGNANT] * (n_lesions % 2),
        image_of=np.arange(n_lesions),
        negative=np.arange(n_lesions + 1) == n_lesions,
        shows=np.zeros((n_lesions + 1, 2), dtype=np.int64),
        breasts=np.zeros((n_lesions + 1, 2), dtype=np.int64),
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


def measure_loader(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 1000
) -> dict[str, object]:
    """CPU seconds per patch.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images.
        n_images: number of images.
        n_windows: patches per round.

    Returns:
        As mammo.benchmarks.timing.time_methods, and images ("real" or "made").
    """
    with image_workload(n_images, shape, in_memory=True) as workload:
        store, requests = workload.store, training_windows(workload.pixels, n_windows)
        methods = {
            "ours": Method(lambda: _drain(loader_of(store, requests)), n_windows),
            "patches": crop_method(store, requests, antialias=True),
            "dataloader": Method(lambda: _drain(dataloader_of(store, requests)), n_windows),
        }
        result = time_methods("loader", methods, limit="patches", rounds=rounds, clock=_all_processes)
    return {**result, "images": workload.kind}


def loader_of(store: ImageStore, requests: CropRequests) -> Loader:
    """Our loader of the requests, in order."""
    ids = sorted(set(requests.image_ids))
    chains = [_chain(store.shape(image_id)) for image_id in ids]
    image = np.array([ids.index(image_id) for image_id in requests.image_ids])
    none = np.full(len(requests), -1)
    plan = Plan(image, requests.windows, none + 1, none, none + 1)
    return Loader(PlanDataset(plan, ("patch",), Reader(store, ids, chains, PATCH_PX)), BATCH_SIZE, threads=1)


def _chain(shape: tuple[int, int]) -> FrameChain:
    height, width = (-(-size // 64) * 64 for size in shape)
    frame = Frame(height, width, 64)
    return FrameChain(shape, False, Box(0, shape[0], 0, shape[1]), 1.0, (0, 0), frame)


@dataclass(frozen=True, eq=False)
class PatchSamples(Dataset[Tensor]):
    """Patches one at a time, float32 [3, P, P] in [0, 1]."""

    store: ImageStore
    requests: CropRequests

    def __len__(self) -> int:
        return len(self.requests)

    def __getitem__(self, row: int) -> Tensor:
        one = CropRequests([self.requests.image_ids[row]], self.requests.windows[row : row + 1])
        return torch.from_numpy(crop(self.store, one, PATCH_PX).astype(np.float32) / FULL_SCALE).repeat(3, 1, 1)


def dataloader_of(store: ImageStore, requests: CropRequests) -> "DataLoader[Tensor]":
    """Torch's DataLoader of the same patches, in batches [B, 3, P, P] float32 in [0, 1]."""
    return DataLoader(PatchSamples(store, requests), BATCH_SIZE, num_workers=PROCESSES)


def _drain(batches: "Loader | DataLoader[Tensor]") -> None:
    for _ in batches:
        pass


def _all_processes() -> float:
    """CPU seconds of all threads of this process and of its finished child processes."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))  # os.times() has a resolution of only 10 ms
    return sum(each.ru_utime + each.ru_stime for each in used)
