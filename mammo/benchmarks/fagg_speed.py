"""f_agg over 100 patches at the paper's 46 x 30 grid: the algebra that never builds X against the layers as drawn.

The rival builds X and runs the plain layers on the whole batch, in the better of the two memory layouts. Evaluation has
upright windows, 100 a lesion: ours those of ten lesions at once, as conf/model/fagg.yaml does; `one_lesion` those of
one, and so does the rival, whose X of more would leave the cache. A training step has rotated windows of 100 different
images. The limit is one large matrix product of as many multiplications as the algebra's own products.
"""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mammo.benchmarks.context_speed import product
from mammo.benchmarks.timing import Way, measurement, one_thread
from mammo.cli.pipeline import KEPT_BLOCK, KEPT_SPARE
from mammo.maps.stack import map_stack
from mammo.memory import keep_memory
from mammo.models.fagg import FAgg
from mammo.models.precision import weight_layout
from mammo.records import Batch

FRAME = {"height": 2944, "width": 1920, "cell_px": 64}
MAPS = ("loc", "sal", "emb")
LAYOUTS = {"": torch.contiguous_format, "_channels_last": torch.channels_last}


def measure(rounds: int, n_windows: int = 100, n_lesions: int = 10) -> dict[str, object]:
    """CPU seconds per lesion of 100 windows, and per training step.

    Args:
        rounds: how often each way is timed.
        n_windows: windows of a lesion, and of a training batch.
        n_lesions: lesions that ours evaluates at once.

    Returns:
        As mammo.benchmarks.timing.measurement, with limit_ratio_one_lesion, the ratios plain (evaluation) and
        plain_train (a training step, over train), train (seconds of our training step), largest_difference (of any
        logit in float32) and gradient_difference (of any weight's gradient in float64).
    """
    one_thread()
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    network = trained(n_windows)
    lesion, batch = windows_of(n_windows, n_images=1), windows_of(n_windows, n_images=n_windows)
    together = joined([windows_of(n_windows, 1, seed) for seed in range(n_lesions)])
    with FlopCounterMode(display=False) as counter:
        evaluate(network, lesion)
    ways = {
        "ours": Way(lambda: evaluate(network, together), n_lesions),
        "one_lesion": Way(lambda: evaluate(network, lesion), 1),
        "product": product(counter.get_total_flops(), "32-true"),
        **plain_ways("plain", lambda net: evaluate(net, lesion), network),
    }
    told = measurement("fagg", ways, limit="product", rounds=rounds, variants=("one_lesion",))
    steps = {
        "ours": Way(lambda: step(network, batch), 1),
        **plain_ways("plain_train", lambda net: step(net, batch), network),
    }
    trained_in = measurement("fagg, training", steps, limit="ours", rounds=rounds)
    return {
        **told,
        "ratios": best(told["ratios"]) | best(trained_in["ratios"]),
        "train": trained_in["ours"],
        "largest_difference": float((evaluate(network, lesion) - evaluate(Plain(network), lesion)).abs().max()),
        "gradient_difference": gradient_difference(network, batch),
    }


def trained(n_windows: int) -> FAgg:
    """A network whose running statistics have seen some batches."""
    torch.manual_seed(0)
    network = FAgg(MAPS, FRAME, 1e-3)
    for seed in range(3):
        network(windows_of(n_windows, n_windows, seed))
    return network


def windows_of(n_windows: int, n_images: int, seed: int = 9) -> Batch:
    """A batch of windows of the paper's sizes, spread over the images; rotated where there are several images."""
    rng = torch.Generator().manual_seed(seed)
    angle = 60 if n_images > 1 else 0
    unit = torch.rand(n_windows, 4, generator=rng, dtype=torch.float64)
    image = torch.arange(n_windows) % n_images
    return {
        "window": unit * torch.tensor([2000, 1200, 256, angle]) + torch.tensor([400, 300, 128, -angle / 2]),
        "saliency": torch.rand(n_images, 2, 46, 30, generator=rng),
        "saliency_row": image,
        "embedding": torch.randn(n_windows, 32, generator=rng),
        "target": image % 4,
    }


def joined(lesions: Sequence[Batch]) -> Batch:
    """One batch of several lesions, each on an image of its own."""
    together = {name: torch.cat([lesion[name] for lesion in lesions]) for name in lesions[0]}
    return together | {"saliency_row": torch.arange(len(lesions)).repeat_interleave(len(lesions[0]["target"]))}


def evaluate(network: nn.Module, batch: Batch) -> Tensor:
    """Logits in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        return torch.as_tensor(network(batch))


def step(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Forward and backward of one training batch: the gradients."""
    network.train()
    loss = torch.nn.functional.cross_entropy(network(batch), batch["target"])
    return list(torch.autograd.grad(loss, list(network.parameters())))


class Plain(nn.Module):
    """A copy of f_agg that builds X and runs the layers as the paper draws them.

    Args:
        network: f_agg, which stays as it is.
    """

    def __init__(self, network: FAgg) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass."""
        x, weight = map_stack(self.network.maps, batch, self.network.frame), self.network.conv1.weight
        return self.network.plain(x.to(weight.dtype).contiguous(memory_format=weight_layout(weight)))


def plain_ways(name: str, work: Callable[[nn.Module], object], network: FAgg) -> dict[str, Way]:
    """The plain layers in both layouts."""
    networks = {layout: Plain(network).to(memory_format=order) for layout, order in LAYOUTS.items()}
    return {f"{name}{layout}": Way(lambda net=net: work(net), 1) for layout, net in networks.items()}  # type: ignore[misc]


def best(ratios: object) -> dict[str, float]:
    """The ratio of the better layout, under the first one's name."""
    assert isinstance(ratios, Mapping)
    return {next(iter(ratios)): min(ratios.values())}


def gradient_difference(network: FAgg, batch: Batch) -> float:
    """Largest difference between the two ways' gradients in float64."""
    exact = copy.deepcopy(network).double()
    wide = {name: column.double() if column.is_floating_point() else column for name, column in batch.items()}
    pairs = zip(step(exact, wide), step(Plain(exact), wide), strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)
