"""The networks that score lesions: a finished f_agg run with the f_loc and the context network that it reads, or f_loc.

Windows, patches and batches come from MammoDataModule, so that the scores are those of the run's own test.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import IMAGE_COLUMNS, Reader
from mammo.data.plans import Plan
from mammo.geometry import Frame
from mammo.maps.view_sources import KINDS, Kind
from mammo.models.context_network import ContextNetwork
from mammo.models.epoch_metrics import ScoredLesions, score_lesions
from mammo.models.floc import FLoc
from mammo.models.precision import inference_device
from mammo.progress import track
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.other_images import with_others
from mammo.training.build import datamodule_of, frame_of, traits_of
from mammo.training.configured_classes import read_config
from mammo.training.image_maps import image_map_sources
from mammo.training.precomputed import autocast, embed_plan, load_context, load_floc, saliency_maps
from mammo.training.results import Run
from mammo.training.run_dir import require_finished, scoring_run
from mammo.training.trained_networks import load_network

Role = Literal["own", "floc", "context"]
"""A network by what it does: the one that gives the score, the source of h, or that of saliency maps."""

SaliencyById = Mapping[str, NDArray[np.float32]]
"""S of images by image id: [2, rows, cols] each (malignant, benign), in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Scorer:
    """The networks of one run, loaded once.

    Attributes:
        run: the finished f_agg or f_loc run.
        cfg: its configuration.
        network: the network that gives the score.
        floc: the network that gives h of every window; None where the score needs none.
        context: the context network that gives saliency maps; None where the score needs none.
    """

    run: Run
    cfg: DictConfig
    network: pl.LightningModule
    floc: pl.LightningModule | None
    context: ContextNetwork | None

    @classmethod
    def load(cls, folder: Path, allowed: Sequence[str] = ()) -> "Scorer":
        """The networks of a finished run, and of the runs that it reads.

        Args:
            folder: of the run.
            allowed: packages that the runs' configurations may name classes of (allow_targets).

        Raises:
            MammoError: the folder holds no finished f_agg or f_loc run, one of its files was changed, one of its
                networks is missing, or a configuration names a class that is rejected.
        """
        run = scoring_run(folder)

        def network(role: Role) -> pl.LightningModule:
            if role == "floc":
                return load_floc(require_finished(_input(run, "floc"), "floc"), allowed)
            if role == "context":
                return load_context(_input(run, "context"), allowed)
            return load_network(folder, pl.LightningModule, allowed)

        return cls.of(run, read_config(folder, allowed), network)

    @classmethod
    def of(cls, run: Run, cfg: DictConfig, network: Callable[[Role], pl.LightningModule]) -> "Scorer":
        """The networks that a configuration needs, on the device that its trainer used, if this machine has one.

        Args:
            run: the run.
            cfg: its configuration.
            network: loads one of them.

        Raises:
            MammoError: the run has saliency maps that no context network made; or as `network`.
        """
        traits, device = traits_of(cfg), inference_device(cfg.trainer.accelerator)
        own, floc = network("own").to(device), None
        if "embedding" in traits.columns:
            floc = network("floc").to(device)
        elif traits.saves_embeddings:  # as in its own test, h comes first
            floc = own
        if not set(IMAGE_COLUMNS) & set(traits.columns):
            return cls(run, cfg, own, floc, None)
        _check_context(run, cfg)
        context = network("context").to(device)
        assert isinstance(context, ContextNetwork)
        return cls(run, cfg, own, floc, context)

    @property
    def frame(self) -> Frame:
        """The frame that the networks were trained in."""
        return frame_of(self.cfg)

    @property
    def other_images(self) -> tuple[Kind, ...]:
        """The other images of the exam that the score depends on: ipsi and contra, one of them or none."""
        columns = traits_of(self.cfg).columns
        return tuple(kind for kind in KINDS if kind in columns)

    @property
    def trained_on_phantoms(self) -> bool:
        """Whether the training images were synthetic, so that the scores say nothing about patients."""
        return "phantom" in self.run.data.split("+")

    @property
    def training_store(self) -> Path | None:
        """The store that the run was trained on, beside the run or where its configuration says; None if it is gone."""
        if "store" not in self.cfg:  # of a bundle, which no store belongs to
            return None
        stores = [self.run.folder.resolve().parents[1] / "store", Path(self.cfg.store)]
        return next((store for store in stores if (store / "store.json").is_file()), None)

    def datamodule(
        self, store: Path, n_windows: int, fold: int | None = None, manifest: Manifest | None = None
    ) -> MammoDataModule:
        """The datamodule that serves the lesions of a store of the same frame.

        Args:
            store: the image store, split or not.
            n_windows: windows per lesion (the paper: 100).
            fold: serve only the images of this fold; None for all.
            manifest: tables in place of the store's own; None for those.

        Raises:
            MammoError: the store is of another frame, or has no such fold.
        """
        cfg = deepcopy(self.cfg)
        cfg.store, cfg.fold = str(store), fold
        cfg.windows_per_lesion = {"val": n_windows, "test": n_windows}
        embeddings = None if self.floc is None else partial(self._embeddings, self.floc)
        data = datamodule_of(cfg, manifest, embeddings=embeddings if self.floc is self.network else None)
        data.embeddings = embeddings
        data.split_data(None).manifest.check_frame(self.frame, str(self.run.folder), store)
        return data

    def _embeddings(self, floc: pl.LightningModule, plan: Plan, reader: Reader) -> NDArray[np.float32]:
        """The h of every row of the plan, float32 [N, K]; reader reads its patches."""
        return embed_plan(floc, plan, reader, self.cfg.trainer.precision)

    def saliency(self, store: Path, manifest: Manifest, image_ids: Sequence[str]) -> SaliencyById:
        """S of images, [2, rows, cols] each; empty without a context network.

        S of the other images of their exams, as far as the store has them, is added where the score depends on it.

        Args:
            store: the image store.
            manifest: its tables.
            image_ids: the images.
        """
        if self.context is None:
            return {}
        if self.other_images:
            image_ids = with_others(manifest.images, image_ids, self.other_images)
        maps = saliency_maps(self.context, store, manifest, image_ids, self.cfg.trainer.precision)
        if len(image_ids) > 1:
            maps = track(maps, "saliency", len(image_ids))
        return dict(maps)

    def score(self, data: MammoDataModule, saliency: SaliencyById) -> ScoredLesions:
        """Score every lesion of the datamodule's store, labeled or not.

        Args:
            data: of Scorer.datamodule.
            saliency: of Scorer.saliency for the images with lesions, [2, rows, cols] each.
        """
        manifest, own = data.split_data(None).manifest, partial(_stacked, saliency)
        data.image_maps = image_map_sources(self.cfg, manifest, own, traits_of(self.cfg).columns)
        return self._scored(self.network, data)

    def representations(self, data: MammoDataModule) -> NDArray[np.float32] | None:
        """The h [N, K] of every window of a datamodule's store, computed once for it; None without f_loc."""
        return None if self.floc is None else data.store_dataloader().dataset.embedding

    def score_without_context(self, data: MammoDataModule) -> ScoredLesions | None:
        """The scores of the same windows by f_loc alone, after `score`; None where no context network is used.

        None, too, where f_loc is of a class of the user's own, which need not classify h.
        """
        if self.context is None or not isinstance(self.floc, FLoc):
            return None
        return self._scored(self.floc, data)

    def _scored(self, network: pl.LightningModule, data: MammoDataModule) -> ScoredLesions:
        loader = data.store_dataloader()
        batches = track(loader, "scores", len(loader), "batches") if len(loader) > 1 else loader
        with torch.inference_mode(), autocast(network, self.cfg.trainer.precision):
            return score_lesions(
                network.predict_step({name: column.to(network.device) for name, column in batch.items()}, number)
                for number, batch in enumerate(batches)
            )


def _check_context(run: Run, cfg: DictConfig) -> None:
    """Check that the maps of images of an f_agg run come from a context network, which can make those of any image."""
    if cfg.context.source != "gmic":
        raise MammoError(
            f"{run.folder} was trained with context={cfg.context.source}, which has no maps for other images: "
            "score with a run of context=gmic"
        )


def _input(run: Run, name: str) -> Path:
    """The path of a network that a run reads; MammoError where its result does not name it."""
    if name not in run.reads:
        raise MammoError(f"{run.folder / 'result.json'} has no reads.{name}, which it scores with: train the run again")
    return run.folder / run.reads[name]


def _stacked(maps: SaliencyById, image_ids: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([maps[image_id] for image_id in image_ids])
