"""The one LightningDataModule, shared by f_loc, the context network and f_agg.

It serves a plan, patches or whole images, with the columns a network asks for; it never asks which network it feeds.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from mammo.data.augmentation import Intensity
from mammo.data.dataset import PlanDataset, Reader, SaliencySource
from mammo.data.image_plans import WindowNoise, image_plan, training_images
from mammo.data.loader import Loader
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import Ground
from mammo.data.window_sampler import Crops
from mammo.records import MammoError, Split
from mammo.store.embedding_cache import Embeddings
from mammo.store.manifest import Manifest

EVALUATION_SEED = 0
"""Lesion windows are the same for every model and every training seed."""


class MammoDataModule(pl.LightningDataModule):
    """Batches of an image store, by plan.

    Args:
        store: folder of the image store and its manifest.
        plan: "patches" (windows of the four classes by quota; lesion windows in validation and test) or "images".
        columns: what a batch holds beside the plan's own columns (see mammo.data.dataset).
        crops: sizes of windows and patches.
        quota: patches per class and epoch.
        batch_size: rows of a training batch (25 for f_loc, 100 for f_agg; paper, Model training).
        eval_batch_size: rows of a validation or test batch.
        windows_per_lesion: fixed windows per lesion, by "val" and "test" (the paper: 100 and 100).
        seed: of the training windows.
        window_epochs: epochs of distinct training windows, after which they repeat; None for fresh windows for ever.
        saliency: source of the saliency column.
        embeddings: source of the embedding column; holds h for every plan that will be asked for.
        intensity: changes of grey value in training.
        image_noise: how far the windows of training images stray; None for not at all.
        balanced_images: whether the three kinds of training images come equally often.
        workers: threads that read batches ahead; 0 reads in the training thread.
        memory_gb: memory of each split for decoded images, those with lesions first, and for fixed windows.
    """

    def __init__(
        self,
        store: str,
        plan: Literal["patches", "images"],
        columns: Sequence[str],
        crops: Crops,
        quota: Quota,
        batch_size: int,
        eval_batch_size: int,
        windows_per_lesion: Mapping[str, int],
        seed: int = 0,
        window_epochs: int | None = None,
        saliency: SaliencySource | None = None,
        embeddings: Embeddings | None = None,
        intensity: Intensity | None = None,
        image_noise: WindowNoise | None = None,
        balanced_images: bool = False,
        workers: int = 0,
        memory_gb: float = 4.0,
    ) -> None:
        super().__init__()
        self.root, self.kind, self.columns = Path(store), plan, tuple(columns)
        self.crops, self.quota = crops, quota
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.windows_per_lesion = dict(windows_per_lesion)
        self.seed, self.window_epochs = seed, window_epochs
        self.saliency, self.embeddings, self.intensity, self.workers = saliency, embeddings, intensity, workers
        self.image_noise, self.balanced_images = image_noise or WindowNoise(), balanced_images
        self.memory_bytes = memory_gb * 1e9
        self._evaluation: dict[Split, Loader] = {}
        self._splits: dict[Split, tuple[Manifest, Ground, Reader]] = {}

    def split(self, split: Split) -> tuple[Manifest, Ground, Reader]:
        """The manifest, sampling ground and reader of one split.

        Raises:
            MammoError: the store has no such split.
        """
        if split not in self._splits:
            manifest, ground = _laid_out(self.root, Manifest.state(self.root), split)
            if len(manifest.images) == 0:
                raise MammoError(f"no image in split {split} of {self.root}: run python -m mammo.split first")
            reader = Reader.of(self.root, manifest, self.crops.patch_px, self.memory_bytes)
            self._splits[split] = (manifest, ground, reader)
        return self._splits[split]

    def training_plan(self, epoch: int) -> Plan:
        """The rows of one training epoch."""
        ground = self.split(Split.TRAIN)[1]
        if self.kind == "images":
            return training_images(ground, self.seed, epoch, self.image_noise, self.balanced_images)
        if self.window_epochs is None:
            return epoch_plan(ground, self.quota, self.crops, self.seed, epoch)
        epoch %= self.window_epochs
        drawn = _repeated_plans(ground, self.quota, self.crops, self.seed)
        if epoch not in drawn:
            drawn[epoch] = epoch_plan(ground, self.quota, self.crops, self.seed, epoch)
        return drawn[epoch]

    def evaluation_plan(self, split: Split) -> Plan:
        """The rows of validation or test: every lesion's fixed windows, or every image."""
        ground = self.split(split)[1]
        if self.kind == "images":
            return image_plan(ground)
        n_windows = self.windows_per_lesion[split]
        return _lesion_plan(ground, self.crops, n_windows, EVALUATION_SEED)

    def plans(self, split: Split) -> list[Plan]:
        """Every distinct plan of a split: one, but for training as many as window_epochs says (fresh windows: one)."""
        if split is Split.TRAIN:
            return [self.training_plan(epoch) for epoch in range(self.window_epochs or 1)]
        return [self.evaluation_plan(split)]

    def train_dataloader(self) -> Loader:
        """Batches of the current epoch (the trainer asks again in every epoch)."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        plan = self.training_plan(epoch)
        world = self.trainer.world_size if self.trainer else 1
        whole = slice(0, len(plan) // world * world)  # every rank needs the same number of rows
        return self._loader(Split.TRAIN, plan, self.batch_size, whole, epoch)

    def val_dataloader(self) -> Loader:
        """Batches of the validation split."""
        return self._evaluation_loader(Split.VAL)

    def test_dataloader(self) -> Loader:
        """Batches of the test split."""
        return self._evaluation_loader(Split.TEST)

    def _evaluation_loader(self, split: Split) -> Loader:
        """The same loader in every epoch: its windows never change, and stay in memory while there is room."""
        if split not in self._evaluation:
            plan = self.evaluation_plan(split)
            self._evaluation[split] = self._loader(split, plan, self.eval_batch_size, slice(None), None)
        return self._evaluation[split]

    def _loader(self, split: Split, plan: Plan, batch_size: int, rows: slice, epoch: int | None) -> Loader:
        """A loader of this rank's share of the plan; embeddings are stored for the whole plan, in its order."""
        h: NDArray[np.float32] | None = None
        if "embedding" in self.columns and self.embeddings is not None:
            h = self.embeddings.read(plan)
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        mine = np.arange(len(plan))[rows][rank::world]
        dataset = PlanDataset(
            plan=plan.take(mine),
            columns=self.columns,
            reader=self.split(split)[2],
            saliency=self.saliency,
            embedding=None if h is None else h[mine],
            intensity=None if epoch is None else self.intensity,
            seed=self.seed + 1_000_003 * (epoch or 0),
        )
        return Loader(dataset, batch_size, self.workers, self.memory_bytes if epoch is None else 0)


@lru_cache(maxsize=len(Split))
def _laid_out(root: Path, state: tuple[int, ...], split: Split) -> tuple[Manifest, Ground]:
    """One split of a store as it is now; kept, like the plans below, because the jobs of a sweep ask for the same."""
    manifest = Manifest.load(root).of_split(split)
    return manifest, Ground.of(manifest)


_lesion_plan = lru_cache(maxsize=len(Split))(lesion_plan)


@lru_cache(maxsize=4)
def _repeated_plans(ground: Ground, quota: Quota, crops: Crops, seed: int) -> dict[int, Plan]:
    """The training plans drawn so far, by epoch: there may be any number of them before they repeat."""
    return {}
