"""Drawing crop windows: every window is a pure function of the generator it is given.

Each row of a plan has random numbers of its own; what is computed from them, is computed for all rows at once.
Training windows (paper, Figure 3): malignant windows overlap malignant lesions and no other, benign ones benign
lesions and no other, outside windows lie on images with lesions and overlap none, negative windows lie on breasts
without any outlined lesion. Every window lies on the breast: at least half of it is tissue where that is possible.
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
"""Least share of a training window that must be breast tissue."""

TRIES = 200
"""Draws before a sampler gives up on finding a window."""

LESION_CLASSES = {PatchClass.MALIGNANT: Pathology.MALIGNANT, PatchClass.BENIGN: Pathology.BENIGN}


@dataclass(frozen=True)
class CropSizes:
    """Sizes of windows and patches, in pixels of the network frame (paper, Model training and Model evaluation).

    Attributes:
        side_px: smallest and largest side of a window (128 and 384 at full size).
        patch_px: side of the patch it is resampled to (256 at full size).
        max_angle_deg: training windows are rotated by up to this angle either way (30); lesion windows are not.
        whole_px: whether lesion windows lie on whole pixels, where a resize reads them, four times as fast as a warp;
            no loss at full size, but too coarse for pixels that stand for eight.
    """

    side_px: tuple[float, float]
    patch_px: int
    max_angle_deg: float = 30.0
    whole_px: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "side_px", tuple(self.side_px))
        if len(self.side_px) != 2 or not 0 < self.side_px[0] <= self.side_px[1]:
            raise MammoError(
                f"crops.side_px={list(self.side_px)}: give the smallest and the largest side, as [128, 384]"
            )

    def side(self, rng: np.random.Generator) -> float:
        """A side, uniform in side_px."""
        return float(rng.uniform(*self.side_px))

    def angle(self, rng: np.random.Generator) -> float:
        """A rotation, uniform in +-max_angle_deg."""
        return float(rng.uniform(-self.max_angle_deg, self.max_angle_deg))


@dataclass(frozen=True, eq=False)
class DrawnWindows:
    """Windows that were drawn, one entry each.

    Attributes:
        image: int64 [N], image rows.
        windows: float64 [N, 4], (row, col, side, angle), network frame.
        lesion: int64 [N], the lesion row that each was drawn for, -1 for none.
    """

    image: NDArray[np.int64]
    windows: NDArray[np.float64]
    lesion: NDArray[np.int64]


def lesion_windows(
    rngs: Sequence[np.random.Generator],
    index: SamplingIndex,
    lesions: Sequence[int],
    crops: CropSizes,
    angles: Sequence[float],
) -> NDArray[np.float64]:
    """Windows [N, 4] that overlap their lesions: each holds a random pixel of the outline, at a random place in it."""
    held, side, local = np.empty((len(rngs), 2)), np.empty(len(rngs)), np.empty((len(rngs), 2))
    for row, (rng, lesion) in enumerate(zip(rngs, lesions, strict=True)):
        held[row] = index.pixels[lesion][rng.integers(len(index.pixels[lesion]))]
        side[row] = crops.side(rng)
        local[row] = rng.uniform(-0.5, 0.5, size=2)
    return _holding(held, side, local, np.asarray(angles), crops)


def evaluation_windows(
    rng: np.random.Generator, pixels: NDArray[np.float64], n_windows: int, crops: CropSizes
) -> NDArray[np.float64]:
    """Upright windows [n_windows, 4] of one lesion, drawn as lesion_windows; fewer are the first of more.

    Args:
        rng: draws all of them: a generator for each would take a hundred times as long.
        pixels: the centres [P, 2] of the pixels inside the outline.
        n_windows: how many.
        crops: their sizes.
    """
    draws, (low, high) = rng.random((n_windows, 4)), crops.side_px
    held = pixels[(draws[:, 0] * len(pixels)).astype(np.int64)]
    return _holding(held, low + draws[:, 1] * (high - low), draws[:, 2:] - 0.5, np.zeros(n_windows), crops)


def _holding(
    held: NDArray[np.float64],
    side: NDArray[np.float64],
    local: NDArray[np.float64],
    angles: NDArray[np.float64],
    crops: CropSizes,
) -> NDArray[np.float64]:
    """Windows [N, 4] of these sides and angles that hold the points held [N, 2] at these places [N, 2] in them."""
    windows = np.column_stack([np.zeros_like(held), side, angles])
    windows[:, :2] = held - CropWindows(windows).to_frame(local[:, None])[:, 0]
    if crops.whole_px:
        upright = windows[:, 3] == 0
        windows[upright] = _on_whole_pixels(windows[upright], held[upright])
    return windows


def _on_whole_pixels(windows: NDArray[np.float64], held: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upright windows [N, 4] with edges between pixels, moved as little as possible; they still hold these points."""
    side, pixel = np.rint(windows[:, 2:3]), np.floor(held)
    corner = np.clip(np.rint(windows[:, :2] - side / 2), pixel - side + 1, pixel)
    return np.column_stack([corner + side / 2, side, windows[:, 3]])


def tissue_windows(
    rngs: Sequence[np.random.Generator], index: SamplingIndex, images: Sequence[int], crops: CropSizes
) -> NDArray[np.float64]:
    """Rotated windows [N, 4] whose centres lie in grid cells drawn by their share of tissue."""
    windows = np.empty((len(rngs), 4))
    for row, (rng, image) in enumerate(zip(rngs, images, strict=True)):
        share = SHARES[index.tissue[image]].astype(np.float64).ravel()
        cell = np.searchsorted(np.cumsum(share), rng.uniform(0, share.sum()), side="right")
        place = divmod(min(int(cell), share.size - 1), index.frame.grid[1])
        windows[row, :2] = (np.array(place) + rng.uniform(0, 1, size=2)) * index.frame.cell_px
        windows[row, 2:] = crops.side(rng), crops.angle(rng)
    return windows


def training_windows(
    rngs: Sequence[np.random.Generator], index: SamplingIndex, patch_class: PatchClass, crops: CropSizes
) -> DrawnWindows:
    """One window of the class for every generator, drawn again while it does not belong to the class or lies too bare.

    Raises:
        MammoError: no image can give such a window.
    """
    rows = index.candidate_rows(patch_class)
    pathology = LESION_CLASSES.get(patch_class)
    allowed = {pathology} if pathology else set()
    best, share = (
        DrawnWindows(*(np.zeros((len(rngs), *shape), dtype) for shape, dtype in DRAWN)),
        np.full(len(rngs), -1.0),
    )
    waiting = np.arange(len(rngs))
    for _ in range(TRIES):
        drawn = _draw([rngs[row] for row in waiting.tolist()], index, rows, pathology, crops)
        shares = index.tissue_fractions(drawn.image, drawn.windows)
        shares[[found != allowed for found in index.overlapped_pathologies(drawn.image, drawn.windows)]] = -1.0
        better = shares > share[waiting]
        for name in ("image", "windows", "lesion"):
            getattr(best, name)[waiting[better]] = getattr(drawn, name)[better]
        share[waiting] = np.maximum(share[waiting], shares)
        waiting = waiting[shares < MIN_TISSUE_FRACTION]
        if len(waiting) == 0:
            break
    if (share < 0).any():
        raise MammoError(f"no {patch_class.name.lower()} window found in {TRIES} draws: the lesions leave no room")
    return best


DRAWN = (((), np.int64), ((4,), np.float64), ((), np.int64))
"""Shapes and types of Drawn's rows."""


def _draw(
    rngs: Sequence[np.random.Generator],
    index: SamplingIndex,
    rows: NDArray[np.int64],
    pathology: Pathology | None,
    crops: CropSizes,
) -> DrawnWindows:
    """One try for every generator: a lesion or image row, and a window."""
    chosen = np.array([rows[rng.integers(rows.size)] for rng in rngs], dtype=np.int64)
    if pathology is None:
        return DrawnWindows(chosen, tissue_windows(rngs, index, chosen.tolist(), crops), np.full(len(rngs), -1))
    angles = [crops.angle(rng) for rng in rngs]
    return DrawnWindows(index.image_of[chosen], lesion_windows(rngs, index, chosen.tolist(), crops, angles), chosen)
