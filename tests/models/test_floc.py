"""f_loc: representation h, logits, and initial weights; the base class: loss and validation by their definitions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from mammo.models.floc import FLoc, PatchClassifier
from mammo.models.losses import WeightedCrossEntropy
from mammo.records import FULL_SCALE, Batch, MammoError, PatchClass

SMALL = {
    "name": "preact_resnet",
    "init": "he",
    "arguments": {"stem": [3, 1], "stem_width": 8, "pool": False, "widths": [8, 16], "strides": [1, 2], "blocks": 1},
}

WEIGHTS = (500.0, 285.7, 2.0, 2.02)


@pytest.fixture
def network() -> FLoc:
    torch.manual_seed(0)
    return FLoc(SMALL, 1e-3).eval()


@pytest.fixture
def patch() -> torch.Tensor:
    return torch.randint(0, FULL_SCALE + 1, (5, 1, 32, 32), dtype=torch.int32).to(torch.uint16)


class Echo(PatchClassifier):
    """Returns the batch's column `logits` times one weight."""

    def __init__(self, class_weights: Sequence[float] = WEIGHTS) -> None:
        super().__init__(1e-3, WeightedCrossEntropy(class_weights, [1 / weight for weight in class_weights]))
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


def test_h_has_32_numbers_of_both_signs(network: FLoc, patch: torch.Tensor) -> None:
    h = network.represent(patch)
    assert h.shape == (5, 32)
    assert h.dtype == torch.float32
    assert (h < 0).any()
    assert (h > 0).any()


def test_logits_are_one_linear_layer_of_h(network: FLoc, patch: torch.Tensor) -> None:
    logits = network(patch)
    expected = network.represent(patch) @ network.classifier.weight.T + network.classifier.bias
    assert logits.shape == (5, 4)
    assert torch.allclose(logits, expected, atol=1e-6)


def test_stored_h_gives_the_same_logits(network: FLoc, patch: torch.Tensor) -> None:
    assert torch.equal(network.batch_logits({"embedding": network.represent(patch)}), network(patch))
    assert torch.equal(network.batch_logits({"patch": patch}), network(patch))


def test_float_patches_of_the_same_gray_values_give_the_same_logits(network: FLoc, patch: torch.Tensor) -> None:
    assert torch.equal(network(patch.float()), network(patch))


def test_h_and_logits_are_float32_in_mixed_precision(network: FLoc, patch: torch.Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        h, logits = network.represent(patch), network(patch)
        assert torch.equal(logits, network.batch_logits({"embedding": h}))
    assert h.dtype == logits.dtype == torch.float32
    assert not torch.equal(h, h.bfloat16().float())


def test_the_backbone_sees_gray_values_between_0_and_1(network: FLoc) -> None:
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    network.represent(torch.tensor([0, FULL_SCALE] * 512, dtype=torch.int32).to(torch.uint16).view(1, 1, 32, 32))
    assert seen[0].unique().tolist() == [0.0, 1.0]


def test_only_the_last_two_layers_are_random(tmp_path: Path) -> None:
    torch.save(timm.create_model("densenet121").state_dict(), tmp_path / "weights.pth")
    backbone = {"name": "densenet121", "init": "imagenet", "pretrained_file": str(tmp_path / "weights.pth")}
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(FLoc(backbone, 1e-5).state_dict())
    differ = {name for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert differ == {"representation.weight", "classifier.weight"}


def test_a_checkpoint_is_enough_to_rebuild_the_network(network: FLoc, patch: torch.Tensor) -> None:
    again = FLoc(**network.hparams).eval()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.represent(patch), network.represent(patch))


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
