"""Reading one crop window's pixels from the image store, as training does for every patch.

The limit copies the window out of uncompressed pixels that the system already holds in memory. The rival is what
most published code does: decode the whole 16-bit PNG, then slice.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.benchmarks.measurement import Way, measurement
from mammo.geometry import Box
from mammo.records import FULL_SCALE
from mammo.store.image_store import ImageStore

Pixels = NDArray[np.uint16]
Read = Callable[[str, Box], Pixels]

SIDE_PX = 384
"""The largest crop window of the paper, upright."""


def measure(
    rounds: int, shape: tuple[int, int] = (2944, 1920), n_images: int = 4, n_windows: int = 64
) -> dict[str, object]:
    """CPU seconds per 384 x 384 px window, at random places of random images.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the synthetic 12-bit images.
        n_images: how many images there are.
        n_windows: windows a round; the PNG, which costs the same wherever the window lies, is read for every eighth.

    Returns:
        As mammo.benchmarks.measurement.measurement.
    """
    with TemporaryDirectory() as folder:
        images = {f"image{index}": breast(index, shape) for index in range(n_images)}
        reads = written(Path(folder), images)
        windows = chosen(list(images), shape, n_windows)
        ways = {key: _way(read, windows[::8] if key == "png" else windows) for key, read in reads.items()}
        return measurement("store", ways, limit="memmap", rounds=rounds)


def written(folder: Path, images: dict[str, Pixels]) -> dict[str, Read]:
    """Write every image in each of the three formats below folder; how each is read, by name."""
    store = ImageStore(folder)
    for name, pixels in images.items():
        store.write(name, pixels)
        np.save(folder / f"{name}.npy", pixels)
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    maps = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in images}

    def png(name: str, box: Box) -> Pixels:
        whole = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert whole is not None
        return whole[box.row0 : box.row1, box.col0 : box.col1].astype(np.uint16)

    def memmap(name: str, box: Box) -> Pixels:
        return np.array(maps[name][box.row0 : box.row1, box.col0 : box.col1], dtype=np.uint16)

    return {"ours": store.read, "png": png, "memmap": memmap}


def chosen(names: Sequence[str], shape: tuple[int, int], n_windows: int) -> list[tuple[str, Box]]:
    """Which windows are read, the same in every run."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, (len(names), shape[0] - SIDE_PX + 1, shape[1] - SIDE_PX + 1), size=(n_windows, 3)).tolist()
    return [(names[index], Box(row, row + SIDE_PX, col, col + SIDE_PX)) for index, row, col in places]


def breast(index: int, shape: tuple[int, int]) -> Pixels:
    """A half ellipse of soft structure and grain on black, [rows, cols] of 0 to 4095: it compresses as images do."""
    rng = np.random.default_rng((0, index))
    rows, cols = np.ogrid[0 : shape[0], 0 : shape[1]]
    inside = ((rows / shape[0] - 0.5) / 0.45) ** 2 + (cols / shape[1] / 0.8) ** 2 < 1
    coarse = rng.normal(1800, 500, size=(shape[0] // 64 + 1, shape[1] // 64 + 1)).astype(np.float32)
    soft = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 25, size=shape)
    return np.where(inside, np.clip(soft + grain, 1, FULL_SCALE), 0).astype(np.uint16)


def _way(read: Read, windows: Sequence[tuple[str, Box]]) -> Way:
    def work() -> None:
        for name, box in windows:
            read(name, box)

    return Way(work, len(windows))
