"""Plans of whole images: which images, in what order, through which windows (GMIC's training and inference)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.plans import IMAGE_STREAM, ORDER_STREAM, Plan
from mammo.data.sampling_index import SamplingIndex
from mammo.records import MammoError


@dataclass(frozen=True)
class WindowNoise:
    """Random shifts and size changes of the windows of training images, in pixels of the network frame.

    Attributes:
        location_px: largest shift along each axis (GMIC: 100 at full size); the window never leaves the image.
        size_px: largest change of the height (GMIC: 100 at full size); the width changes in proportion.

    Raises:
        MammoError: one of them is negative.
    """

    location_px: float = 0.0
    size_px: float = 0.0

    def __post_init__(self) -> None:
        for name in ("location_px", "size_px"):
            if getattr(self, name) < 0:
                raise MammoError(f"frame.noise.{name} must be >= 0, got {getattr(self, name)}")


def image_plan(index: SamplingIndex) -> Plan:
    """Every image once, in its network window; targets as SamplingIndex.shows."""
    rows = np.arange(len(index.negative))
    whole = (index.frame.height / 2, index.frame.width / 2, float(index.frame.height), 0.0)
    return _plan(index, rows, np.tile(whole, (len(rows), 1)))


def training_images(index: SamplingIndex, seed: int, epoch: int, noise: WindowNoise, balanced: bool) -> Plan:
    """The images of one epoch in random order, each in its own noisy window; as many rows as there are images.

    Args:
        index: sampling index of the split.
        seed: of order and windows.
        epoch: row i is a pure function of (seed, epoch, i).
        noise: of the windows.
        balanced: whether images with a malignant finding, with only benign findings and with neither come equally
            often, instead of every image once.
    """
    rng = np.random.default_rng((seed, ORDER_STREAM, epoch))
    rows = rng.permutation(_balanced_rows(index, rng) if balanced else len(index.negative))
    windows = [
        _noisy_window(np.random.default_rng((seed, IMAGE_STREAM, epoch, number)), index, image, noise)
        for number, image in enumerate(rows.tolist())
    ]
    return _plan(index, rows, np.array(windows))


def _plan(index: SamplingIndex, rows: NDArray[np.int64], windows: NDArray[np.float64]) -> Plan:
    none = np.full(len(rows), -1, dtype=np.int64)
    return Plan(rows.astype(np.int64), windows, index.shows[rows], none, np.zeros(len(rows), dtype=np.int64))


def _balanced_rows(index: SamplingIndex, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many image rows as there are images: each group equally often, each image of a group as evenly as possible.

    The groups are images with a malignant finding, with only benign findings, and with neither; empty groups are left
    out.
    """
    group_of = np.where(index.shows[:, 0] == 1, 2, index.shows[:, 1])
    groups = [rng.permutation(np.flatnonzero(group_of == group)) for group in np.unique(group_of)]
    counts = np.diff(np.linspace(0, len(group_of), len(groups) + 1).astype(int))
    return np.concatenate([np.resize(rows, n) for rows, n in zip(groups, counts, strict=True)])


def _noisy_window(
    rng: np.random.Generator, index: SamplingIndex, image: int, noise: WindowNoise
) -> tuple[float, float, float, float]:
    """(row, col, height, 0) of a window near the network window, inside the image if the image is large enough."""
    frame = index.frame
    height = frame.height + float(rng.uniform(-noise.size_px, noise.size_px))
    center = []
    for axis, (frame_px, size) in enumerate(
        ((frame.height, height), (frame.width, height * frame.width / frame.height))
    ):
        low, high = index.extents[image, axis]
        first, last = low + size / 2, high - size / 2
        if first > last:  # the image is smaller: pad an MLO below, a CC above and below, both on the nipple's side
            first = last = (low + high) / 2 if axis == 0 and not index.mlo[image] else first
        best = min(max(frame_px / 2, first), last)
        shift = rng.uniform(max(-noise.location_px, first - best), min(noise.location_px, last - best))
        center.append(best + float(shift))
    return center[0], center[1], height, 0.0
