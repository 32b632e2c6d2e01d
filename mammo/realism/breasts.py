"""Breasts as their realism is measured: the stored pixels at a common scale, and which of them are breast.

Scales are pixels per full-size pixel; measuring reduces an image to one of SCALES, real and synthetic ones alike.
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
from mammo.records import FULL_SCALE, MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

SCALES = (1.0, 0.25, 0.125)
"""Where figures are measured: full size, a quarter, an eighth."""

FULL = Frame(2944, 1920, 64)
"""The paper's network window, of which a breast's area is told as a share."""

OPENING_PX = 40
"""Labels and markers narrower than this, full-size px, are no breast."""


@dataclass(frozen=True, eq=False)
class BreastImage:
    """One image.

    Attributes:
        grey: [rows, cols] float32 presentation values in [0, 1], facing right, cropped to the breast.
        scale: its pixels per full-size pixel.
        patient: whose it is; images of one patient are never on both sides of a comparison.
    """

    grey: NDArray[np.float32]
    scale: float
    patient: str

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Which pixels [rows, cols] are of the breast: the largest foreground part, without labels beside it."""
        shown = cv2.copyMakeBorder((self.grey > self.grey.min()).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        side = 2 * round(OPENING_PX * self.scale / 2) + 1
        opened = cv2.morphologyEx(shown, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
        outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(-1, -1))
        mask = np.zeros(self.grey.shape, dtype=np.uint8)
        if outlines:
            cv2.drawContours(mask, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
        return mask.astype(np.bool_)

    @cached_property
    def skin_depth(self) -> NDArray[np.float32]:
        """Distance [rows, cols] to the background in full-size px, 0 outside; the image's own edges are no skin."""
        distance = cv2.distanceTransform(self.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(distance / np.float32(self.scale), dtype=np.float32)

    def at(self, scale: float) -> "BreastImage":
        """The image reduced to a scale that is not larger; each pixel is the mean of what it covers."""
        if scale == self.scale:
            return self
        rows, cols = (max(1, round(n * scale / self.scale)) for n in self.grey.shape)
        grey = cv2.resize(self.grey, (cols, rows), interpolation=cv2.INTER_AREA)
        return BreastImage(np.asarray(grey, dtype=np.float32), scale, self.patient)

    def squares(self, side_px: int) -> Iterator[tuple[slice, slice]]:
        """Squares of side_px full-size px that lie wholly on the breast, half a side apart."""
        side = round(side_px * self.scale)
        held = cv2.integral(self.mask.astype(np.uint8))
        for row in range(0, self.grey.shape[0] - side + 1, side // 2):
            for col in range(0, self.grey.shape[1] - side + 1, side // 2):
                area = held[row + side, col + side] - held[row, col + side] - held[row + side, col] + held[row, col]
                if area == side * side:
                    yield slice(row, row + side), slice(col, col + side)


def measuring_scale(fineness: float) -> float:
    """The largest of SCALES that images of this many pixels per full-size pixel can be reduced to.

    Raises:
        MammoError: they are coarser than an eighth.
    """
    below = [scale for scale in SCALES if scale <= fineness * (1 + 1e-9)]
    if not below:
        raise MammoError(f"pixels of {1 / fineness:.3g} full-size pixels are too coarse: give a store of 1/8 or finer")
    return below[0]


class StoreBreasts:
    """The breasts of a store, evenly picked from it, patient by patient.

    Raises:
        MammoError: there is no store, or it is too coarse.
    """

    def __init__(self, store: Path, most: int) -> None:
        self.store, self.manifest = store, Manifest.load(store)
        self.fineness = self.manifest.frame.fineness
        self.scale = measuring_scale(self.fineness)
        patients = self.manifest.images["patient_id"]
        order = patients.drop_duplicates().tolist()
        kept = order[: max(1, round(len(order) * most / max(len(patients), 1)))] if len(patients) > most else order
        self.ids = patients.index[patients.isin(kept)].tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[BreastImage]:
        pixels = ImageStore(self.store)
        for image_id in self.ids:
            rows, cols = pixels.shape(image_id)
            grey = _shares(pixels.read(image_id, Box(0, rows, 0, cols)))
            yield BreastImage(grey, self.fineness, str(self.manifest.images.loc[image_id, "patient_id"])).at(self.scale)


def exam_breasts(exam: Path) -> Iterator[BreastImage]:
    """The breasts of a real exam in the format of data=nyu, at full size.

    Raises:
        MammoError: the folder holds no such exam.
    """
    for image in read_cohort("nyu", exam).images:
        yield BreastImage(_shares(admit(exam, image, FULL, 1.0).pixels), 1.0, image.path)


def _shares(pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Grey values as shares of white."""
    return np.asarray(pixels / np.float32(FULL_SCALE), dtype=np.float32)
