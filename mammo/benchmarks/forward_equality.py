"""Equality of a network's forward pass on a GPU with that on the CPU in float32.

In float32 no probability may differ by more than 1e-4. In mixed precision the limit is 1e-2, or twice what the rounding
to that precision changes by itself on the CPU where that is more: the many layers of an untrained network magnify it.
"""

import copy
from collections.abc import Mapping

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mammo.models.fagg import FAgg
from mammo.models.gmic import GmicOutput
from mammo.models.gray_convolution import GrayConvolution
from mammo.models.precision import inference_device, resolve_precision
from mammo.training.precomputed import autocast

FLOAT32, MIXED = 1e-4, 1e-2
"""Largest difference of any probability in float32 and in mixed precision."""

OF_REGIONS = ("y_local", "y_fusion")
"""Predictions of a context network that depend on the regions that it chose."""


def compare_with_cpu(network: pl.LightningModule, x: Tensor | Mapping[str, Tensor]) -> dict[str, object]:
    """Largest difference of any probability, by precision.

    Args:
        network: on the CPU, with running statistics.
        x: its input, patches or images [B, 1, H, W] or a batch of columns [B, ...], on the CPU.

    Returns:
        The differences by precision (32-true and what training would use); rounding, what rounding to half precision
        changes by itself; and is_equal.
    """
    device = inference_device("auto")
    mixed = resolve_precision("auto", "cpu" if device.type == "cpu" else "gpu")
    expected = _outputs(network.eval(), x, "32-true")
    there = copy.deepcopy(network).to(device)
    moved = x.to(device) if isinstance(x, Tensor) else {name: column.to(device) for name, column in x.items()}
    found = {
        precision: difference(_outputs(there, moved, precision), expected)
        for precision in dict.fromkeys(("32-true", mixed))
    }
    half = torch.float16 if mixed == "16-mixed" else torch.bfloat16
    rounding = difference(_outputs(rounded(network, half), x, "32-true"), expected)
    is_equal = found["32-true"] <= FLOAT32 and found[mixed] <= max(MIXED, 2 * rounding)
    return {**found, "rounding": rounding, "is_equal": is_equal}


def rounded(network: pl.LightningModule, dtype: torch.dtype) -> pl.LightningModule:
    """A copy of a network that rounds as autocast does: kernels, and what convolutions and normalizations give.

    f_agg computes in float32 inside autocast, too: its copy rounds nothing.
    """
    network = copy.deepcopy(network)
    for module in network.modules() if not isinstance(network, FAgg) else ():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.to(dtype).float()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | GrayConvolution):
            module.register_forward_hook(lambda _, __, out: out.to(dtype).float())
    return network


def _outputs(network: pl.LightningModule, x: Tensor | Mapping[str, Tensor], precision: str) -> dict[str, Tensor]:
    """Probabilities [B, ...] by name, on the CPU, and the regions [B, K, 2] of a context network."""
    with torch.inference_mode(), autocast(network, precision):
        output = network(x)
    if not isinstance(output, GmicOutput):
        return {"probabilities": output.float().softmax(1).cpu()}
    classes = {"saliency": output.saliency, "y_global": output.y_global}
    classes |= {"y_local": output.y_local, "y_fusion": output.y_fusion}
    stacked = {name: value.stacked().float().cpu() for name, value in classes.items()}
    return {**stacked, "regions": output.regions.cpu()}


def difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """The largest difference of any probability; NaN where one is NaN.

    Rounding can choose other regions of an image, of which the local prediction is then another one: what depends on
    the regions is compared in images with the same ones.

    Args:
        found: probabilities [B, ...] by name; and regions [B, K, 2], for a context network.
        expected: likewise.
    """
    same = torch.ones(len(next(iter(found.values()))), dtype=torch.bool)
    if "regions" in found:
        same = (found["regions"] == expected["regions"]).flatten(1).all(dim=1)
    differences = [
        (value - expected[name]).abs()[same if name in OF_REGIONS else slice(None)].flatten()
        for name, value in found.items()
        if name != "regions"
    ]
    return float(torch.cat(differences).max())
