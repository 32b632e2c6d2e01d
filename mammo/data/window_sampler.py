"""Crop window sampler: every window is a pure function of its random generator.

Each row of a plan draws from its own generator; the geometry is computed for all rows at once. Training windows (paper,
Figure 3): malignant windows overlap malignant lesions and no others, benign windows overlap benign lesions and no
others, outside windows lie on images with lesions and overlap none, negative windows lie on breasts without any
outlined lesion. At least half of every window is breast tissue, where that is possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.sampling_index import SamplingIndex
from mammo.geometry import CropWindows
from mammo.records import MammoError, PatchClass, Pathology
from mammo.store.schema import SHARES

MIN_TISSUE_FRACTION = 0.5
"""Smallest fraction of a training window that is breast tissue."""

TRIES = 200
"""Draws of a window before the sampler gives up."""

LESION_CLASSES = {PatchClass.MALIGNANT: Pathology.MALIGNANT, PatchClass.BENIGN: Pathology.BENIGN}


@dataclass(frozen=True)
class CropSizes:
    """Sizes of crop windows and patches, network px (paper, Model training and Model evaluation).

    Attributes:
        side_px: smallest and largest side of a window (128 and 384 at full size).
        patch_px: side of the patch that a window is resampled to (256 at full size).
        max_angle_deg: largest rotation of training windows in either direction (30); lesion windows are upright.
        whole_px: whether the edges of lesion windows lie between pixels. A resize then reads them, four times as fast
            as a warp. At full size this loses nothing; at 1/8 scale it is too coarse.

    Raises:
        MammoError: side_px is not an increasing pair of positive numbers.
    """

    side_px: tuple[float, float]
    patch_px: int
    max_angle_deg: float = 30.0
    whole_px: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "side_px", tuple(self.side_px))
        if len(self.side_px) != 2 or not 0 < self.side_px[0] <= self.side_px[1]:
            raise MammoError(
                f"crops.side_px={list(self.side_px)}: give the smallest and the largest side in px, as in [128, 384]"
            )

    def side(self, rng: np.random.Generator) -> float:
        """A random side, uniform in side_px."""
        return float(rng.uniform(*self.side_px))

    def angle(self, rng: np.random.Generator) -> float:
        """A random rotation in degrees, uniform in +-max_angle_deg."""
        return float(rng.uniform(-self.max_angle_deg, self.max_angle_deg))


@dataclass(frozen=True, eq=False)
class DrawnWindows:
    """N random windows.

    Attributes:
        image: int64 [N], image row of each window.
        windows: float64 [N, 4], (row, col, side, angle), network frame.
        lesion: int64 [N], lesion row that each window was drawn for, -1 for none.
    """

    image: NDArray[np.int64]
    windows: NDArray[np.float64]
    lesion: NDArray[np.int64]

    def copy(self) -> "DrawnWindows":
        """The same windows in new arrays."""
        return DrawnWindows(self.image.copy(), self.windows.copy(), self.lesion.copy())


def lesion_windows(
    rngs: Sequence[np.random.Generator],
    index: SamplingIndex,
    lesions: Sequence[int],
    crops: CropSizes,
    angles: Sequence[float],
) -> NDArray[np.float64]:
    """Windows [N, 4] (row, col, side, angle), network frame, that overlap their lesions.

    Each holds a random pixel of its lesion at a random place; angles are in degrees.
    """
    pixel, side, local = np.empty((len(rngs), 2)), np.empty(len(rngs)), np.empty((len(rngs), 2))
    for row, (rng, lesion) in enumerate(zip(rngs, lesions, strict=True)):
        pixel[row] = index.pixels[lesion][rng.integers(len(index.pixels[lesion]))]
        side[row] = crops.side(rng)
        local[row] = rng.uniform(-0.5, 0.5, size=2)
    return _windows_around(pixel, side, local, np.asarray(angles), crops)


def evaluation_windows(
    rng: np.random.Generator, pixels: NDArray[np.float64], n_windows: int, crops: CropSizes
) -> NDArray[np.float64]:
    """Upright windows [n_windows, 4] (row, col, side, 0) of one lesion, network frame, drawn as in lesion_windows.

    The first k of n windows are the same for every n >= k.

    Args:
        rng: draws all windows; one generator per window would take a hundred times as long.
        pixels: centers [P, 2] (row, col) of the pixels inside the outline, network px.
        n_windows: number of windows.
        crops: their sizes.
    """
    draws, (low, high) = rng.random((n_windows, 4)), crops.side_px
    pixel = pixels[(draws[:, 0] * len(pixels)).astype(np.int64)]
    return _windows_around(pixel, low + draws[:, 1] * (high - low), draws[:, 2:] - 0.5, np.zeros(n_windows), crops)


def _windows_around(
    points: NDArray[np.float64],
    side: NDArray[np.float64],
    local: NDArray[np.float64],
    angles: NDArray[np.float64],
    crops: CropSizes,
) -> NDArray[np.float64]:
    """Windows [N, 4] of sides [N] and angles [N] that hold points [N, 2] at local coordinates [N, 2] in [-0.5, 0.5]."""
    windows = np.column_stack([np.zeros_like(points), side, angles])
    windows[:, :2] = points - CropWindows(windows).to_frame(local[:, None])[:, 0]
    if crops.whole_px:
        upright = windows[:, 3] == 0
        windows[upright] = _on_whole_pixels(windows[upright], points[upright])
    return windows


def _on_whole_pixels(windows: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upright windows [N, 4] moved as little as possible so that edges lie between pixels; each keeps its point."""
    side, pixel = np.rint(windows[:, 2:3]), np.floor(points)
    corner = np.clip(np.rint(windows[:, :2] - side / 2), pixel - side + 1, pixel)
    return np.column_stack([corner + side / 2, side, windows[:, 3]])


def tissue_windows(
    rngs: Sequence[np.random.Generator], index: SamplingIndex, images: Sequence[int], crops: CropSizes
) -> NDArray[np.float64]:
    """Rotated windows [N, 4] (row, col, side, angle), network frame, centered in cells drawn by tissue fraction."""
    windows = np.empty((len(rngs), 4))
    for row, (rng, image) in enumerate(zip(rngs, images, strict=True)):
        tissue = SHARES[index.tissue[image]].astype(np.float64).ravel()
        number = np.searchsorted(np.cumsum(tissue), rng.uniform(0, tissue.sum()), side="right")
        cell = divmod(min(int(number), tissue.size - 1), index.frame.grid[1])
        windows[row, :2] = (np.array(cell) + rng.uniform(0, 1, size=2)) * index.frame.cell_px
        windows[row, 2:] = crops.side(rng), crops.angle(rng)
    return windows


def training_windows(
    rngs: Sequence[np.random.Generator],
    index: SamplingIndex,
    patch_class: PatchClass,
    crops: CropSizes,
    first: DrawnWindows | None = None,
) -> DrawnWindows:
    """One window of the class per generator, redrawn until it belongs to the class and holds enough tissue.

    After TRIES draws, the window of the class with the most tissue is taken.

    Args:
        rngs: N generators.
        index: sampling index of the split.
        patch_class: class of the windows.
        crops: their sizes.
        first: N windows of the class whose lesions, or whose images for a class without lesions, are shown again; where
            no draw gives another window of the class, it stays. None to draw lesions or images, too.

    Raises:
        MammoError: no image can give a window of the class.
    """
    pathology = LESION_CLASSES.get(patch_class)
    allowed = {pathology} if pathology else set()
    n = len(rngs)
    candidates, again = index.candidate_rows(patch_class), None
    best = DrawnWindows(np.zeros(n, np.int64), np.zeros((n, 4)), np.zeros(n, np.int64))
    best_tissue = np.full(n, -1.0)  # -1 for a window of another class
    if first is not None:
        again = first.lesion if pathology else first.image
        best, best_tissue = first.copy(), np.full(n, -0.5)  # any window of the class takes its place
    waiting = np.arange(n)
    for _ in range(TRIES):
        drawing = [rngs[row] for row in waiting.tolist()]
        rows = _choose(drawing, candidates) if again is None else again[waiting]
        drawn = _draw(drawing, index, rows, pathology, crops)
        tissue = index.tissue_fractions(drawn.image, drawn.windows)
        overlapped = index.overlapped_pathologies(drawn.image, drawn.windows)
        tissue[[pathologies != allowed for pathologies in overlapped]] = -1.0
        better = tissue > best_tissue[waiting]
        for name in ("image", "windows", "lesion"):
            getattr(best, name)[waiting[better]] = getattr(drawn, name)[better]
        best_tissue[waiting] = np.maximum(best_tissue[waiting], tissue)
        waiting = waiting[tissue < MIN_TISSUE_FRACTION]
        if len(waiting) == 0:
            break
    if (best_tissue == -1).any():
        name = patch_class.name.lower()
        raise MammoError(
            f"no {name} window found in {TRIES} draws, because the lesions leave no room: "
            f"add images or set quota.{name}=0"
        )
    return best


def _choose(rngs: Sequence[np.random.Generator], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A random row [N] for each generator."""
    return np.array([rows[rng.integers(rows.size)] for rng in rngs], dtype=np.int64)


def _draw(
    rngs: Sequence[np.random.Generator],
    index: SamplingIndex,
    rows: NDArray[np.int64],
    pathology: Pathology | None,
    crops: CropSizes,
) -> DrawnWindows:
    """One window per generator, of these lesion rows [N], or image rows if pathology is None."""
    if pathology is None:
        return DrawnWindows(rows, tissue_windows(rngs, index, rows.tolist(), crops), np.full(len(rngs), -1))
    angles = [crops.angle(rng) for rng in rngs]
    return DrawnWindows(index.image_of[rows], lesion_windows(rngs, index, rows.tolist(), crops, angles), rows)
