"""Benchmarks of inference, f_loc and the context network: the fast path of mammo.models.precision against float32.

f_loc runs on 256 x 256 px patches, the context network on whole images. The fast path folds the three channels of f_loc
into one, stores weights channels-last and multiplies in bfloat16 if the processor supports it in hardware; the baseline
is float32 with three channels in torch's default layout. The limit is one large matrix product with as many
multiplications, in the precision of the fast path.
"""

import copy
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mammo.benchmarks.timing import Method, time_methods, use_one_thread
from mammo.benchmarks.workload import breast
from mammo.geometry import Frame
from mammo.machine import without_interrupts
from mammo.models.context_network import standardized
from mammo.models.floc import FLoc
from mammo.models.gmic import Gmic, GmicOutput, GmicSizes
from mammo.models.official_gmic import FULL_FRAME
from mammo.models.precision import resolve_precision, to_channels_last
from mammo.records import FULL_SCALE

SIDE = 2048
"""Rows and columns of the matrices of the limit."""

PATHS = ("float32", "fast")

BACKBONE = "densenet121.tv_in1k"


def measure_floc(rounds: int, backbone: str = BACKBONE, n_patches: int = 8, patch_px: int = 256) -> dict[str, object]:
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
    adopt_running_statistics(network, patches)
    return network.eval()


def measure_context(rounds: int, sizes: GmicSizes | None = None, frame: Frame = FULL_FRAME) -> dict[str, object]:
    """CPU seconds per image in inference on one thread, peak memory, and differences between the two precisions.

    Args:
        rounds: how often each method is timed.
        sizes: of the network; None for the published sizes.
        frame: size of the images.

    Returns:
        As mammo.benchmarks.timing.time_methods, and precision (of the fast path, in Lightning's terms),
        largest_difference (between the probabilities of the two paths, over all three predictions),
        largest_saliency_difference (over all cells) and peak_mb (peak resident memory, MB, of a process that infers or
        trains on one image, by path; about 300 MB of it are used before the work starts).
    """
    sizes, precision = sizes or GmicSizes(), resolve_precision("auto", "cpu")
    torch.set_num_threads(1)
    image = _image(frame)
    networks = {path: _network(sizes, frame, image, path) for path in PATHS}
    infer = {path: partial(_infer, networks[path], image, path, precision) for path in PATHS}
    with FlopCounterMode(display=False) as counter:
        infer["float32"]()
    methods = {
        "ours": Method(infer["fast"], 1),
        "float32": Method(infer["float32"], 1),
        "product": product(counter.get_total_flops(), precision),
    }
    result = time_methods("context", methods, limit="product", rounds=rounds)
    pairs = zip(_probabilities(infer["fast"]()), _probabilities(infer["float32"]()), strict=True)
    saliency, *predictions = [float((ours - plain).abs().max()) for ours, plain in pairs]
    peaks = {
        f"{work}_{path}": _in_new_process(partial(_peak_mb, work, path, sizes, frame))
        for work in ("inference", "training")
        for path in PATHS
    }
    return {
        **result,
        "precision": precision,
        "largest_difference": max(predictions),
        "largest_saliency_difference": saliency,
        "peak_mb": peaks,
    }


def _image(frame: Frame) -> Tensor:
    pixels = breast(0, (frame.height, frame.width))
    return standardized(torch.from_numpy(pixels)[None, None])


def _network(sizes: GmicSizes, frame: Frame, image: Tensor, path: str) -> Gmic:
    """A network in eval mode with the image's running statistics, as in a trained network."""
    torch.manual_seed(0)
    network = Gmic(sizes, frame)
    adopt_running_statistics(network, image)
    return (to_channels_last(network) if path == "fast" else network).eval()


def _autocast(path: str, precision: str) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=path == "fast" and precision == "bf16-mixed")


def _infer(network: Gmic, image: Tensor, path: str, precision: str) -> GmicOutput:
    with torch.inference_mode(), _autocast(path, precision):
        output: GmicOutput = network(image)
    return output


def _probabilities(output: GmicOutput) -> list[Tensor]:
    return [each.stacked() for each in (output.saliency, output.y_global, output.y_local, output.y_fusion)]


def _peak_mb(work: str, path: str, sizes: GmicSizes, frame: Frame) -> int:
    """Peak resident memory of this process after one image's inference or training step."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, precision = Gmic(sizes, frame), resolve_precision("auto", "cpu")
    network = to_channels_last(network) if path == "fast" else network
    image = _image(frame)
    if work == "inference":
        _infer(network.eval(), image, path, precision)
    else:
        optimizer = torch.optim.Adam(network.parameters())
        with _autocast(path, precision):
            output = network(image)
        loss = torch.stack([value.mean() for value in _probabilities(output)]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _in_new_process(work: Callable[[], int]) -> int:
    """The result of the work in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with without_interrupts():
            found = pool.submit(work)
        return found.result()


def adopt_running_statistics(network: nn.Module, x: Tensor) -> None:
    """Replace the running statistics of every BN layer by those of the batch x [B, C, H, W]."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.inference_mode():
        network(x)


def product(flops: int, precision: str) -> Method:
    """Matrix products; one unit has the given number of floating-point operations."""
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return Method(lambda: left @ right, 2 * SIDE**3 / flops)
