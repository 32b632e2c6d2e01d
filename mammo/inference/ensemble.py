"""One or several trainings of one model, whose scores of a lesion are averaged."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.datamodule import MammoDataModule
from mammo.geometry import Frame
from mammo.inference.bundle import Bundle, is_bundle
from mammo.inference.bundle_facts import BundleFacts
from mammo.inference.bundle_members import bundled_scorer, check_members
from mammo.inference.scorer import SaliencyById, Scorer
from mammo.inference.training_images import TrainingImages
from mammo.models.epoch_metrics import ScoredLesions
from mammo.records import Floats, MammoError
from mammo.scoring.lesion_score import mean_over_windows
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold
from mammo.training.results import Run
from mammo.training.run_dir import scoring_run


@dataclass(frozen=True, eq=False)
class EnsembleScores:
    """Scores of lesions by an ensemble.

    Attributes:
        mean: scores over all members; a window's score is the mean over them.
        members: scores by each member, of the same lesions in the same order.
        without_context: the mean of the scores of each member's f_loc alone; None where it has none.
    """

    mean: ScoredLesions
    members: tuple[ScoredLesions, ...]
    without_context: ScoredLesions | None

    def sd_seeds(self) -> Floats | None:
        """Standard deviation [L] of the score over the members, in [0, 0.5]; None with one member."""
        scores = np.stack([member.scores.score for member in self.members])
        return scores.std(axis=0) if len(scores) > 1 else None


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The networks of one or several trainings.

    Attributes:
        members: of one frame and the same sizes of windows; at least one.
        bundle: that they come from; None for a run folder.
    """

    members: tuple[Scorer, ...]
    bundle: Bundle | None = None

    @classmethod
    def load(cls, path: Path, allowed: Sequence[str] = ()) -> "Ensemble":
        """The networks of a bundle, or of the folder of a finished run.

        Args:
            path: of the bundle or folder.
            allowed: packages that a configuration may name classes of (allow_targets).

        Raises:
            MammoError: as Bundle.open, bundled_scorer and check_members, or as Scorer.load.
        """
        if not is_bundle(path):
            return cls((Scorer.load(path, allowed),))
        bundle = Bundle.open(path)
        members = bundle.part("members", list)
        scorers = tuple(bundled_scorer(bundle, number, allowed) for number in range(len(members)))
        check_members(bundle, scorers)
        return cls(scorers, bundle)

    @property
    def run(self) -> Run:
        """The first member's run: name, maps, data set and so on."""
        return self.members[0].run

    @property
    def name(self) -> str:
        """The name of the bundle, or of the run."""
        return self.run.name if self.bundle is None else self.bundle.part("name", str)

    @property
    def frame(self) -> Frame:
        """The frame of the networks."""
        return self.members[0].frame

    @cached_property
    def training_images(self) -> TrainingImages | None:
        """The images that it was trained or selected on; None where the store of a run is gone or of another format."""
        if self.bundle is not None:
            return BundleFacts.of(self.bundle).images
        if (store := self.members[0].training_store) is None:
            return None
        with suppress(MammoError):
            return TrainingImages.of(of_fold(Manifest.load(store), self.run.fold), salt=self.run.store)
        return None

    @property
    def trained_on_phantoms(self) -> bool:
        """Whether the training images were synthetic, so that the scores say nothing about patients."""
        return any(member.trained_on_phantoms for member in self.members)

    def datamodules(
        self, store: Path, n_windows: int, fold: int | None = None, manifest: Manifest | None = None
    ) -> list[MammoDataModule]:
        """The datamodule of each member, as Scorer.datamodule; all have the same windows."""
        return [member.datamodule(store, n_windows, fold, manifest) for member in self.members]

    def saliency(self, store: Path, manifest: Manifest, image_ids: Sequence[str]) -> list[SaliencyById]:
        """S [2, rows, cols] of images by each member, as Scorer.saliency."""
        return [member.saliency(store, manifest, image_ids) for member in self.members]

    def score(
        self, data: Sequence[MammoDataModule], saliency: Sequence[SaliencyById], without_context: bool = False
    ) -> EnsembleScores:
        """Score every lesion of the datamodules' store.

        Args:
            data: of datamodules.
            saliency: of the images with lesions, [2, rows, cols] each, of each member.
            without_context: whether f_loc alone scores them, too.
        """
        each = list(zip(self.members, data, saliency, strict=True))
        members = tuple(member.score(own, maps) for member, own, maps in each)
        local = [member.score_without_context(own) for member, own, _ in each] if without_context else [None]
        found = [one for one in local if one is not None]
        return EnsembleScores(averaged(members), members, averaged(found) if len(found) == len(each) else None)

    def representations(self, data: Sequence[MammoDataModule]) -> Floats | None:
        """The h [N, K] of every window of the store of datamodules, those of the members one after the other.

        None where one of them has no f_loc. What `score` has computed is not computed again.
        """
        each = [member.representations(own) for member, own in zip(self.members, data, strict=True)]
        found = [h for h in each if h is not None]
        return np.concatenate(found, axis=1, dtype=np.float64) if len(found) == len(each) else None


def scoring_model(path: Path) -> Path:
    """The path of a whole bundle, or of the folder of a finished f_agg or f_loc run; MammoError where it is neither."""
    return Bundle.open(path).path if is_bundle(path) else scoring_run(path).folder


def averaged(scored: Sequence[ScoredLesions]) -> ScoredLesions:
    """Scores of the same windows by several networks, averaged window by window."""
    first = scored[0]
    if len(scored) == 1:
        return first
    windows = np.mean([each.scores.window_score for each in scored], axis=0)
    scores = mean_over_windows(first.scores.lesion, first.scores.window, windows, len(first.row))
    return first._replace(scores=scores)


def mean_saliency(saliency: Sequence[SaliencyById], image_id: str) -> NDArray[np.float32] | None:
    """The mean over the members of an image's S, float32 [2, rows, cols] in [0, 1]; None without a context network."""
    maps = [each[image_id] for each in saliency if image_id in each]
    return np.mean(maps, axis=0, dtype=np.float32) if maps else None
