"""Patch classifiers: loss against its formula, validation and class statistics against scikit-learn."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score
from torch import Tensor

from mammo.models.losses import WeightedCrossEntropy
from mammo.models.patch_classifier import PatchClassifier, PatchClassStats
from mammo.records import Batch, MammoError, PatchClass

WEIGHTS = (500.0, 285.7, 2.0, 2.02)


class Echo(PatchClassifier):
    """Returns the batch's column `logits` times one weight."""

    def __init__(self, class_weights: Sequence[float] = WEIGHTS) -> None:
        super().__init__(1e-3, WeightedCrossEntropy(class_weights))
        self.factor = torch.nn.Parameter(torch.ones(()))
        self.logged: dict[str, float] = {}

    def forward(self, batch: Batch) -> Tensor:
        return self.factor * batch["logits"]

    def log(self, name: str, value: object, *_: object, **__: object) -> None:  # type: ignore[override]
        self.logged[name] = torch.as_tensor(value, dtype=torch.float64).item()


def windows(n_lesions: int, n_windows: int, seed: int = 0) -> Batch:
    """All windows of lesions 3, 6, 9, ..., in random order."""
    generator = torch.Generator().manual_seed(seed)
    lesion = torch.arange(1, n_lesions + 1).mul(3).repeat_interleave(n_windows)
    rows = {
        "lesion": lesion,
        "repeat": torch.arange(n_windows).repeat(n_lesions),
        "target": torch.where(lesion % 2 == 0, int(PatchClass.MALIGNANT), int(PatchClass.BENIGN)),
        "logits": torch.randn(len(lesion), 4, generator=generator),
    }
    order = torch.randperm(len(lesion), generator=generator)
    return {name: column[order] for name, column in rows.items()}


def validate(network: Echo, batches: Sequence[Batch]) -> float:
    for number, batch in enumerate(batches):
        network.validation_step(batch, number)
    network.on_validation_epoch_end()
    return network.logged["val_auc"]


def test_the_loss_is_weighted_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(12, 4, generator=generator), torch.randint(0, 4, (12,), generator=generator)
    loss = Echo().training_step({"logits": logits, "target": target}, 0)
    p = np.exp(logits.double().numpy())
    p = p[np.arange(12), target] / p.sum(axis=1)
    weight = np.array(WEIGHTS)[target]
    assert loss.item() == pytest.approx((weight * -np.log(p)).sum() / weight.sum(), rel=1e-5)
    loss.backward()


def test_validation_is_the_auc_of_the_lesions_mean_scores() -> None:
    batch = windows(n_lesions=20, n_windows=7)
    network = Echo()
    parts = [{name: column[at : at + 33] for name, column in batch.items()} for at in range(0, 140, 33)]
    found = validate(network, parts)
    p = torch.softmax(batch["logits"].double(), dim=1).numpy()
    share = p[:, PatchClass.MALIGNANT] / (p[:, PatchClass.MALIGNANT] + p[:, PatchClass.BENIGN])
    lesions = np.unique(batch["lesion"])
    means = [share[batch["lesion"] == lesion].mean() for lesion in lesions]
    assert found == pytest.approx(roc_auc_score(lesions % 2 == 0, means), abs=1e-6)  # logged as float32
    assert network.scored is not None
    assert network.scored.row.tolist() == lesions.tolist()
    assert network.scored.scores.score == pytest.approx(means, abs=1e-6)
    assert network.scored.scores.n_windows.tolist() == [7] * 20


def test_repeated_windows_are_dropped() -> None:
    batch = windows(n_lesions=8, n_windows=5)
    once, padded = Echo(), Echo()
    repeats = {name: column[:9] for name, column in batch.items()}
    assert validate(once, [batch]) == validate(padded, [batch, repeats])
    assert once.scored is not None
    assert padded.scored is not None
    assert np.array_equal(once.scored.scores.score, padded.scored.scores.score)
    assert padded.scored.scores.n_windows.tolist() == [5] * 8


def test_each_validation_starts_without_rows() -> None:
    network, first, second = Echo(), windows(8, 5, seed=1), windows(8, 5, seed=2)
    validate(network, [first])
    assert validate(network, [second]) == validate(Echo(), [second])


def test_one_class_has_no_auc() -> None:
    benign = windows(8, 2)
    benign["target"][:] = int(PatchClass.BENIGN)
    assert np.isnan(validate(Echo(), [benign]))


def test_logits_that_are_not_numbers_are_rejected() -> None:
    batch = windows(4, 2)
    batch["logits"][3] = float("nan")
    with pytest.raises(MammoError, match="diverged"):
        validate(Echo(), [batch])


def test_adam_has_the_given_learning_rate() -> None:
    optimizer = Echo().configure_optimizers()
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.param_groups[0]["lr"] == 1e-3


def test_class_losses_and_confusion_equal_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(50, 4, generator=generator), torch.randint(0, 3, (50,), generator=generator)
    class_stats = PatchClassStats()
    for rows in torch.arange(50).split(7):
        class_stats.update(logits[rows], target[rows])
    loss, confusion = class_stats.compute()
    assert np.array_equal(confusion, confusion_matrix(target, logits.argmax(dim=1), labels=range(4)))
    p = torch.softmax(logits.double(), dim=1).numpy()
    for number in range(3):
        own = (target == number).numpy()
        expected = log_loss(target[own], p[own], labels=range(4))
        assert abs(loss[number].item() - expected) < 1e-6
    assert loss[3].isnan(), "a class without patches has no loss"


def test_class_losses_and_confusion_start_each_epoch_at_zero() -> None:
    network, batch = Echo(), windows(n_lesions=5, n_windows=1)
    for _ in range(2):
        network.on_train_epoch_start()
        network.training_step(batch, 0)
    assert network.class_stats.compute().confusion.sum() == 5


def test_predictions_hold_logits_lesions_windows_and_targets() -> None:
    batch = windows(n_lesions=3, n_windows=2)
    predicted = Echo().predict_step(batch, 0)
    for column, name in zip(predicted, ("logits", "lesion", "repeat", "target"), strict=True):
        assert torch.equal(column, batch[name])


def test_metric_states_are_not_in_checkpoints() -> None:
    network = Echo()
    network.validation_step(windows(4, 2), 0)
    assert list(network.state_dict()) == ["factor"]
