"""Batches at the consumer: 25 training patches of images in memory, read ahead by one thread.

The limit cuts the same patches in the consumer's own thread, without a loader around. The rival is torch's DataLoader
with two processes as most published code has it: an item at a time, float32 in three channels, the same crop engine
inside. CPU time counts all threads and, for the DataLoader, all processes.
"""

from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mammo.benchmarks.sample_images import FULL_SHAPE
from mammo.benchmarks.timing import Way, measurement
from mammo.benchmarks.workload import AT_ONCE, PATCH_PX, cutting, setting, training_windows
from mammo.data.crops import CropRequests, crop
from mammo.data.dataset import PlanDataset, Reader
from mammo.data.loader import Loader
from mammo.data.plans import Plan
from mammo.geometry import Box, Frame, FrameChain
from mammo.records import FULL_SCALE
from mammo.store.image_store import ImageStore

PROCESSES = 2


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 1000
) -> dict[str, object]:
    """CPU seconds per patch.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images.
        n_images: how many images there are.
        n_windows: patches a round.

    Returns:
        As mammo.benchmarks.timing.measurement, and images ("real" or "made").
    """
    with setting(n_images, shape, hot=True) as at:
        store, requests = at.store, training_windows(at.pixels, n_windows)
        ways = {
            "ours": Way(lambda: _drain(loader_of(store, requests)), n_windows),
            "patches": cutting(store, requests, antialias=True),
            "dataloader": Way(lambda: _drain(dataloader_of(store, requests)), n_windows),
        }
        return {**measurement("loader", ways, limit="patches", rounds=rounds, clock=_all_processes), "images": at.kind}


def loader_of(store: ImageStore, requests: CropRequests) -> Loader:
    """Our loader of the requests, in order."""
    ids = sorted(set(requests.image_ids))
    chains = [_chain(store.shape(image_id)) for image_id in ids]
    image = np.array([ids.index(image_id) for image_id in requests.image_ids])
    none = np.full(len(requests), -1)
    plan = Plan(image, requests.windows, none + 1, none, none + 1)
    return Loader(PlanDataset(plan, ("patch",), Reader(store, ids, chains, PATCH_PX)), AT_ONCE, threads=1)


def dataloader_of(store: ImageStore, requests: CropRequests) -> "DataLoader[Tensor]":
    """Torch's loader of the same patches."""
    return DataLoader(Samples(store, requests), AT_ONCE, num_workers=PROCESSES)


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Tensor]):
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
    """CPU seconds of this process, all its threads and the processes that it has waited for."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))  # os.times() counts in steps of 10 ms
    return sum(each.ru_utime + each.ru_stime for each in used)
