"""The ranges of what a model was trained on, outside of which its scores are doubtful."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammo.records import MammoError, is_number
from mammo.scoring.number_text import number_text
from mammo.store.manifest import Manifest

Range = tuple[float, float]

NAMES = ("spacing_mm", "gray", "size_mm", "size_px")

PAPER_PX = "px of the paper's 2944 x 1920 frame"


@dataclass(frozen=True)
class LesionFacts:
    """What is compared with the ranges, of one lesion.

    Attributes:
        vendor: manufacturer of the unit (intake.dicom_header.VENDORS); empty if unknown.
        spacing_mm: mm between the pixels of the file; 0 if unknown.
        gray: mean gray level inside the outline, 0 to 4095.
        size_mm: longer side of the outline's box, mm; 0 if unknown.
        size_px: the same, px of the paper's 2944 x 1920 frame.
    """

    vendor: str
    spacing_mm: float
    gray: float
    size_mm: float
    size_px: float


@dataclass(frozen=True)
class TrainingRanges:
    """The least and the greatest value among the training lesions and their images; None where none is known.

    Attributes:
        vendors: manufacturers of the units, sorted.
        spacing_mm: mm between the pixels of the files.
        gray: mean gray level inside the outline, 0 to 4095.
        size_mm: longer side of the outline's box, mm.
        size_px: the same, px of the paper's 2944 x 1920 frame.
    """

    vendors: tuple[str, ...]
    spacing_mm: Range | None
    gray: Range | None
    size_mm: Range | None
    size_px: Range | None

    @classmethod
    def of(cls, training: Manifest) -> "TrainingRanges":
        """The ranges of the images and lesions of a training split."""
        lesions = training.lesions
        images = training.images.loc[lesions["image_id"]]
        edges = lesions[["row0", "row1", "col0", "col1"]].to_numpy(dtype=np.float64)
        sides = np.maximum(edges[:, 1] - edges[:, 0], edges[:, 3] - edges[:, 2])
        spacing = images["spacing_mm"].to_numpy(dtype=np.float64)
        return cls(
            vendors=tuple(sorted(set(training.images["vendor"]) - {""})),
            spacing_mm=_range(spacing[spacing > 0]),
            gray=_range(lesions["gray"].to_numpy(dtype=np.float64)),
            size_mm=_range((sides * spacing)[spacing > 0]),
            size_px=_range(sides * images["scale"].to_numpy(dtype=np.float64) / training.frame.fineness),
        )

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "TrainingRanges":
        """The ranges from JSON values; ValueError, KeyError, TypeError or MammoError where they are none."""
        ranges = {name: _parsed(content[name]) for name in NAMES}
        return cls(tuple(str(vendor) for vendor in content["vendors"]), **ranges)

    def warnings(self, lesion: LesionFacts) -> Iterator[str]:
        """Yield a sentence on each value of a lesion that lies outside of what the model was trained on."""
        if lesion.vendor and self.vendors and lesion.vendor not in self.vendors:
            seen = ", ".join(self.vendors)
            yield f"The unit is of a vendor that the model was not trained on ({lesion.vendor}; trained on {seen})."
        if not lesion.vendor and self.vendors:
            yield "The vendor of the unit is unknown."
        if lesion.spacing_mm <= 0 and self.spacing_mm:
            yield "The pixel spacing is unknown: sizes in mm are not compared with those of the training lesions."
        in_mm = lesion.size_mm > 0 and self.size_mm is not None
        size, unit, seen_sizes = (
            (lesion.size_mm, "mm", self.size_mm) if in_mm else (lesion.size_px, PAPER_PX, self.size_px)
        )
        yield from _outside("The pixel spacing", lesion.spacing_mm or None, "mm", self.spacing_mm, decimals=3)
        yield from _outside("The gray level inside the outline", lesion.gray, "of 4095", self.gray)
        yield from _outside("The longer side of the outline", size, unit, seen_sizes, decimals=int(in_mm))


def _outside(what: str, value: float | None, unit: str, seen: Range | None, decimals: int = 0) -> Iterator[str]:
    """Yield a sentence if a value, None where unknown, lies outside of what was seen in training."""
    if value is not None and seen is not None and not seen[0] <= value <= seen[1]:
        shown, low, high = (number_text(each, decimals) for each in (value, *seen))
        yield f"{what} is {shown} {unit}, outside of what the model was trained on ({low} to {high})."


def _range(values: np.ndarray[Any, np.dtype[np.float64]]) -> Range | None:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else None


def _parsed(value: object) -> Range | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(map(is_number, value)):
        raise MammoError(f"{value!r} is not a range of two numbers")
    return float(value[0]), float(value[1])
