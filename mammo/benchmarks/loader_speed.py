"""Benchmark of the loader: batches of 25 training patches from images in memory, read ahead by one thread.

The limit cuts the same patches in the calling thread, without a loader. The baseline is torch's DataLoader with two
processes as in most published code: one patch at a time, float32 in three channels, cut by the same function. CPU time
includes all threads and, for the DataLoader, all processes.
"""

from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import BATCH_SIZE, FULL_SHAPE, PATCH_PX, crop_method, image_workload, training_windows
from mammo.data.crops import CropRequests, crop
from mammo.data.dataset import PlanDataset, Reader
from mammo.data.loader import Loader
from mammo.data.plans import Plan
from mammo.geometry import Box, Frame, FrameChain
from mammo.records import FULL_SCALE
from mammo.store.image_store import ImageStore

PROCESSES = 2
"""Worker processes of the DataLoader."""


def measure(
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


def dataloader_of(store: ImageStore, requests: CropRequests) -> "DataLoader[Tensor]":
    """Torch's DataLoader of the same patches, in batches [B, 3, P, P] float32 in [0, 1]."""
    return DataLoader(PatchSamples(store, requests), BATCH_SIZE, num_workers=PROCESSES)


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


def _drain(batches: "Loader | DataLoader[Tensor]") -> None:
    for _ in batches:
        pass


def _chain(shape: tuple[int, int]) -> FrameChain:
    height, width = (-(-size // 64) * 64 for size in shape)
    frame = Frame(height, width, 64)
    return FrameChain(shape, False, Box(0, shape[0], 0, shape[1]), 1.0, (0, 0), frame)


def _all_processes() -> float:
    """CPU seconds of all threads of this process and of its finished child processes."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))  # os.times() has a resolution of only 10 ms
    return sum(each.ru_utime + each.ru_stime for each in used)
