"""Breast images for realism measurement, from a store or a real exam: pixels at a common scale and breast masks.

Scales are pixels per full-size pixel. Real and synthetic images are reduced to the same one of SCALES.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.adapters import read_cohort
from mammo.intake.gate import admit
from mammo.records import FULL_SCALE, MammoError, Pixels
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

SCALES = (1.0, 0.25, 0.125)
"""Scales at which images are measured."""

FULL = Frame(2944, 1920, 64)
"""The paper's network window."""

OPENING_PX = 40
"""Labels and markers narrower than this, full-size px, are not part of the breast."""


@dataclass(frozen=True, eq=False)
class BreastImage:
    """One mammogram, cropped to the breast.

    Attributes:
        gray: [rows, cols] float32 presentation values in [0, 1], facing right.
        scale: pixels per full-size pixel.
        patient: patient key; images of one patient are never on both sides of a comparison.
    """

    gray: NDArray[np.float32]
    scale: float
    patient: str

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Breast mask [rows, cols]: the largest foreground region, filled, without labels beside it."""
        foreground = cv2.copyMakeBorder(
            (self.gray > self.gray.min()).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE
        )
        side = 2 * round(OPENING_PX * self.scale / 2) + 1
        opened = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
        contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(-1, -1))
        mask = np.zeros(self.gray.shape, dtype=np.uint8)
        if contours:
            cv2.drawContours(mask, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
        return mask.astype(np.bool_)

    @cached_property
    def skin_depth(self) -> NDArray[np.float32]:
        """Distance [rows, cols] to the background, full-size px; 0 outside. The image border does not count as skin."""
        distance = cv2.distanceTransform(self.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(distance / np.float32(self.scale), dtype=np.float32)

    def reduced(self, scale: float) -> "BreastImage":
        """The image at an equal or smaller scale; each pixel is the mean of the pixels it covers."""
        if scale == self.scale:
            return self
        rows, cols = (max(1, round(n * scale / self.scale)) for n in self.gray.shape)
        gray = cv2.resize(self.gray, (cols, rows), interpolation=cv2.INTER_AREA)
        return BreastImage(np.asarray(gray, dtype=np.float32), scale, self.patient)

    def squares(self, side_px: int) -> Iterator[tuple[slice, slice]]:
        """(row, col) slices of squares that lie entirely on the breast, half a side apart; side in full-size px."""
        side = round(side_px * self.scale)
        area = cv2.integral(self.mask.astype(np.uint8))
        for row in range(0, self.gray.shape[0] - side + 1, side // 2):
            for col in range(0, self.gray.shape[1] - side + 1, side // 2):
                inside = area[row + side, col + side] - area[row, col + side] - area[row + side, col] + area[row, col]
                if inside == side * side:
                    yield slice(row, row + side), slice(col, col + side)


def measurement_scale(fineness: float) -> float:
    """The largest of SCALES that images with this many pixels per full-size pixel can be reduced to.

    Raises:
        MammoError: the images are coarser than 1/8.
    """
    possible = [scale for scale in SCALES if scale <= fineness * (1 + 1e-9)]
    if not possible:
        raise MammoError(f"pixels of {1 / fineness:.3g} full-size pixels are too coarse: use a store of 1/8 or finer")
    return possible[0]


class StoreImages:
    """Images of whole patients, the first of a store, at the largest possible one of SCALES.

    Args:
        store: the store folder.
        max_images: approximate number of images.

    Raises:
        MammoError: there is no store, or its images are too coarse.
    """

    def __init__(self, store: Path, max_images: int) -> None:
        self.store, self.manifest = store, Manifest.load(store)
        self.fineness = self.manifest.frame.fineness
        self.scale = measurement_scale(self.fineness)
        patient_of = self.manifest.images["patient_id"]
        patients = patient_of.drop_duplicates().tolist()
        if len(patient_of) > max_images:
            patients = patients[: max(1, round(len(patients) * max_images / len(patient_of)))]
        self.ids = patient_of.index[patient_of.isin(patients)].tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[BreastImage]:
        pixels = ImageStore(self.store)
        for image_id in self.ids:
            rows, cols = pixels.shape(image_id)
            gray = _as_fractions(pixels.read(image_id, Box(0, rows, 0, cols)))
            patient = str(self.manifest.images.loc[image_id, "patient_id"])
            yield BreastImage(gray, self.fineness, patient).reduced(self.scale)


def exam_images(exam: Path) -> Iterator[BreastImage]:
    """The images of a real exam in the format of data=nyu, at full size.

    Raises:
        MammoError: the folder holds no such exam.
    """
    for image in read_cohort("nyu", exam).images:
        yield BreastImage(_as_fractions(admit(exam, image, FULL, 1.0).pixels), 1.0, image.path)


def _as_fractions(pixels: Pixels) -> NDArray[np.float32]:
    """Gray values divided by full scale, in [0, 1]."""
    return np.asarray(pixels / np.float32(FULL_SCALE), dtype=np.float32)
