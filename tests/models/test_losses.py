"""Training losses against their formulas."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mammo.models.gmic import ByClass
from mammo.models.losses import GmicLoss, WeightedCrossEntropy, without_loss
from mammo.records import MammoError


def test_weighted_cross_entropy_is_a_weighted_mean_over_patches() -> None:
    rng = np.random.default_rng(0)
    logits, target, weights = rng.normal(size=(50, 4)), rng.integers(0, 4, 50), np.array([500.0, 285.7, 2.0, 2.02])
    loss = WeightedCrossEntropy(weights.tolist())(torch.tensor(logits).float(), torch.tensor(target))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -(weights[target] * log_p[np.arange(50), target]).sum() / weights[target].sum()
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_not_in_a_checkpoint() -> None:
    assert not WeightedCrossEntropy([1.0] * 4).state_dict()


def output(seed: int) -> tuple[SimpleNamespace, torch.Tensor]:
    """GMIC's predictions of three images on a grid of 4 x 5 cells, and their targets [3, 2]."""
    rng = torch.Generator().manual_seed(seed)
    names = ("y_global", "y_local", "y_fusion")
    predictions = {name: ByClass(*torch.rand(2, 3, generator=rng)) for name in names}
    saliency = ByClass(*torch.rand(2, 3, 4, 5, generator=rng))
    return SimpleNamespace(saliency=saliency, **predictions), torch.randint(0, 2, (3, 2), generator=rng).float()


def test_gmic_loss_is_the_mean_over_classes_of_three_bces_and_the_norm_of_the_map() -> None:
    given, target = output(0)
    for norm, scale in (("mean", 1 / 20), ("sum", 1)):
        expected = []
        for number, name in enumerate(("malignant", "benign")):
            predicted = [getattr(each, name) for each in (given.y_global, given.y_local, given.y_fusion)]
            bce = sum(functional.binary_cross_entropy(each, target[:, number]) for each in predicted)
            cells = sum(float(cell) for cell in getattr(given.saliency, name).flatten()) * scale
            expected.append(bce + 0.3 * cells / len(target))
        loss = GmicLoss(0.3, norm)(given, target)  # type: ignore[arg-type]
        torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_the_penalty_is_beta_times_the_mean_of_all_saliency_values() -> None:
    given, target = output(1)
    penalty = GmicLoss(0.3)(given, target) - GmicLoss(0.0)(given, target)  # type: ignore[arg-type]
    torch.testing.assert_close(penalty, 0.3 * given.saliency.stacked().mean())


def test_an_unknown_norm_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"^model\.loss\.saliency_norm=max: choose mean or sum$"):
        GmicLoss(0.3, "max")  # type: ignore[arg-type]


def test_the_weights_of_a_loss_are_left_out_for_inference() -> None:
    state = {"loss.scale": torch.ones(()), "lossy.weight": torch.ones(()), "backbone.loss.weight": torch.ones(())}
    assert set(without_loss(state)) == {"lossy.weight", "backbone.loss.weight"}
