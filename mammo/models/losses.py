"""Training losses: weighted cross-entropy of patches, and GMIC's loss of whole images."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.gmic import GmicOutput
from mammo.records import MammoError


class WeightedCrossEntropy(nn.Module):
    """Cross-entropy over the four patch classes, each weighted by the inverse of its share of an epoch.

    The weighted sum over a batch is divided by the batch's own sum of weights, as in PyTorch, or by the sum that a
    batch of as many rows has on average over an epoch. With the first, a batch without lesions counts as much as one
    with, so that lesions have less than their share of an epoch's loss; with the second, every class has the same.

    Args:
        class_weights: weight of each PatchClass (paper, Model training).
        class_shares: share of each PatchClass in an epoch, in [0, 1].
        normalize: "batch" or "epoch", by which sum of weights to divide. The paper does not say.

    Raises:
        MammoError: normalize is unknown.
    """

    class_weights: Tensor

    def __init__(
        self,
        class_weights: Sequence[float],
        class_shares: Sequence[float],
        normalize: Literal["batch", "epoch"] = "batch",
    ) -> None:
        super().__init__()
        if normalize not in ("batch", "epoch"):
            raise MammoError(f"model.loss.normalize={normalize}: choose batch or epoch")
        self.register_buffer("class_weights", torch.tensor(class_weights, dtype=torch.float32), persistent=False)
        self.mean_weight = sum(weight * share for weight, share in zip(class_weights, class_shares, strict=True))
        self.normalize = normalize

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss, float32 [], of logits float32 [B, 4] and targets int64 [B], both by PatchClass."""
        if self.normalize == "batch":
            return functional.cross_entropy(logits, target, weight=self.class_weights)
        return functional.cross_entropy(logits, target, self.class_weights, reduction="sum") / self.divisor(target)

    def divisor(self, target: Tensor) -> Tensor | float:
        """The sum of weights that the weighted sum over targets int64 [B] is divided by; 0 for B = 0."""
        return self.class_weights[target].sum() if self.normalize == "batch" else len(target) * self.mean_weight


def mean_of_windows(logits: Tensor, n_groups: int) -> Tensor:
    """Logits [G, C] whose softmax is the mean of those of each group of windows, as a lesion's score is a mean.

    A network that is trained on single windows weighs the parts of its input by what one window shows. A lesion is
    scored by the mean over many, in which what differs between windows, h, is known better, and what is the same for
    all of them, the maps of the image, is not.

    Args:
        logits: [G * K, C], the K windows of a group one after another; returned as they are for K = 1.
        n_groups: G.
    """
    if len(logits) == n_groups:
        return logits
    n_windows = len(logits) // n_groups
    return logits.log_softmax(dim=1).view(n_groups, n_windows, -1).logsumexp(dim=1) - log(n_windows)


class GmicLoss(nn.Module):
    """BCE of the global, local and fused predictions, plus beta times the L1 norm of the saliency map, for each class.

    The loss is the mean over the classes, so that with the mean over cells the penalty is beta times the mean of the
    saliency maps, as an author of GMIC describes it in the issues of github.com/nyukat/GMIC. beta then has the same
    effect on every grid; the sum is 1,380 times as strong on 46 x 30 cells.

    Args:
        beta: weight of the norm.
        saliency_norm: "mean" or "sum" over the cells of a map; averaged over the classes and the images.

    Raises:
        MammoError: saliency_norm is unknown.
    """

    def __init__(self, beta: float = 3.26e-6, saliency_norm: Literal["mean", "sum"] = "mean") -> None:
        super().__init__()
        if saliency_norm not in ("mean", "sum"):
            raise MammoError(f"model.loss.saliency_norm={saliency_norm}: choose mean or sum")
        self.beta, self.saliency_norm = beta, saliency_norm

    def forward(self, output: GmicOutput, target: Tensor) -> Tensor:
        """The loss, float32 [], of a forward pass and targets float32 [B, 2] in {0, 1}, malignant and benign."""
        predictions = (output.y_global, output.y_local, output.y_fusion)
        bce = sum(functional.binary_cross_entropy(each.stacked(), target) for each in predictions)
        saliency = output.saliency.stacked().flatten(2)
        norm = saliency.sum(dim=2) if self.saliency_norm == "sum" else saliency.mean(dim=2)
        loss: Tensor = bce + self.beta * norm.mean(dim=1).mean()
        return loss


def without_loss(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Saved weights [O, ...] by name, without those of the loss, which only training needs."""
    return {name: value for name, value in state.items() if not name.startswith("loss.")}
