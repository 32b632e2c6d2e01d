"""Training patches from images in memory: windows of random places, sides and angles, 256 x 256 px, 16 bits.

The limit warps pixels that never leave the cache. All ways are linear; `antialias` is ours as training uses it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mammo.benchmarks import baselines as rivals
from mammo.benchmarks.sample_images import FULL_SHAPE
from mammo.benchmarks.timing import Way, measurement
from mammo.benchmarks.workload import cutting, hot_warp, setting, training_windows
from mammo.data.crops import CropRequests
from mammo.records import Pixels


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 400
) -> dict[str, object]:
    """CPU seconds per patch.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images.
        n_images: how many images there are.
        n_windows: windows a round; rivals that take long cut fewer.

    Returns:
        As mammo.benchmarks.timing.measurement, with limit_ratio_antialias, images ("real" or "made") and missing
        (why a rival could not run, by its name).
    """
    with setting(n_images, shape, hot=True) as at:
        requests = training_windows(at.pixels, n_windows)
        ways = {
            "ours": cutting(at.store, requests, antialias=False),
            "antialias": cutting(at.store, requests, antialias=True),
            "warp": hot_warp(requests, at.first),
        }
        others, missing = installed(rivals_of(at.folder, at.pixels, requests))
        told = measurement("patches", ways | others, limit="warp", rounds=rounds, variants=("antialias",))
    return {**told, "images": at.kind, "missing": missing}


def rivals_of(folder: Path, pixels: Mapping[str, Pixels], requests: CropRequests) -> dict[str, Callable[[], Way]]:
    """How to set up each rival; what takes longer cuts fewer windows."""

    def first(share: int) -> CropRequests:
        n = -(-len(requests) // share)
        return CropRequests(requests.image_ids[:n], requests.windows[:n])

    return {
        "albumentations": lambda: rivals.albumentations(pixels.__getitem__, first(4)),
        "albumentations_prebuilt": lambda: rivals.albumentations(pixels.__getitem__, first(4), prebuilt=True),
        "monai": partial(rivals.monai, pixels, len(first(8))),
        "torchio": partial(rivals.torchio, pixels, 1),
        "png": lambda: rivals.albumentations(rivals.png(folder, pixels), first(50)),
        "pydicom_j2k": lambda: rivals.albumentations(rivals.pydicom_j2k(pixels), first(200)),
    }


def installed(setups: Mapping[str, Callable[[], Way]]) -> tuple[dict[str, Way], dict[str, str]]:
    """The rivals whose libraries are there, and why the others are missing."""
    ways, missing = {}, {}
    for name, setup in setups.items():
        try:
            ways[name] = setup()
        except ImportError as error:
            missing[name] = f"{error}: pip install -c constraints.txt -e '.[bench]'"
    return ways, missing
