"""f_agg in factored form against its layers applied to the full map stack: outputs, gradients, running statistics."""

import copy
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from threading import Barrier, get_ident

import pytest
import torch
from torch import nn

from mammo.data.dataset import IMAGE_COLUMNS
from mammo.geometry import Frame
from mammo.maps.map_names import CHANNELS
from mammo.maps.stack import map_stack
from mammo.models import factored_maps
from mammo.models.fagg import FAgg

FRAME = {"height": 368, "width": 240, "cell_px": 8}
COMBINATIONS = [list(maps) for n in range(1, len(CHANNELS) + 1) for maps in combinations(CHANNELS, n)]


def batch_of(n: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    windows = torch.rand(n, 4, generator=generator, dtype=torch.float64)
    image = torch.randint(0, 5, (n,), generator=generator)
    sal, ipsi, contra = (torch.rand(5, k, 46, 30, generator=generator, dtype=torch.float64) for k in (2, 3, 5))
    for maps in (ipsi, contra):  # with presence
        maps[:, -1] = 1
        maps[torch.randint(0, 5, (1,), generator=generator)] = 0
    contra[:, 2:4] -= 0.5 * contra[:, 4:]
    return {
        "window": windows * torch.tensor([368, 240, 32, 60]) + torch.tensor([0, 0, 16, -30]),
        "saliency": sal,
        "ipsi": ipsi,
        "contra": contra,
        "map_row": image,
        "embedding": torch.randn(n, 32, generator=generator, dtype=torch.float64),
        "target": torch.randint(0, 4, (n,), generator=generator),
    }


@pytest.mark.parametrize("maps", COMBINATIONS, ids="+".join)
def test_the_factored_network_equals_the_plain_layers(maps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factored_maps, "IMAGES_PER_CHUNK", 2)
    monkeypatch.setattr(factored_maps, "WINDOWS_PER_CHUNK", 3)
    torch.manual_seed(0)
    fast = FAgg(maps, FRAME, 1e-3).double()
    for weight in fast.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    plain = copy.deepcopy(fast)
    for training, seed in ((True, 1), (True, 2), (False, 3)):
        fast.train(training)
        plain.train(training)
        batch = batch_of(8, seed)
        ours, theirs = fast(batch), plain.plain(map_stack(maps, batch, plain.frame).double())
        assert torch.allclose(ours, theirs, atol=1e-10)
        gradients = [
            torch.autograd.grad(out.square().sum(), net.parameters()) for out, net in ((ours, fast), (theirs, plain))
        ]
        for one, other in zip(*gradients, strict=True):
            assert torch.allclose(one, other, atol=1e-8)
    for one, other in zip(fast.buffers(), plain.buffers(), strict=True):
        assert torch.allclose(one.double(), other.double(), atol=1e-12)


@pytest.mark.parametrize("maps", [["emb"], ["loc", "sal"], ["sal", "emb"], list(CHANNELS)], ids="+".join)
def test_float32_logits_differ_by_less_than_1e_5(maps: list[str]) -> None:
    torch.manual_seed(0)
    network = FAgg(maps, FRAME, 1e-3)
    for seed in range(3):
        network(batch_of(50, seed))
    network.eval()
    batch = batch_of(100, 7)
    with torch.inference_mode():
        ours, theirs = network(batch), network.plain(map_stack(maps, batch, network.frame).float())
    assert (ours - theirs).abs().max() < 1e-5


def test_the_order_of_the_maps_does_not_matter() -> None:
    assert FAgg(["emb", "sal"], FRAME, 1e-3).maps == ("sal", "emb")
    assert FAgg(["emb", "contra", "ipsi", "sal", "loc"], FRAME, 1e-3).maps == ("loc", "sal", "ipsi", "contra", "emb")


def test_float32_is_accurate_for_nearly_constant_saliency() -> None:
    torch.manual_seed(0)
    network = FAgg(["sal", "emb"], FRAME, 1e-3)
    exact = copy.deepcopy(network).double()
    batch = batch_of(20, 1)
    batch["saliency"] = 0.9 + 1e-3 * batch["saliency"]
    single = network(batch).double()
    assert torch.allclose(single, exact.plain(map_stack(exact.maps, batch, exact.frame).double()), atol=1e-4)


class Exchange:
    """SumOverProcesses among threads instead of processes."""

    def __init__(self, n_threads: int) -> None:
        self.parts: dict[int, torch.Tensor] = {}
        self.barrier = Barrier(n_threads, timeout=60)

    def apply(self, part: torch.Tensor) -> torch.Tensor:
        self.parts[get_ident()] = part
        self.barrier.wait()
        total = torch.stack(list(self.parts.values())).sum(dim=0)
        self.barrier.wait()
        return total


def test_synchronized_batch_normalization_sees_the_parts_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    whole = FAgg(list(CHANNELS), FRAME, 1e-3).double()
    parts = [nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(whole)) for _ in range(3)]
    batch = batch_of(8, 1)
    monkeypatch.setattr(factored_maps, "SumOverProcesses", Exchange(3))
    shares = [{name: x if name in IMAGE_COLUMNS else x[rank::3] for name, x in batch.items()} for rank in range(3)]
    with ThreadPoolExecutor(3) as pool:
        logits = list(pool.map(lambda one, share: one(share), parts, shares))
    expected = whole(batch)
    for rank, one in enumerate(logits):
        torch.testing.assert_close(one, expected[rank::3])
    gradient = torch.autograd.grad(expected.square().sum(), list(whole.parameters()))
    total = torch.stack([one.square().sum() for one in logits]).sum()
    for number in range(len(gradient)):
        of_parts = torch.autograd.grad(total, [list(one.parameters())[number] for one in parts], retain_graph=True)
        torch.testing.assert_close(sum(of_parts), gradient[number])
    for buffers in zip(whole.buffers(), *(one.buffers() for one in parts), strict=True):
        for other in buffers[1:]:
            torch.testing.assert_close(other, buffers[0])


def test_the_saved_hyperparameters_build_the_same_network() -> None:
    network = FAgg(["sal"], FRAME, 1e-3, n_filters=8)
    again = FAgg(**network.hparams)
    assert (again.maps, again.frame, again.lr) == (("sal",), Frame(**FRAME), 1e-3)
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }
