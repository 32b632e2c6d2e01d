"""Area under the ROC curve over lesions, from the logits of their crop windows, as a torchmetrics metric."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mammo.models.distributed import gather_rows
from mammo.records import PatchClass
from mammo.scoring.lesion_score import LesionScores, lesion_scores
from mammo.scoring.metrics import auc


class WindowPredictions(NamedTuple):
    """Logits of a batch of crop windows and their lesions: the arguments of LesionAUROC.update."""

    logits: Tensor
    """float32 [B, 4] by PatchClass."""
    lesion: Tensor
    """int64 [B], each window's lesion, by row of the lesion table of the store."""
    window: Tensor
    """int64 [B], each window's number within its lesion."""
    target: Tensor
    """int64 [B], the lesion's PatchClass."""


class ScoredLesions(NamedTuple):
    """Lesions with their labels and scores."""

    row: Tensor
    """int64 [L], each lesion's row in the lesion table of the store, ascending."""
    malignant: Tensor
    """int64 [L], 1 for a malignant lesion, else 0."""
    scores: LesionScores
    """Scores of the lesions and windows; `scores.lesion` is an index into `row`."""


class LesionAUROC(Metric):
    """AUC of the lesion score, which is the mean over a lesion's windows of p_malignant / (p_malignant + p_benign).

    The rows of all batches stay on the CPU until `reset`. With several processes every one computes from the rows of
    all. Repeats of a (lesion, window) are dropped: a distributed sampler pads its shards with them.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    logits: list[Tensor]
    lesion: list[Tensor]
    window: list[Tensor]
    target: list[Tensor]

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gather_rows)
        for name in ("logits", "lesion", "window", "target"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self._scored: ScoredLesions | None = None

    def update(self, logits: Tensor, lesion: Tensor, window: Tensor, target: Tensor) -> None:
        """Add one batch of windows.

        Args:
            logits: float [B, 4] by PatchClass.
            lesion: int64 [B], each window's lesion, by row of the lesion table.
            window: int64 [B], each window's number within its lesion.
            target: int64 [B], the lesion's PatchClass.
        """
        self.logits.append(logits.detach().cpu())
        self.lesion.append(lesion.cpu())
        self.window.append(window.cpu())
        self.target.append(target.cpu())

    def compute(self) -> Tensor:
        """AUC over the lesions [L], float64 [] in [0, 1]; NaN if a class is missing.

        Raises:
            MammoError: as mammo.scoring.lesion_score.lesion_scores.
        """
        logits, lesion, target = dim_zero_cat(self.logits), dim_zero_cat(self.lesion), dim_zero_cat(self.target)
        row, number = torch.unique(lesion, return_inverse=True)
        malignant = torch.zeros(len(row), dtype=torch.int64)
        malignant[number] = (target == PatchClass.MALIGNANT).long()
        scores = lesion_scores(
            number.numpy(),
            dim_zero_cat(self.window).numpy(),
            logits[:, PatchClass.MALIGNANT].double().numpy(),
            logits[:, PatchClass.BENIGN].double().numpy(),
            len(row),
        )
        self._scored = ScoredLesions(row, malignant, scores)
        return torch.tensor(auc(malignant.numpy(), scores.score), dtype=torch.float64)

    def lesion_scores(self) -> ScoredLesions:
        """The lesions behind the AUC, from all processes: row [L], malignant [L] and scores [L].

        Raises:
            MammoError: as compute.
        """
        self.compute()
        assert self._scored is not None
        return self._scored

    def reset(self) -> None:
        """Delete all rows."""
        super().reset()
        self._scored = None


def score_lesions(predictions: Iterable[WindowPredictions]) -> ScoredLesions:
    """Score lesions by the predictions of all batches; processes that train together must call this together.

    Returns:
        row [L], malignant [L] and scores [L] of the lesions of all processes.
    """
    auroc = LesionAUROC()
    for batch in predictions:
        auroc.update(*batch)
    return auroc.lesion_scores()
