"""Benchmark of f_agg on 100 patches with the paper's 46 x 30 grid: our algebra without X against the plain layers.

The baseline builds X and runs the plain layers on the whole batch, in the faster of two memory layouts. Evaluation uses
100 upright windows per lesion: ours of ten lesions at once, as in conf/model/fagg.yaml; the variant `one_lesion` and
the baseline of one lesion, since a larger X does not fit in the CPU cache. A training step uses rotated windows of 100
different images. The limit is one large matrix product with as many multiplications as the products of the algebra.

All is measured twice: with the paper's maps, and with those of the other view and the other breast, 12 maps of each
image instead of 2.
"""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mammo.benchmarks.network_speed import product
from mammo.benchmarks.timing import Method, time_methods, use_one_thread
from mammo.cli.pipeline import KEPT_BLOCK, KEPT_SPARE
from mammo.machine import keep_memory
from mammo.maps.map_names import CHANNELS, COLUMNS, IMAGE_MAPS
from mammo.maps.stack import map_stack
from mammo.models.fagg import FAgg
from mammo.models.precision import weight_layout
from mammo.records import Batch

FRAME = {"height": 2944, "width": 1920, "cell_px": 64}
MAPS = {"plain": ("loc", "sal", "emb"), "plain_views": tuple(CHANNELS)}
"""Combinations of maps, by the names of their ratios."""

LAYOUTS = {"": torch.contiguous_format, "_channels_last": torch.channels_last}


def measure_fagg(rounds: int, n_windows: int = 100, n_lesions: int = 10) -> dict[str, object]:
    """CPU seconds per lesion of 100 windows, and per training step.

    Args:
        rounds: how often each method is timed.
        n_windows: windows per lesion and per training batch.
        n_lesions: lesions that our method evaluates at once.

    Returns:
        As mammo.benchmarks.timing.time_methods, with limit_ratio_one_lesion, the ratios plain (evaluation) and
        plain_train (a training step, over train), train (seconds of our training step), largest_difference (of any
        logit in float32) and gradient_difference (of any weight's gradient in float64). With the maps of other images
        there are only the ratios plain_views and plain_views_train; the differences are the largest of both.
    """
    use_one_thread()
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    lesion, batch = example_batch(n_windows, n_images=1), example_batch(n_windows, n_images=n_windows)
    together = joined_batch([example_batch(n_windows, 1, seed) for seed in range(n_lesions)])
    networks = {name: example_network(n_windows, maps) for name, maps in MAPS.items()}
    scoring = {name: time_scoring(name, net, rounds, lesion, together) for name, net in networks.items()}
    training = {name: time_steps(f"{name}_train", net, rounds, batch) for name, net in networks.items()}
    ratios = [best_ratio(each["ratios"]) for each in (*scoring.values(), *training.values())]
    differences = [(logit_difference(net, lesion), gradient_difference(net, batch)) for net in networks.values()]
    return {
        **scoring["plain"],
        "ratios": {name: ratio for each in ratios for name, ratio in each.items()},
        "train": training["plain"]["ours"],
        "largest_difference": max(logit for logit, _ in differences),
        "gradient_difference": max(gradient for _, gradient in differences),
    }


def time_scoring(name: str, network: FAgg, rounds: int, lesion: Batch, together: Batch) -> dict[str, object]:
    """Seconds per lesion of our method and the plain layers, as mammo.benchmarks.timing.time_methods.

    Args:
        name: of the ratio of the plain layers.
        network: f_agg.
        rounds: how often each method is timed.
        lesion: columns [B, *] of the windows of one lesion.
        together: columns of several such lesions.
    """
    with FlopCounterMode(display=False) as counter:
        evaluate(network, lesion)
    methods = {
        "ours": Method(lambda: evaluate(network, together), len(together["saliency"])),
        "one_lesion": Method(lambda: evaluate(network, lesion), 1),
        "product": product(counter.get_total_flops(), "32-true"),
        **plain_methods(name, lambda net: evaluate(net, lesion), network),
    }
    return time_methods("fagg", methods, limit="product", rounds=rounds, variants=("one_lesion",))


def time_steps(name: str, network: FAgg, rounds: int, batch: Batch) -> dict[str, object]:
    """Seconds per training step on a batch [B, *] of our method and the plain layers, as time_scoring."""
    methods = {
        "ours": Method(lambda: step(network, batch), 1),
        **plain_methods(name, lambda net: step(net, batch), network),
    }
    return time_methods("fagg, training", methods, limit="ours", rounds=rounds)


def example_network(n_windows: int, maps: Sequence[str] = MAPS["plain"]) -> FAgg:
    """An f_agg of these maps whose running statistics come from a few batches."""
    torch.manual_seed(0)
    network = FAgg(maps, FRAME, 1e-3)
    for seed in range(3):
        network(example_batch(n_windows, n_windows, seed))
    return network


def example_batch(n_windows: int, n_images: int, seed: int = 9) -> Batch:
    """A batch of windows [n_windows, 4] of the paper's sizes, spread over the images; rotated if there are several."""
    rng = torch.Generator().manual_seed(seed)
    angle = 60 if n_images > 1 else 0
    unit = torch.rand(n_windows, 4, generator=rng, dtype=torch.float64)
    image = torch.arange(n_windows) % n_images
    return {
        "window": unit * torch.tensor([2000, 1200, 256, angle]) + torch.tensor([400, 300, 128, -angle / 2]),
        **{COLUMNS[name][0]: torch.rand(n_images, CHANNELS[name], 46, 30, generator=rng) for name in IMAGE_MAPS},
        "map_row": image,
        "embedding": torch.randn(n_windows, 32, generator=rng),
        "target": image % 4,
    }


def joined_batch(lesions: Sequence[Batch]) -> Batch:
    """One batch of all rows of several batches [B, *], each of one lesion on its own image."""
    together = {name: torch.cat([lesion[name] for lesion in lesions]) for name in lesions[0]}
    return together | {"map_row": torch.arange(len(lesions)).repeat_interleave(len(lesions[0]["target"]))}


def evaluate(network: nn.Module, batch: Batch) -> Tensor:
    """Logits [B, 4] in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        return torch.as_tensor(network(batch))


def step(network: nn.Module, batch: Batch) -> list[Tensor]:
    """The gradients of one training batch: one tensor per parameter, [*parameter.shape]."""
    network.train()
    loss = torch.nn.functional.cross_entropy(network(batch), batch["target"])
    return list(torch.autograd.grad(loss, list(network.parameters())))


class PlainFAgg(nn.Module):
    """A copy of f_agg that builds X and runs the layers as the paper draws them.

    Args:
        network: the f_agg to copy.
    """

    def __init__(self, network: FAgg) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass."""
        x, weight = map_stack(self.network.maps, batch, self.network.frame), self.network.conv1.weight
        return self.network.plain(x.to(weight.dtype).contiguous(memory_format=weight_layout(weight)))


def plain_methods(name: str, work: Callable[[nn.Module], object], network: FAgg) -> dict[str, Method]:
    """The plain layers in both memory layouts."""
    networks = {layout: PlainFAgg(network).to(memory_format=order) for layout, order in LAYOUTS.items()}
    return {f"{name}{layout}": Method(lambda net=net: work(net), 1) for layout, net in networks.items()}  # type: ignore[misc]


def best_ratio(ratios: object) -> dict[str, float]:
    """The smaller of the ratios of the two layouts, by the name of the first."""
    assert isinstance(ratios, Mapping)
    return {next(iter(ratios)): min(ratios.values())}


def logit_difference(network: FAgg, batch: Batch) -> float:
    """Largest absolute difference between the logits of our method and the plain layers on columns [B, *], float32."""
    return float((evaluate(network, batch) - evaluate(PlainFAgg(network), batch)).abs().max())


def gradient_difference(network: FAgg, batch: Batch) -> float:
    """Largest absolute difference between the gradients of our method and the plain layers, in float64.

    Args:
        network: f_agg.
        batch: training batch of B rows, columns [B, *].
    """
    exact = copy.deepcopy(network).double()
    wide = {name: column.double() if column.is_floating_point() else column for name, column in batch.items()}
    pairs = zip(step(exact, wide), step(PlainFAgg(exact), wide), strict=True)
    return max(float((ours - other).abs().max()) for ours, other in pairs)
