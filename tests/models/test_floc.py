"""f_loc: representation h, logits, and initial weights."""

from pathlib import Path

import pytest
import timm
import torch

from mammo.models.floc import FLoc
from mammo.records import FULL_SCALE

SMALL = {
    "name": "preact_resnet",
    "init": "he",
    "arguments": {"stem": [3, 1], "stem_width": 8, "pool": False, "widths": [8, 16], "strides": [1, 2], "blocks": 1},
}


@pytest.fixture
def network() -> FLoc:
    torch.manual_seed(0)
    return FLoc(SMALL, 1e-3).eval()


@pytest.fixture
def patch() -> torch.Tensor:
    return torch.randint(0, FULL_SCALE + 1, (5, 1, 32, 32), dtype=torch.int32).to(torch.uint16)


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
