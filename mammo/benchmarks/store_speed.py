"""Training patches from the image store on disk: what compression costs in time, and what it saves in room.

The limit warps pixels that never leave the cache; the rival decodes the whole 16-bit PNG, then crops, rotates and
resizes. Warm: the files lie in the system's cache. Cold: they were dropped from it before every read.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from mammo.benchmarks import baselines as rivals
from mammo.benchmarks.sample_images import FULL_SHAPE
from mammo.benchmarks.timing import Way, measurement
from mammo.benchmarks.workload import batches, cutting, hot_warp, setting, stored, training_windows
from mammo.data.crops import CropRequests
from mammo.records import Pixels

MB, COLD_READS = 1e6, 40


def measure(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 8, n_windows: int = 200
) -> dict[str, object]:
    """CPU seconds per patch of a window of random place, side and angle.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images.
        n_images: how many images there are.
        n_windows: windows a round; the PNGs are read for every fiftieth.

    Returns:
        As mammo.benchmarks.timing.measurement, and images ("real" or "made"), mb_per_image (mean of the stored
        images), png_mb_per_image, cold_kb (read from the disk per patch), cold_ms (per patch, wall clock) and
        cold_ratio (the PNG's over ours).
    """
    with setting(n_images, shape, hot=False) as at:
        source, requests = rivals.png(at.folder, at.pixels), training_windows(at.pixels, n_windows)
        few = batches(requests, max(2, n_windows // 50))[0]
        ways = {
            "ours": cutting(at.store, requests, antialias=False),
            "png": rivals.albumentations(source, few),
            "warp": hot_warp(requests, at.first),
        }
        told = measurement("store", ways, limit="warp", rounds=rounds)
        sizes, cold = _sizes(at.folder, at.pixels), _cold(at.folder, source, at.pixels, requests)
        return {**told, "images": at.kind, **sizes, **cold}


def _sizes(root: Path, pixels: Mapping[str, Pixels]) -> dict[str, float]:
    kept = {name: sum(path.stat().st_size for path in root.rglob(f"*.{name}")) for name in ("tiles", "index", "png")}
    return {
        "mb_per_image": round((kept["tiles"] + kept["index"]) / len(pixels) / MB, 3),
        "png_mb_per_image": round(kept["png"] / len(pixels) / MB, 3),
    }


def _cold(root: Path, source: rivals.Source, pixels: Mapping[str, Pixels], requests: CropRequests) -> dict[str, float]:
    """Every read is the first of its image, as it is for most of a million images without lesions."""
    ids = [f"cold{row}" for row in range(min(COLD_READS, len(requests)))]
    copies = {copy: pixels[image_id] for copy, image_id in zip(ids, requests.image_ids, strict=False)}
    store = stored(root / "cold", copies, hot=False)
    parts = batches(CropRequests(ids, requests.windows[: len(ids)]), 1)
    ours, kilobytes = zip(*(_cold_read(root, cutting(store, part, antialias=False)) for part in parts), strict=True)
    pngs = [rivals.albumentations(source, part) for part in batches(requests, 1)[:4]]
    png, _ = zip(*(_cold_read(root, way) for way in pngs), strict=True)
    return {
        "cold_kb": round(median(kilobytes), 1),
        "cold_ms": round(1e3 * median(ours), 2),
        "cold_ratio": round(median(png) / median(ours), 1),
    }


def _cold_read(root: Path, way: Way) -> tuple[float, float]:
    """Seconds by the clock and KB read from the disk, after every file below root left the system's cache."""
    for path in root.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before, started = _read_bytes(), time.perf_counter()
    way.work()
    return time.perf_counter() - started, (_read_bytes() - before) / 1e3


def _read_bytes() -> int:
    """Bytes that this process has read from disks so far (Linux)."""
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))
