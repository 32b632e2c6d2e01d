"""Benchmark of training patches from images in memory: random position, side and angle, 256 x 256 px, 16 bit.

The limit warps pixels that stay in the CPU cache. All methods are bilinear; the variant `antialias` is ours as used in
training.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mammo.benchmarks import baselines
from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import FULL_SHAPE, cached_warp, crop_method, image_workload, training_windows
from mammo.data.crops import CropRequests
from mammo.records import Pixels


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 400
) -> dict[str, object]:
    """CPU seconds per patch.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images.
        n_images: number of images.
        n_windows: windows per round; slow baselines cut fewer.

    Returns:
        As mammo.benchmarks.timing.time_methods, with limit_ratio_antialias, images ("real" or "made") and missing (why
        a baseline could not run, by name).
    """
    with image_workload(n_images, shape, in_memory=True) as workload:
        requests = training_windows(workload.pixels, n_windows)
        methods = {
            "ours": crop_method(workload.store, requests, antialias=False),
            "antialias": crop_method(workload.store, requests, antialias=True),
            "warp": cached_warp(requests, workload.first),
        }
        others, missing = available_baselines(baseline_setups(workload.folder, workload.pixels, requests))
        result = time_methods("patches", methods | others, limit="warp", rounds=rounds, variants=("antialias",))
    return {**result, "images": workload.kind, "missing": missing}


def baseline_setups(
    folder: Path, pixels: Mapping[str, Pixels], requests: CropRequests
) -> dict[str, Callable[[], Method]]:
    """Setup function of each baseline, by name; slow baselines cut fewer windows.

    Args:
        folder: where PNG files are written.
        pixels: images uint16 [H, W], 0 to 4095, by id.
        requests: the windows.
    """

    def one_in(number: int) -> CropRequests:
        n = -(-len(requests) // number)
        return CropRequests(requests.image_ids[:n], requests.windows[:n])

    return {
        "albumentations": lambda: baselines.albumentations(pixels.__getitem__, one_in(4)),
        "albumentations_prebuilt": lambda: baselines.albumentations(pixels.__getitem__, one_in(4), prebuilt=True),
        "monai": partial(baselines.monai, pixels, len(one_in(8))),
        "torchio": partial(baselines.torchio, pixels, 1),
        "png": lambda: baselines.albumentations(baselines.png(folder, pixels), one_in(50)),
        "pydicom_j2k": lambda: baselines.albumentations(baselines.pydicom_j2k(pixels), one_in(200)),
    }


def available_baselines(setups: Mapping[str, Callable[[], Method]]) -> tuple[dict[str, Method], dict[str, str]]:
    """The baselines whose libraries are installed, and the reason why each of the others is missing."""
    methods, missing = {}, {}
    for name, setup in setups.items():
        try:
            methods[name] = setup()
        except ImportError as error:
            missing[name] = f"{error}: pip install -c constraints.txt -e '.[bench]'"
    return methods, missing
