"""Plans of whole images: which ones, in what order, seen through which window (GMIC's training and inference)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.plans import IMAGE_STREAM, ORDER_STREAM, Plan
from mammo.data.sampling_index import SamplingIndex
from mammo.records import MammoError, Pathology


@dataclass(frozen=True)
class WindowNoise:
    """How far a training image's window strays from the network window, in pixels of the network frame.

    Attributes:
        location_px: largest shift of each coordinate (GMIC: 100 at full size); the window never leaves the image.
        size_px: largest change of the height (GMIC: 100); the width changes in proportion.
    """

    location_px: float = 0.0
    size_px: float = 0.0

    def __post_init__(self) -> None:
        if min(self.location_px, self.size_px) < 0:
            raise MammoError(
                f"frame.noise={{location_px: {self.location_px}, size_px: {self.size_px}}}: give 0 or more"
            )


def image_plan(index: SamplingIndex) -> Plan:
    """Every image once, in its network window; target column 0 is "a malignant lesion", column 1 "a benign lesion"."""
    rows = np.arange(len(index.negative))
    whole = (index.frame.height / 2, index.frame.width / 2, float(index.frame.height), 0.0)
    return _plan(index, rows, np.tile(whole, (len(rows), 1)))


def training_images(index: SamplingIndex, seed: int, epoch: int, noise: WindowNoise, balanced: bool) -> Plan:
    """The images of one epoch in random order, each in its own noisy window; as many rows as there are images.

    Args:
        index: of the split.
        seed: of order and windows.
        epoch: row i is a pure function of (seed, epoch, i).
        noise: of the windows.
        balanced: whether images with a malignant lesion, with benign ones only and with neither come equally often,
            instead of every image once.
    """
    rng = np.random.default_rng((seed, ORDER_STREAM, epoch))
    rows = rng.permutation(_balanced(index, rng) if balanced else len(index.negative))
    windows = [
        _noisy(np.random.default_rng((seed, IMAGE_STREAM, epoch, number)), index, image, noise)
        for number, image in enumerate(rows.tolist())
    ]
    return _plan(index, rows, np.array(windows))


def image_targets(index: SamplingIndex) -> NDArray[np.int64]:
    """What every image shows, [images, 2] in {0, 1}: a malignant lesion, a benign one."""
    found = np.zeros((len(index.negative), 2), dtype=np.int64)
    for lesion, label in enumerate(index.labels):
        if label != Pathology.NONE:
            found[index.image_of[lesion], 0 if label == Pathology.MALIGNANT else 1] = 1
    return found


def _plan(index: SamplingIndex, rows: NDArray[np.int64], windows: NDArray[np.float64]) -> Plan:
    none = np.full(len(rows), -1, dtype=np.int64)
    return Plan(rows.astype(np.int64), windows, image_targets(index)[rows], none, np.zeros(len(rows), dtype=np.int64))


def _balanced(index: SamplingIndex, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many image rows as there are images, each kind that exists equally often, every image as evenly as can be."""
    target = image_targets(index)
    worst = np.where(target[:, 0] == 1, 2, target[:, 1])
    kinds = [rng.permutation(np.flatnonzero(worst == kind)) for kind in np.unique(worst)]
    shares = np.diff(np.linspace(0, len(worst), len(kinds) + 1).astype(int))
    return np.concatenate([np.resize(rows, n) for rows, n in zip(kinds, shares, strict=True)])


def _noisy(
    rng: np.random.Generator, index: SamplingIndex, image: int, noise: WindowNoise
) -> tuple[float, float, float, float]:
    """(row, col, height, 0) of a window near the network window and inside the image, where it is large enough."""
    frame = index.frame
    height = frame.height + float(rng.uniform(-noise.size_px, noise.size_px))
    centre = []
    for axis, (frame_px, size) in enumerate(
        ((frame.height, height), (frame.width, height * frame.width / frame.height))
    ):
        low, high = index.extents[image, axis]
        first, last = low + size / 2, high - size / 2
        if first > last:  # zeros fill what is missing: below an MLO, above and below a CC, on the nipple's side
            first = last = (low + high) / 2 if axis == 0 and not index.mlo[image] else first
        best = min(max(frame_px / 2, first), last)
        shift = rng.uniform(max(-noise.location_px, first - best), min(noise.location_px, last - best))
        centre.append(best + float(shift))
    return centre[0], centre[1], height, 0.0
