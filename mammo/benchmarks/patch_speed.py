"""Benchmarks of training patches: random position, side and angle, 256 x 256 px, 16 bit; from memory and from disk.

The limit of both warps pixels that stay in the CPU cache. All methods are bilinear. From memory, the variant
`antialias` is ours as used in training. From the image store on disk, the baseline decodes the whole 16-bit PNG, then
crops, rotates and resizes; file sizes are compared too. Warm reads find the files in the page cache; for cold reads
they are dropped from it first.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

from mammo.benchmarks import baselines
from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import (
    FULL_SHAPE,
    cached_warp,
    crop_method,
    image_workload,
    split_requests,
    training_windows,
    write_store,
)
from mammo.data.crops import CropRequests
from mammo.records import Pixels

MB, COLD_READS = 1e6, 40


def measure_patches(
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


def measure_store(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 200
) -> dict[str, object]:
    """CPU seconds per patch of a window with random position, side and angle.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images.
        n_images: number of images.
        n_windows: windows per round; the baseline cuts one in 50.

    Returns:
        As mammo.benchmarks.timing.time_methods, and images ("real" or "made"), mb_per_image (mean size in the store),
        png_mb_per_image, cold_kb (read from disk per patch), cold_ms (wall-clock time per patch) and cold_ratio (time
        of the baseline over ours).
    """
    with image_workload(n_images, shape, in_memory=False) as workload:
        read, requests = baselines.png(workload.folder, workload.pixels), training_windows(workload.pixels, n_windows)
        few = split_requests(requests, max(2, n_windows // 50))[0]
        methods = {
            "ours": crop_method(workload.store, requests, antialias=False),
            "png": baselines.albumentations(read, few),
            "warp": cached_warp(requests, workload.first),
        }
        result = time_methods("store", methods, limit="warp", rounds=rounds)
        sizes, cold = _sizes(workload.folder, workload.pixels), _cold(workload.folder, read, workload.pixels, requests)
        return {**result, "images": workload.kind, **sizes, **cold}


def _sizes(root: Path, pixels: Mapping[str, Pixels]) -> dict[str, float]:
    sizes = {name: sum(path.stat().st_size for path in root.rglob(f"*.{name}")) for name in ("tiles", "index", "png")}
    return {
        "mb_per_image": round((sizes["tiles"] + sizes["index"]) / len(pixels) / MB, 3),
        "png_mb_per_image": round(sizes["png"] / len(pixels) / MB, 3),
    }


def _cold(
    root: Path, read: baselines.ImageReader, pixels: Mapping[str, Pixels], requests: CropRequests
) -> dict[str, float]:
    """Cold reads, each the first of its image, as for most images in a store of a million."""
    ids = [f"cold{row}" for row in range(min(COLD_READS, len(requests)))]
    copies = {copy: pixels[image_id] for copy, image_id in zip(ids, requests.image_ids, strict=False)}
    store = write_store(root / "cold", copies, in_memory=False)
    parts = split_requests(CropRequests(ids, requests.windows[: len(ids)]), 1)
    ours, kilobytes = zip(*(_cold_read(root, crop_method(store, part, antialias=False)) for part in parts), strict=True)
    pngs = [baselines.albumentations(read, part) for part in split_requests(requests, 1)[:4]]
    png, _ = zip(*(_cold_read(root, method) for method in pngs), strict=True)
    return {
        "cold_kb": round(median(kilobytes), 1),
        "cold_ms": round(1e3 * median(ours), 2),
        "cold_ratio": round(median(png) / median(ours), 1),
    }


def _cold_read(root: Path, method: Method) -> tuple[float, float]:
    """Wall-clock seconds and KB read from disk, after all files below root were dropped from the page cache."""
    for path in root.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before, started = _read_bytes(), time.perf_counter()
    method.work()
    return time.perf_counter() - started, (_read_bytes() - before) / 1e3


def _read_bytes() -> int:
    """Bytes that this process has read from disk so far (Linux)."""
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))
