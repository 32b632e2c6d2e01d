"""A clean store of synthetic records, to plant faults in: full exams, two thirds of the patients with a lesion."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import chain_values, outline_values, tissue_values

FRAME = Frame(368, 240, 8)
STORED = (130, 100)
BREAST = Box(5, 125, 0, 90)
SPLITS = ("train", "train", "train", "val", "test")


def breast(rng: np.random.Generator, brightness: float = 1.0) -> NDArray[np.uint16]:
    """Pixels of the store frame: a half ellipse of tissue with a random texture, on a background of 0."""
    rows, cols = np.mgrid[: BREAST.height, : BREAST.width]
    inside = ((rows - 59.5) / 52) ** 2 + (cols / 78) ** 2 < 1
    texture = cv2.GaussianBlur(rng.standard_normal((BREAST.height, BREAST.width)), (0, 0), 2.0) * 1500
    values = (1500 + texture + rng.standard_normal(rows.shape) * 60 + rng.normal() * 100) * brightness
    return np.where(inside, np.clip(values, 100, 4000), 0).astype(np.uint16)


def tissue() -> NDArray[np.float64]:
    """Tissue shares of the grid: the cells that the half ellipse covers."""
    whole = np.zeros((FRAME.height, FRAME.width))
    rows, cols = np.mgrid[: BREAST.height, : BREAST.width]
    whole[120 : 120 + BREAST.height, : BREAST.width] = ((rows - 59.5) / 52) ** 2 + (cols / 78) ** 2 < 1
    return whole.reshape(46, 8, 30, 8).mean(axis=(1, 3))


@dataclass
class SyntheticStore:
    """Rows and pixels by id, to be changed before they are written.

    Attributes:
        images: rows by image id.
        lesions: rows by lesion id; lesion k is on the first image of patient k.
        pixels: store pixels by image id; an image without any is not written.
    """

    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    lesions: dict[str, dict[str, Any]] = field(default_factory=dict)
    pixels: dict[str, NDArray[np.uint16]] = field(default_factory=dict)

    @classmethod
    def clean(cls, n_patients: int) -> "SyntheticStore":
        made, rng, shares = cls(), np.random.default_rng(5), tissue_values(tissue())
        for patient in range(n_patients):
            for number, (side, view) in enumerate((side, view) for side in "LR" for view in ("CC", "MLO")):
                key = f"{patient:06x}{number}"
                chain = FrameChain(
                    STORED, side == "R", BREAST if side == "L" else Box(5, 125, 0, 90), 1.0, (-120, 0), FRAME
                )
                made.pixels[key] = breast(rng)
                made.images[key] = {
                    "image_id": key,
                    "source": "table",
                    "patient_id": f"p{patient}",
                    "exam_id": f"e{patient}",
                    "laterality": side,
                    "view": view,
                    "split": SPLITS[patient % 5],
                    "official_split": "",
                    "fold": -1,
                    "negative": number > 1 or patient % 3 == 2,
                    "malignant": number == 0 and patient % 3 == 0,
                    "benign": number == 0 and patient % 3 == 1,
                    **dict.fromkeys(("breast_malignant", "breast_benign", "unplaced"), False),
                    "elsewhere": "",
                    "vendor": ("ge", "hologic", "siemens")[patient % 3],
                    "density": "",
                    "sha256": f"{key:0>64}",
                    **chain_values(chain),
                    **shares,
                }
            if patient % 3 < 2:
                mask = np.ones((12, 10), bool)
                made.lesions[f"l{patient}"] = {
                    "lesion_id": f"l{patient}",
                    "image_id": f"{patient:06x}0",
                    "finding_id": "",
                    "label": ("malignant", "benign")[patient % 3],
                    "label_source": "biopsy",
                    "high_risk": False,
                    "finding": "mass",
                    "birads": "",
                    "pathology_type": "",
                    **outline_values(mask, Box(50, 62, 20, 30)),
                    "gray": 2000.0,
                }
        return made

    def write(self, root: Path) -> Path:
        store = ImageStore(root)
        for key, pixels in self.pixels.items():
            store.write(key, pixels)
        Manifest.of(FRAME, list(self.images.values()), list(self.lesions.values())).save(root)
        return root


@pytest.fixture(scope="session")
def make_store() -> Callable[[int], SyntheticStore]:
    """A function that makes a clean store of n patients, not yet written."""
    return SyntheticStore.clean
