"""Training losses against their formulas."""

from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from mammo.data.plans import Quota
from mammo.models.gmic import ByClass
from mammo.models.losses import GmicLoss, WeightedCrossEntropy, mean_of_windows, without_loss
from mammo.records import MammoError


def test_weighted_cross_entropy_is_a_weighted_mean_over_patches() -> None:
    rng = np.random.default_rng(0)
    logits, target, weights = rng.normal(size=(50, 4)), rng.integers(0, 4, 50), np.array([500.0, 285.7, 2.0, 2.02])
    loss = WeightedCrossEntropy(weights.tolist(), 1 / weights)(torch.tensor(logits).float(), torch.tensor(target))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -(weights[target] * log_p[np.arange(50), target]).sum() / weights[target].sum()
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_not_in_a_checkpoint() -> None:
    assert not WeightedCrossEntropy([1.0] * 4, [0.25] * 4).state_dict()


@pytest.mark.parametrize(
    ("normalize", "batch_size", "percent"),
    [
        ("batch", 25, (4.3, 7.0, 44.3, 44.3)),
        ("batch", 100, (12, 17, 36, 36)),
        ("epoch", 25, (25, 25, 25, 25)),
        ("epoch", 100, (25, 25, 25, 25)),
    ],
)
def test_shares_of_the_classes_in_an_epochs_loss(
    normalize: Literal["batch", "epoch"], batch_size: int, percent: tuple[float, ...]
) -> None:
    # The network is undecided, so that every patch has the same cross-entropy, log 4. The gradient of the loss by the
    # logit of the true class is then -3/4 of a patch's weight, divided by what the batch is divided by.
    quota, n_epochs = Quota(), 20
    loss = WeightedCrossEntropy(quota.class_weights, quota.class_shares, normalize)
    rng, found, brute = np.random.default_rng(0), np.zeros(4), np.zeros(4)
    weights = np.array(quota.class_weights)
    for _ in range(n_epochs):
        epoch = rng.permutation(np.repeat(np.arange(4), quota.counts)).reshape(-1, batch_size)
        for target in epoch:
            logits = torch.zeros(batch_size, 4, requires_grad=True)
            loss(logits, torch.from_numpy(target)).backward()
            of_patch = logits.grad.numpy()[np.arange(batch_size), target] / -0.75  # type: ignore[union-attr]
            found += np.bincount(target, of_patch, 4)
            divisor = weights[target].sum() if normalize == "batch" else batch_size * weights[epoch].mean()
            brute += np.bincount(target, weights[target], 4) / divisor
    assert found / len(epoch) / n_epochs == pytest.approx(brute / len(epoch) / n_epochs, rel=1e-4)
    assert found.sum() / len(epoch) / n_epochs == pytest.approx(1, rel=1e-4)  # both leave the size of the loss
    assert 100 * found / found.sum() == pytest.approx(percent, abs=0.6)


@pytest.mark.parametrize("normalize", ["batch", "epoch"])
def test_the_divisor_turns_a_batchs_loss_into_its_weighted_sum(normalize: Literal["batch", "epoch"]) -> None:
    logits, target = torch.randn(10, 4, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 4
    loss = WeightedCrossEntropy([8.0, 4.0, 2.0, 8.0], [1 / 8, 1 / 4, 1 / 2, 1 / 8], normalize)
    total = functional.cross_entropy(logits, target, loss.class_weights, reduction="sum")
    assert float(loss(logits, target) * loss.divisor(target)) == pytest.approx(float(total))
    assert float(loss.divisor(target[:0])) == 0


def test_an_unknown_normalization_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"^model\.loss\.normalize=none: choose batch or epoch$"):
        WeightedCrossEntropy([1.0] * 4, [0.25] * 4, "none")  # type: ignore[arg-type]


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


def test_the_mean_of_windows_is_that_of_their_probabilities() -> None:
    logits = torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = mean_of_windows(logits, 3)
    expected = [sum(logits[4 * group + k].softmax(dim=0) for k in range(4)) / 4 for group in range(3)]
    assert torch.allclose(found.softmax(dim=1), torch.stack(expected), atol=1e-12)
    assert mean_of_windows(logits, 12) is logits
