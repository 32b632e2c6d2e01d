"""Plans of whole images, for the context network: which images an epoch holds, each in its own window.

Row i of an epoch is a pure function of (seed, epoch, i).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mammo.data.plans import IMAGE_STREAM, ORDER_STREAM, Plan
from mammo.data.sampling_index import LabelLevel, SamplingIndex
from mammo.records import MammoError


class ImageSampling(StrEnum):
    """Which images of the training split an epoch holds."""

    ALL = "all"
    """Every image once."""
    BALANCED = "balanced"
    """Images with a malignant finding, with only benign ones and with neither equally often."""
    EXAMS = "exams"
    """The images of every exam with a malignant or benign finding, and of as many other exams, drawn anew."""


@dataclass(frozen=True)
class WindowNoise:
    """Random shifts and size changes of the windows of training images, in pixels of the network frame.

    Attributes:
        location_px: largest shift along each axis (GMIC: 100 at full size); the window never leaves the image.
        size_px: largest change of the height (GMIC: 100 at full size); the width changes in proportion.
        borders: whether each of the four borders moves by itself, those at the top and the bottom by up to size_px and
            the others in proportion, and none of them further out of the image. False: height and width change
            together, about the center.

    Raises:
        MammoError: a number is negative.
    """

    location_px: float = 0.0
    size_px: float = 0.0
    borders: bool = False

    def __post_init__(self) -> None:
        for name in ("location_px", "size_px"):
            if getattr(self, name) < 0:
                raise MammoError(f"frame.noise.{name} must be >= 0, got {getattr(self, name)}")


def image_plan(index: SamplingIndex, labels: LabelLevel) -> Plan:
    """Every image once, in its network window; targets as SamplingIndex.image_labels."""
    rows = np.arange(len(index.negative))
    height, width = float(index.frame.height), float(index.frame.width)
    windows = np.tile((height / 2, width / 2, height, width), (len(rows), 1))
    return _whole_images(rows, windows, index.image_labels(labels))


def training_images(
    index: SamplingIndex,
    exams: NDArray[np.object_],
    seed: int,
    epoch: int,
    noise: WindowNoise,
    sampling: ImageSampling,
    labels: LabelLevel,
) -> Plan:
    """The images of one epoch in random order, each in its own noisy window.

    Args:
        index: sampling index of the split.
        exams: [images], the exam of each image; an empty one stands for an exam of its own.
        seed: of images, order and windows.
        epoch: row i is a pure function of (seed, epoch, i).
        noise: of the windows.
        sampling: which images; as many rows as there are images unless it is EXAMS.
        labels: of the targets (SamplingIndex.image_labels), and of the findings by which images and exams are chosen.

    Raises:
        MammoError: the noise could leave nothing of a window, or sampling is EXAMS and no exam has a finding.
    """
    if 2 * noise.size_px >= index.frame.height:
        raise MammoError(
            f"frame.noise.size_px={noise.size_px:g}: give less than half the height of the window, "
            f"{index.frame.height} px"
        )
    rng, shows = np.random.default_rng((seed, ORDER_STREAM, epoch)), index.image_labels(labels)
    match sampling:
        case ImageSampling.ALL:
            images = np.arange(len(index.negative))
        case ImageSampling.BALANCED:
            images = _balanced_rows(shows, rng)
        case ImageSampling.EXAMS:
            images = _rows_of_exams(shows, exams, rng)
    rows = rng.permutation(images)
    windows = [
        _noisy_window(np.random.default_rng((seed, IMAGE_STREAM, epoch, number)), index, image, noise)
        for number, image in enumerate(rows.tolist())
    ]
    return _whole_images(rows, np.array(windows), shows[rows])


def _whole_images(rows: NDArray[np.int64], windows: NDArray[np.float64], target: NDArray[np.int64]) -> Plan:
    none = np.full(len(rows), -1, dtype=np.int64)
    return Plan(rows.astype(np.int64), windows, target, none, np.zeros(len(rows), dtype=np.int64))


def _balanced_rows(shows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """As many image rows as there are images: each group equally often, each image of a group as evenly as possible.

    The groups are images with a malignant finding, with only benign findings, and with neither; empty groups are left
    out.
    """
    group_of = np.where(shows[:, 0] == 1, 2, shows[:, 1])
    groups = [rng.permutation(np.flatnonzero(group_of == group)) for group in np.unique(group_of)]
    counts = np.diff(np.linspace(0, len(group_of), len(groups) + 1).astype(int))
    return np.concatenate([np.resize(rows, n) for rows, n in zip(groups, counts, strict=True)])


def _rows_of_exams(shows: NDArray[np.int64], exams: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.int64]:
    """The image rows of all exams with a malignant or benign finding and of as many others, or of all others."""
    keys = [exam or row for row, exam in enumerate(exams.tolist())]
    names = list(dict.fromkeys(keys))
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of[key] for key in keys], dtype=np.int64)
    chosen = np.zeros(len(names), dtype=bool)
    chosen[numbers[shows.any(axis=1)]] = True
    if not chosen.any():
        raise MammoError("image_sampling=exams: no training exam has a malignant or benign finding; choose all")
    others = np.flatnonzero(~chosen)
    chosen[rng.choice(others, min(int(chosen.sum()), len(others)), replace=False)] = True
    return np.flatnonzero(chosen[numbers])


def _noisy_window(
    rng: np.random.Generator, index: SamplingIndex, image: int, noise: WindowNoise
) -> tuple[float, float, float, float]:
    """(row, col, height, width) of a window near the network window, inside the image if the image is large enough."""
    frame = index.frame
    height = frame.height + (0.0 if noise.borders else float(rng.uniform(-noise.size_px, noise.size_px)))
    sizes, center = (height, height * frame.width / frame.height), []
    for axis, (frame_px, size) in enumerate(zip((frame.height, frame.width), sizes, strict=True)):
        low, high = index.extents[image, axis]
        first, last = low + size / 2, high - size / 2
        if first > last:  # the image is smaller: pad an MLO below, a CC above and below, both on the nipple's side
            first = last = (low + high) / 2 if axis == 0 and not index.mlo[image] else first
        best = min(max(frame_px / 2, first), last)
        shift = rng.uniform(max(-noise.location_px, first - best), min(noise.location_px, last - best))
        center.append(best + float(shift))
    if not noise.borders:
        return center[0], center[1], *sizes
    (row, height), (col, width) = (
        _moved_borders(rng, center[axis], sizes[axis], noise.size_px * sizes[axis] / height, index.extents[image, axis])
        for axis in (0, 1)
    )
    return row, col, height, width


def _moved_borders(
    rng: np.random.Generator, center: float, size: float, reach: float, extent: NDArray[np.float64]
) -> tuple[float, float]:
    """Center and size along one axis after both borders moved by up to reach, none of them further out of the image."""
    first, last = center - size / 2, center + size / 2
    moved = rng.uniform(-reach, reach, size=2).tolist()
    low, high = max(first + moved[0], min(first, float(extent[0]))), min(last + moved[1], max(last, float(extent[1])))
    return (low + high) / 2, high - low
