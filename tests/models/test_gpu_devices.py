"""Networks on a pretended GPU: their tensors have its device and no content, so that no GPU is needed.

An operation between a tensor there and one that was left on the CPU is an error, and so is one that has to wait for a
value, which would stop a GPU's queue in every step.
"""

from dataclasses import asdict

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mammo.geometry import Frame
from mammo.maps import stack
from mammo.models import fagg
from mammo.models.context_network import ContextNetwork
from mammo.models.epoch_metrics import PatchClassStats
from mammo.models.fagg import FAgg
from mammo.models.floc import FLoc
from mammo.models.gmic import GmicSizes
from mammo.models.losses import WeightedCrossEntropy

GPU = torch.device("cuda:0")
FRAME = {"height": 368, "width": 240, "cell_px": 8}
SIZES = GmicSizes(
    widths=(16, 32, 32), strides=(1, 2, 1), blocks=1, local_widths=(16, 32), attention=8, breast_only=True
)


@pytest.fixture
def mode() -> FakeTensorMode:
    return FakeTensorMode()


def moved(value: Tensor, mode: FakeTensorMode) -> Tensor:
    pretended = mode.from_tensor(value.detach())
    with mode:
        return pretended.to(GPU)


def on_gpu(network: nn.Module, mode: FakeTensorMode) -> nn.Module:
    for module in network.modules():
        for name, weight in module._parameters.items():
            module._parameters[name] = None if weight is None else nn.Parameter(moved(weight, mode))
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else moved(buffer, mode)
        if isinstance(module, pl.LightningModule):
            module._device = GPU
    return network


def test_floc_and_its_loss(mode: FakeTensorMode) -> None:
    backbone = {"name": "resnetv2_50.a1h_in1k", "init": "he", "channels": 1}  # channels of different means
    network = on_gpu(FLoc(backbone, 1e-3, WeightedCrossEntropy([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], "epoch")), mode)
    with mode:
        patch = torch.empty(2, 1, 64, 64, dtype=torch.uint16, device=GPU)
        target = torch.empty(2, dtype=torch.int64, device=GPU)
        assert network.loss(network(patch), target).device == GPU  # type: ignore[operator]


@pytest.mark.parametrize("checkpointed", [False, True])
def test_the_context_network_and_its_loss(checkpointed: bool, mode: FakeTensorMode) -> None:
    network = ContextNetwork(asdict(SIZES), FRAME, 1e-4, checkpoint_activations=checkpointed)
    on_gpu(network, mode)
    with mode:
        output = network(torch.empty(2, 1, 368, 240, dtype=torch.uint16, device=GPU))
        assert network.loss(output, torch.empty(2, 2, device=GPU)).device == GPU


@pytest.mark.parametrize("is_trained", [False, True])
def test_fagg(is_trained: bool, mode: FakeTensorMode, monkeypatch: pytest.MonkeyPatch) -> None:
    network = on_gpu(FAgg(("loc", "sal", "emb"), FRAME, 1e-3).train(is_trained), mode)
    with mode:
        # The size of the parts depends on the windows, so that their making does wait for the GPU.
        parts = stack.PartialLocationMaps(
            torch.zeros(6, 2, dtype=torch.int64, device=GPU), torch.empty(6, 1, 5, 4, device=GPU)
        )
        monkeypatch.setattr(fagg, "partial_location_maps", lambda *_: parts)
        batch = {
            "window": torch.empty(6, 4, dtype=torch.float64, device=GPU),
            "saliency": torch.empty(3, 2, 46, 30, device=GPU),
            "map_row": torch.zeros(6, dtype=torch.int64, device=GPU),
            "embedding": torch.empty(6, 32, device=GPU),
            "target": torch.zeros(6, dtype=torch.int64, device=GPU),
        }
        assert network(batch).device == GPU


@pytest.mark.parametrize("upright", [False, True])
def test_location_maps(upright: bool, mode: FakeTensorMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "_upright", lambda _: upright)  # reads the angles
    with mode:
        windows = torch.empty(6, 4, dtype=torch.float64, device=GPU)
        assert stack.location_map(windows, Frame(**FRAME)).device == GPU


def test_counting_losses_and_classes_waits_for_nothing(mode: FakeTensorMode) -> None:
    stats = PatchClassStats()
    stats.loss_sum, stats.confusion = moved(stats.loss_sum, mode), moved(stats.confusion, mode)
    with mode:
        stats.update(torch.empty(5, 4, device=GPU), torch.empty(5, dtype=torch.int64, device=GPU))
        assert stats.confusion.shape == (4, 4)


def test_a_tensor_that_was_left_on_the_cpu_is_noticed(mode: FakeTensorMode) -> None:
    network = on_gpu(nn.BatchNorm2d(2), mode)
    with mode, pytest.raises(RuntimeError, match="same device"):
        network(torch.empty(1, 2, 3, 3))
