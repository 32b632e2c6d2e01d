"""The LightningDataModule of f_loc, the context network and f_agg.

It serves patches or whole images by plan, with the columns that a network needs, and does not depend on the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from mammo.data.augmentation import IntensityAugmentation
from mammo.data.dataset import EmbeddingSource, ImageMapSource, PlanDataset, Reader
from mammo.data.image_plans import ImageSampling, WindowNoise, image_plan, training_images
from mammo.data.loader import Loader
from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import LabelLevel, SamplingIndex
from mammo.data.view_dropping import STREAMS, ViewDropping
from mammo.data.window_sampler import CropSizes
from mammo.records import MammoError, PatchClass, Split
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold

EVALUATION_SEED = 0
"""Seed of the lesion windows, which are the same for every model and every training seed."""

CACHED_PLANS = 128
"""Training plans kept for the next epochs and jobs; the windows of 10,000 patches take 0.6 MB."""

STAGE_SPLITS = {
    "fit": (Split.TRAIN, Split.VAL),
    "validate": (Split.VAL,),
    "test": (Split.TEST,),
    "predict": (Split.VAL,),
}
"""Splits that each stage of the trainer reads. Thresholds are chosen on predictions for the validation split."""


@dataclass(frozen=True, eq=False)
class SplitData:
    """One split of an image store, or the whole store.

    Attributes:
        manifest: tables of these images and their lesions; row numbers in plans are theirs.
        index: sampling index of the manifest.
        reader: reads the pixels of plans.
    """

    manifest: Manifest
    index: SamplingIndex
    reader: Reader


class MammoDataModule(pl.LightningDataModule):
    """Batches of an image store, by plan.

    Works with a trainer, which calls setup and the dataloader methods, and without one, through split_data and the
    plan methods: a split is loaded when it is first used. In place of a split, None stands for the whole store, split
    or not, or for the images of the tested fold; its lesions are scored with or without a label.

    The tables are read once, so that a store that is split anew during a training changes none of its splits.

    Args:
        store: folder of the image store and its manifest.
        plan: "patches" (windows of the four classes by quota; lesion windows in validation and test) or "images".
        columns: batch columns in addition to the plan's own (see mammo.data.dataset).
        crops: sizes of windows and patches.
        quota: patches per class and epoch.
        batch_size: rows of a training batch (25 for f_loc, 100 for f_agg; paper, Model training), in all processes
            together.
        eval_batch_size: rows of a validation or test batch, in each process.
        windows_per_lesion: windows of a training row, by "train" (1 without it, as in the paper), and fixed ones per
            lesion, by "val" and "test" (the paper: 100 and 100); lesions of a whole store have as many as test lesions.
        fold: number of the fold that is tested; None for a store without folds (store.splits).
        seed: of the training windows.
        shared_windows: whether the training windows are those that all trainings share (plans.epoch_plan).
        window_epochs: epochs of distinct training windows, after which they repeat; None draws new windows in every
            epoch.
        image_maps: sources of the columns saliency, ipsi and contra, by the column's name.
        view_dropping: which training images lack the maps ipsi or contra in an epoch.
        embeddings: source of the embedding column.
        intensity: intensity augmentation of training patches.
        image_noise: random shifts and sizes of the windows of training images; None for none.
        image_sampling: which training images an epoch holds: "all", "balanced" or "exams" (image_plans.ImageSampling).
        labels: whether the labels of whole images are those of the breast in the exam or of the image alone.
        workers: threads that read batches ahead; 0 reads in the training thread.
        workers_timeout_s: longest time that one of them may take for a batch.
        memory_gb: memory per split for decoded images, those with lesions first, and for batches of fixed windows.
        manifest: the store's tables, as they were when the run began; None to read them when they are first used.
    """

    def __init__(
        self,
        store: str,
        plan: Literal["patches", "images"],
        columns: Sequence[str],
        crops: CropSizes,
        quota: Quota,
        batch_size: int,
        eval_batch_size: int,
        windows_per_lesion: Mapping[str, int],
        fold: int | None = None,
        seed: int = 0,
        shared_windows: bool = False,
        window_epochs: int | None = None,
        image_maps: Mapping[str, ImageMapSource] | None = None,
        view_dropping: ViewDropping | None = None,
        embeddings: EmbeddingSource | None = None,
        intensity: IntensityAugmentation | None = None,
        image_noise: WindowNoise | None = None,
        image_sampling: str = "all",
        labels: LabelLevel = "breast",
        workers: int = 0,
        workers_timeout_s: float = 60.0,
        memory_gb: float = 4.0,
        manifest: Manifest | None = None,
    ) -> None:
        super().__init__()
        self.root, self.plan, self.columns = Path(store), plan, tuple(columns)
        self.crops, self.quota, self.batch_size, self.eval_batch_size = crops, quota, batch_size, eval_batch_size
        self.windows_per_lesion = {"train": 1, **windows_per_lesion}
        self.fold, self.seed, self.shared_windows, self.window_epochs = fold, seed, shared_windows, window_epochs
        self._image_maps, self.view_dropping = dict(image_maps or {}), view_dropping or ViewDropping()
        self.embeddings, self.intensity, self.workers = embeddings, intensity, workers
        self.image_noise, self.image_sampling = image_noise or WindowNoise(), ImageSampling(image_sampling)
        self.labels: LabelLevel = labels
        self.memory_bytes, self.workers_timeout_s = memory_gb * 1e9, workers_timeout_s
        self._manifest = manifest
        self._evaluation_data: dict[Split | None, PlanDataset] = {}
        self._evaluation_loaders: dict[Split | None, Loader] = {}
        self._splits: dict[Split | None, SplitData] = {}

    @property
    def image_maps(self) -> Mapping[str, ImageMapSource]:
        """Sources of the columns saliency, ipsi and contra [N, K, rows, cols]; later batches have those set last."""
        return self._image_maps

    @image_maps.setter
    def image_maps(self, sources: Mapping[str, ImageMapSource]) -> None:
        """Set the sources of the columns, maps [N, K, rows, cols] of N images; batches that were kept are dropped."""
        self._image_maps = dict(sources)
        self._evaluation_loaders.clear()  # they keep batches

    def setup(self, stage: str) -> None:
        """Load and check the splits that a stage of the trainer reads: "fit", "validate", "test" or "predict".

        Raises:
            MammoError: the store lacks one of these splits, or one lacks a class, so that its AUC would be undefined.
                The test split of a fold may: its scores are evaluated together with those of the other folds.
        """
        for split in STAGE_SPLITS[stage]:
            self.split_data(split)
        for split in STAGE_SPLITS[stage]:
            if split is not Split.TEST or self.fold is None:
                self._check_classes(split)

    def _check_classes(self, split: Split) -> None:
        is_trained = split is Split.TRAIN
        if is_trained and self.plan == "patches":  # a class without patches is an error of its plan
            return
        target = self.evaluation_plan(split).target
        for number, name in enumerate(("malignant", "benign")[: 2 if is_trained else 1]):
            shows = target[:, number] == 1 if self.plan == "images" else target == PatchClass.MALIGNANT
            what = "images" if self.plan == "images" else "lesions"
            if not (0 < shows.sum() < len(shows)):
                without = "none" if not shows.any() else "all"
                raise MammoError(
                    f"{without} of the {what} of split {split} of {self.root} are {name}: ingest more patients, or "
                    "assign them anew with python -m mammo.split again=true (fold= with folds)"
                )

    def split_data(self, split: Split | None) -> SplitData:
        """Manifest, sampling index and reader of one split, or of the whole store or fold, loaded at the first call.

        Raises:
            MammoError: the store has no image in this split, or as store.splits.of_fold.
        """
        if split not in self._splits:
            manifest, index = _split_tables(self.manifest, self.fold, split)
            if split is not None and len(manifest.images) == 0:
                raise MammoError(f"no image in split {split} of {self.root}: run python -m mammo.split first")
            reader = Reader.from_manifest(self.root, manifest, self.crops.patch_px, self.memory_bytes)
            self._splits[split] = SplitData(manifest, index, reader)
        return self._splits[split]

    @property
    def manifest(self) -> Manifest:
        """The tables of the whole store, of which all splits are; MammoError as Manifest.load."""
        if self._manifest is None:
            self._manifest = Manifest.current(self.root)
        return self._manifest

    def training_plan(self, epoch: int) -> Plan:
        """Rows of one training epoch."""
        data = self.split_data(Split.TRAIN)
        index = data.index
        if self.plan == "images":
            exams = data.manifest.images["exam_id"].to_numpy(dtype=object)
            noise, sampling = self.image_noise, self.image_sampling
            return training_images(index, exams, self.seed, epoch, noise, sampling, self.labels)
        number = epoch if self.window_epochs is None else epoch % self.window_epochs
        n_windows = self.windows_per_lesion[Split.TRAIN]
        return _epoch_plan(index, self.quota, self.crops, self.seed, number, self.shared_windows, n_windows)

    def evaluation_plan(self, split: Split | None) -> Plan:
        """Rows of validation, test or the whole store or fold: the fixed windows of every lesion, or every image.

        Of a whole store or fold, lesions without a label are in the plan, too.
        """
        index = self.split_data(split).index
        if self.plan == "images":
            return image_plan(index, self.labels)
        n_windows = self.windows_per_lesion[split or Split.TEST]
        return _lesion_plan(index, self.crops, n_windows, EVALUATION_SEED, split is None)

    def train_dataloader(self) -> Loader:
        """Batches of the current epoch, this process's part of each; the trainer calls this in every epoch."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        dataset = self._dataset(Split.TRAIN, self.training_plan(epoch))
        n_images = len(dataset.reader.ids)
        dropped = {name: self.view_dropping.dropped(name, epoch, n_images) for name in STREAMS if name in self.columns}
        seed = self.seed + 1_000_003 * epoch
        group = self.windows_per_lesion[Split.TRAIN] if self.plan == "patches" else 1
        dataset = replace(dataset, dropped=dropped, intensity=self.intensity, seed=seed, group=group)
        rank, n = self._process
        timeout_s = self.workers_timeout_s
        return Loader(dataset, self.batch_size, self.workers, timeout_s=timeout_s, rank=rank, n_processes=n)

    def val_dataloader(self) -> Loader:
        """Batches of the validation split."""
        return self._evaluation_loader(Split.VAL)

    def test_dataloader(self) -> Loader:
        """Batches of the test split."""
        return self._evaluation_loader(Split.TEST)

    def predict_dataloader(self) -> Loader:
        """Batches of the validation split, on whose predictions thresholds are chosen."""
        return self._evaluation_loader(Split.VAL)

    def store_dataloader(self) -> Loader:
        """Batches of the whole store or fold, for scoring."""
        return self._evaluation_loader(None)

    def _evaluation_loader(self, split: Split | None) -> Loader:
        """The same loader in every epoch: its windows never change, and stay in memory while there is room."""
        if split not in self._evaluation_data:
            data, (rank, n_processes) = self._dataset(split, self.evaluation_plan(split)), self._process
            self._evaluation_data[split] = data.take(slice(rank, None, n_processes))
        if split not in self._evaluation_loaders:
            data = replace(self._evaluation_data[split], image_maps=self.image_maps)
            loader = Loader(data, self.eval_batch_size, self.workers, self.memory_bytes, self.workers_timeout_s)
            self._evaluation_loaders[split] = loader
        return self._evaluation_loaders[split]

    @property
    def _process(self) -> tuple[int, int]:
        """Number of this process, and the number of processes that train together."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _dataset(self, split: Split | None, plan: Plan) -> PlanDataset:
        """The rows of the plan; embeddings come for the whole plan, in its order."""
        reader = self.split_data(split).reader
        h: NDArray[np.float32] | None = None
        if "embedding" in self.columns and self.embeddings is not None:
            h = self.embeddings(plan, reader)
        return PlanDataset(plan, self.columns, reader, self.image_maps, embedding=h)


# Pure functions, whose results are never changed: they are cached, since the jobs of a sweep need the same ones.


@lru_cache(maxsize=len(Split))
def _split_tables(manifest: Manifest, fold: int | None, split: Split | None) -> tuple[Manifest, SamplingIndex]:
    """Manifest and sampling index of a split, or of all, of a store's manifest."""
    if split is not None:
        manifest = of_fold(manifest, fold).of_split(split)
    elif fold is not None:
        manifest = of_fold(manifest, fold).of_split(Split.TEST)
    return manifest, SamplingIndex.from_manifest(manifest)


@lru_cache(maxsize=len(Split))
def _lesion_plan(index: SamplingIndex, crops: CropSizes, n_windows: int, seed: int, with_unlabeled: bool) -> Plan:
    """lesion_plan with read-only arrays."""
    return lesion_plan(index, crops, n_windows, seed, with_unlabeled).read_only()


@lru_cache(maxsize=CACHED_PLANS)
def _epoch_plan(
    index: SamplingIndex, quota: Quota, crops: CropSizes, seed: int, epoch: int, shared: bool, n_windows: int
) -> Plan:
    """epoch_plan with read-only arrays."""
    return epoch_plan(index, quota, crops, seed, epoch, shared, n_windows).read_only()
