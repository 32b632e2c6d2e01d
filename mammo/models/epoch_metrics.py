"""Metrics of an epoch, as torchmetrics metrics: lesion and image AUC, loss and confusion of the patch classes.

In training in several processes every process computes from the rows of all.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mammo.records import MammoError, PatchClass
from mammo.scoring.lesion_score import LesionScores, lesion_scores
from mammo.scoring.metrics import auc

LOGGED_FNRS = (0.01, 0.02, 0.05)
"""False negative rates at which the true negative rate is logged (three of the paper's Table 2)."""


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


class ScoredImages(NamedTuple):
    """Images with their labels and scores; classes in the order malignant, benign."""

    row: Tensor
    """int64 [N], each image's row in the image table of the store, ascending."""
    target: Tensor
    """[N, 2] in {0, 1}, labels of the images (SamplingIndex.image_labels)."""
    score: Tensor
    """float64 [N, 2] in [0, 1]."""


class ImageAUROC(Metric):
    """AUC over images of each class, malignant and benign.

    The rows of all batches stay on the CPU until `reset`. With several processes every one computes from the rows of
    all. Repeats of an image are dropped: a distributed sampler pads its shards with them.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    image_row: list[Tensor]
    score: list[Tensor]
    target: list[Tensor]

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gather_rows)
        for name in ("image_row", "score", "target"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, image_row: Tensor, score: Tensor, target: Tensor) -> None:
        """Add one batch of images.

        Args:
            image_row: int64 [B], each image's row in the image table.
            score: float [B, 2] in [0, 1], of malignant and benign.
            target: [B, 2] in {0, 1}, likewise.
        """
        self.image_row.append(image_row.cpu())
        self.score.append(score.detach().cpu())
        self.target.append(target.cpu())

    def compute(self) -> Tensor:
        """AUC of malignant and of benign, float64 [2] in [0, 1]; NaN if all images or none show the class.

        Raises:
            MammoError: a score is not a number.
        """
        scored = self._scored = self._once()
        if n_bad := int(scored.score.isnan().any(dim=1).sum()):
            raise MammoError(
                f"the scores of {n_bad} of {len(scored.score)} images are not a number; the network diverged: train it "
                "with a lower learning rate (model.lr)"
            )
        pairs = zip(scored.target.T.numpy(), scored.score.T.numpy(), strict=True)
        return torch.tensor([auc(target, score) for target, score in pairs], dtype=torch.float64)

    def image_scores(self) -> ScoredImages:
        """The images behind the AUCs, from all processes: row [N], target [N, 2] and score [N, 2] in [0, 1]."""
        self.compute()
        return self._scored

    def _once(self) -> ScoredImages:
        """Each image once, in order of its row."""
        rows, first = np.unique(dim_zero_cat(self.image_row).numpy(), return_index=True)
        score, target = dim_zero_cat(self.score)[first], dim_zero_cat(self.target)[first]
        return ScoredImages(torch.from_numpy(rows), target, score.double())


class ClassStats(NamedTuple):
    """Losses and confusion of the four patch classes over an epoch."""

    loss: Tensor
    """float64 [4], mean cross-entropy of each class, NaN if it did not occur."""
    confusion: Tensor
    """int64 [4, 4], number of patches by true class (row) and by the class of the largest logit (column)."""


class PatchClassStats(Metric):
    """Loss and confusion of the four patch classes in training.

    The sums stay on the network's device, so that no training step waits for a transfer.
    """

    full_state_update = False

    loss_sum: Tensor
    confusion: Tensor

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gather_rows)
        n = len(PatchClass)
        self.add_state("loss_sum", torch.zeros(n, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("confusion", torch.zeros(n, n, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count one batch: logits float [B, 4] by PatchClass, target int64 [B]."""
        n = len(PatchClass)
        each = functional.cross_entropy(logits, target, reduction="none").double()
        losses = torch.zeros(n, dtype=torch.float64, device=each.device).index_add_(0, target, each)
        # Not bincount, which waits for a GPU to know the size of its result.
        cells = target * n + logits.argmax(dim=1)
        confused = cells.new_zeros(n * n).index_add_(0, cells, torch.ones_like(cells))
        self.loss_sum, self.confusion = self.loss_sum + losses, self.confusion + confused.view(n, n)

    def compute(self) -> ClassStats:
        """Loss [4] and confusion [4, 4] over all batches since `reset`, from all processes."""
        loss_sum, confusion = self.loss_sum.cpu(), self.confusion.cpu()
        return ClassStats(loss_sum / confusion.sum(dim=1), confusion)


def gather_rows(rows: Tensor, group: Any = None) -> list[Tensor]:  # noqa: ANN401
    """Gather a tensor from every process, as `dist_sync_fn` of a torchmetrics metric.

    Unlike torchmetrics' own function it accepts CPU tensors with every backend, NCCL included, and leaves out the empty
    float placeholder of a process without rows, which would turn the integers of the others into floats.

    Args:
        rows: [N, ...] on any device; N may differ between processes.
        group: the process group, or None for all processes.

    Returns:
        The tensors [N, ...] that are not empty, on the CPU, in rank order, values and types unchanged.
    """
    gathered: list[Tensor] = [rows] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(gathered, rows.cpu(), group)
    return [part for part in gathered if part.numel()]
