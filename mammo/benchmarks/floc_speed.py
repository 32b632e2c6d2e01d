"""Benchmark of f_loc's inference on 256 x 256 px patches: the fast path of mammo.models.precision against float32.

The fast path folds the three channels into one, stores weights channels-last and multiplies in bfloat16 if the
processor supports it in hardware; the baseline is float32 with three channels in torch's default layout. The limit is
one large matrix product with as many multiplications, in the precision of the fast path.
"""

import copy

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mammo.benchmarks.context_speed import product
from mammo.benchmarks.timing import Method, time_methods, use_one_thread
from mammo.models.floc import FLoc
from mammo.models.precision import resolve_precision, to_channels_last
from mammo.records import FULL_SCALE

BACKBONE = "densenet121.tv_in1k"


def measure(rounds: int, backbone: str = BACKBONE, n_patches: int = 8, patch_px: int = 256) -> dict[str, object]:
    """CPU seconds per patch on one thread.

    Args:
        rounds: how often each method is timed.
        backbone: of f_loc.
        n_patches: patches per batch.
        patch_px: side of a patch, px.

    Returns:
        As mammo.benchmarks.timing.time_methods, and backbone, precision (of the fast path, in Lightning's terms),
        largest_difference (of class probabilities between fast path and baseline), rounding_difference (of class
        probabilities between the baseline in the precision of the fast path and in float32) and fold_difference (of
        logits with and without folding, in float64).
    """
    use_one_thread()
    torch.manual_seed(0)
    precision = resolve_precision("auto", "cpu")
    patches = torch.randint(0, FULL_SCALE + 1, (n_patches, 1, patch_px, patch_px), dtype=torch.int32).to(torch.uint16)
    plain = trained_network(backbone, patches)
    fast = to_channels_last(trained_network(backbone, patches, channels=1))
    fast.load_state_dict(plain.state_dict())
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed")

    def infer(network: FLoc, fast: bool) -> Tensor:
        """Logits [n_patches, 4] float32, in the precision of the fast path or in float32."""
        with torch.inference_mode(), autocast if fast else torch.autocast("cpu", enabled=False):
            return torch.as_tensor(network(patches)).float()

    with FlopCounterMode(display=False) as counter:
        infer(plain, fast=False)
    methods = {
        "ours": Method(lambda: infer(fast, fast=True), n_patches),
        "float32": Method(lambda: infer(plain, fast=False), n_patches),
        "product": product(counter.get_total_flops() // n_patches, precision),
    }
    result = time_methods("net", methods, limit="product", rounds=rounds)
    expected = infer(plain, fast=False).softmax(1)
    return {
        **result,
        "backbone": backbone,
        "precision": precision,
        "largest_difference": float((infer(fast, True).softmax(1) - expected).abs().max()),
        "rounding_difference": float((infer(plain, True).softmax(1) - expected).abs().max()),
        "fold_difference": float((_exact(fast, patches) - _exact(plain, patches)).abs().max()),
    }


def _exact(network: FLoc, patches: Tensor) -> Tensor:
    """Logits [B, 4] in float64, which show errors of folding apart from rounding that many layers magnify."""
    network = copy.deepcopy(network).double()
    with torch.inference_mode():
        return torch.as_tensor(
            network.classifier(network.representation(network.backbone(patches.double() / FULL_SCALE)))
        )


def trained_network(backbone: str, patches: Tensor, channels: int = 3) -> FLoc:
    """An f_loc in torch's default layout with running statistics of patches [B, 1, P, P] uint16, 0 to 4095."""
    torch.manual_seed(0)
    network = FLoc({"name": backbone, "init": "he", "channels": channels}, 1e-5)
    network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.inference_mode():
        network(patches)
    return network.eval()
