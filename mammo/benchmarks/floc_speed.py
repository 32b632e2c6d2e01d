"""f_loc's inference of 256 x 256 px patches: the fast path of mammo.models.precision against plain float32.

The fast path folds the three channels into one, lays weights out channels-last and multiplies bfloat16 where the
processor does so in hardware; plain is float32 with three channels in torch's own layout. The limit is one large matrix
product of as many multiplications in the fast path's precision.
"""

import copy

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mammo.benchmarks.context_speed import product
from mammo.benchmarks.timing import Way, measurement, one_thread
from mammo.models.floc import FLoc
from mammo.models.precision import resolve_precision, to_channels_last
from mammo.records import FULL_SCALE

BACKBONE = "densenet121.tv_in1k"


def measure(rounds: int, backbone: str = BACKBONE, n_patches: int = 8, patch_px: int = 256) -> dict[str, object]:
    """CPU seconds per patch and thread.

    Args:
        rounds: how often each way is timed.
        backbone: of f_loc.
        n_patches: patches of a batch.
        patch_px: their side.

    Returns:
        As mammo.benchmarks.timing.measurement, and backbone, precision (Lightning's name of the fast path's),
        largest_difference (of any patch's class probabilities between the two), rounding_difference (likewise, between
        plain in the fast path's precision and in float32) and fold_difference (of any logit, with and without folding,
        both in float64).
    """
    one_thread()
    torch.manual_seed(0)
    precision = resolve_precision("auto", "cpu")
    patches = torch.randint(0, FULL_SCALE + 1, (n_patches, 1, patch_px, patch_px), dtype=torch.int32).to(torch.uint16)
    plain = network_of(backbone, patches)
    fast = to_channels_last(network_of(backbone, patches, channels=1))
    fast.load_state_dict(plain.state_dict())
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed")

    def infer(network: FLoc, fast: bool) -> Tensor:
        with torch.inference_mode(), autocast if fast else torch.autocast("cpu", enabled=False):
            return torch.as_tensor(network(patches)).float()

    with FlopCounterMode(display=False) as counter:
        infer(plain, fast=False)
    ways = {
        "ours": Way(lambda: infer(fast, fast=True), n_patches),
        "float32": Way(lambda: infer(plain, fast=False), n_patches),
        "product": product(counter.get_total_flops() // n_patches, precision),
    }
    told = measurement("net", ways, limit="product", rounds=rounds)
    expected = infer(plain, fast=False).softmax(1)
    return {
        **told,
        "backbone": backbone,
        "precision": precision,
        "largest_difference": float((infer(fast, True).softmax(1) - expected).abs().max()),
        "rounding_difference": float((infer(plain, True).softmax(1) - expected).abs().max()),
        "fold_difference": float((_exact(fast, patches) - _exact(plain, patches)).abs().max()),
    }


def _exact(network: FLoc, patches: Tensor) -> Tensor:
    """Logits in float64, which tells a wrong fold from rounding that many layers have magnified."""
    network = copy.deepcopy(network).double()
    with torch.inference_mode():
        return torch.as_tensor(
            network.classifier(network.representation(network.backbone(patches.double() / FULL_SCALE)))
        )


def network_of(backbone: str, patches: Tensor, channels: int = 3) -> FLoc:
    """An f_loc in torch's own layout whose running statistics are those of the patches, as in a trained one."""
    torch.manual_seed(0)
    network = FLoc({"name": backbone, "init": "he", "channels": channels}, 1e-5)
    network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.inference_mode():
        network(patches)
    return network.eval()
