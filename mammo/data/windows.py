"""Drawing crop windows: every window is a pure function of the generator it is given.

Training windows (paper, Figure 3): malignant windows overlap malignant lesions and no other, benign ones benign
lesions and no other, outside windows lie on images with lesions and overlap none, negative windows lie on breasts
without any outlined lesion. Every window lies on the breast: at least half of it is tissue where that is possible.
"""

from dataclasses import dataclass

import numpy as np

from mammo.data.ground import Ground
from mammo.geometry import CropWindow
from mammo.records import MammoError, PatchClass, Pathology

TISSUE_SHARE = 0.5
"""Least share of a training window that must be breast tissue."""

TRIES = 200
"""Draws before a sampler gives up on finding a window."""

LESION_CLASSES = {PatchClass.MALIGNANT: Pathology.MALIGNANT, PatchClass.BENIGN: Pathology.BENIGN}


@dataclass(frozen=True)
class Crops:
    """Sizes of windows and patches, in pixels of the network frame (paper, Model training and Model evaluation).

    Attributes:
        side_px: smallest and largest side of a window (128 and 384 at full size).
        patch_px: side of the patch it is resampled to (256 at full size).
        max_angle_deg: training windows are rotated by up to this angle either way (30); lesion windows are not.
    """

    side_px: tuple[float, float]
    patch_px: int
    max_angle_deg: float = 30.0

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


def lesion_window(rng: np.random.Generator, ground: Ground, lesion: int, crops: Crops, angle: float) -> CropWindow:
    """A window that overlaps the lesion: it holds a random pixel of the outline, at a random place in the window."""
    pixel = ground.pixels[lesion][rng.integers(len(ground.pixels[lesion]))]
    side = crops.side(rng)
    held = CropWindow(0.0, 0.0, side, angle).to_frame(rng.uniform(-0.5, 0.5, size=2))
    return CropWindow(float(pixel[0] - held[0]), float(pixel[1] - held[1]), side, angle)


def tissue_window(rng: np.random.Generator, ground: Ground, image: int, crops: Crops) -> CropWindow:
    """A rotated window whose centre lies in a grid cell drawn by its share of tissue."""
    share = ground.tissue[image].astype(np.float64).ravel()
    cell = np.searchsorted(np.cumsum(share), rng.uniform(0, share.sum()), side="right")
    row, col = np.unravel_index(min(int(cell), share.size - 1), ground.frame.grid)
    centre = (np.array([row, col]) + rng.uniform(0, 1, size=2)) * ground.frame.cell_px
    return CropWindow(float(centre[0]), float(centre[1]), crops.side(rng), crops.angle(rng))


def training_window(
    rng: np.random.Generator, ground: Ground, patch_class: PatchClass, crops: Crops
) -> tuple[int, CropWindow, int]:
    """An image row, a window on it that belongs to the class, and the lesion row it was drawn for (-1 for none).

    Raises:
        MammoError: no image can give such a window.
    """
    rows = ground.rows(patch_class)
    pathology = LESION_CLASSES.get(patch_class)
    best: tuple[float, int, CropWindow, int] | None = None
    for _ in range(TRIES):
        row = int(rows[rng.integers(rows.size)])
        if pathology is not None:
            image, lesion = int(ground.image_of[row]), row
            window = lesion_window(rng, ground, lesion, crops, crops.angle(rng))
        else:
            image, lesion = row, -1
            window = tissue_window(rng, ground, image, crops)
        if ground.overlapped(image, window) != ({pathology} if pathology else set()):
            continue
        share = ground.tissue_share(image, window)
        if best is None or share > best[0]:
            best = (share, image, window, lesion)
        if share >= TISSUE_SHARE:
            break
    if best is None:
        raise MammoError(f"no {patch_class.name.lower()} window found in {TRIES} draws: the lesions leave no room")
    return best[1:]
