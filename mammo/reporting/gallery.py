"""The gallery of lesions: the choice of lesions, and their values for the page's viewer, ready for JSON.

No value names a patient. Coordinates are (x, y) = (column, row) in the network frame, as browsers use them.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from contourpy import contour_generator
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.records import FULL_SCALE, Pixels

N_LESIONS = 150
IMAGE_BYTES = 100_000
"""Largest size of one image, so that a page with N_LESIONS images in base64 stays below 25 MB."""

MAX_HEIGHT = 920
FIELDS = {
    "label": "Pathology",
    "split": "Split",
    "finding": "Finding",
    "view": "View",
    "laterality": "Laterality",
    "vendor": "Vendor",
    "density": "Density",
    "size": "Size",
    "label_source": "Label source",
    "high_risk": "High-risk",
}
"""The fields that lesions are filtered by, and their names on the page."""

Grid = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GalleryImage:
    """One image of the gallery.

    Attributes:
        pixels: uint16 [H, W], network frame, 0 to FULL_SCALE.
        saliency: [2, rows, cols] in [0, 1], malignant then benign; None for models without saliency maps.
        outlines: lesion id, label, mask [box.height, box.width] and box (network frame) of every lesion on the image.
    """

    pixels: Pixels
    saliency: Grid | None
    outlines: Sequence[tuple[str, str, NDArray[np.bool_], Box]]


def choose_lesions(lesions: pd.DataFrame, n: int) -> pd.DataFrame:
    """The lesions that a gallery of n shows, by score.

    A third are the malignant lesions with the lowest scores, a third the benign ones with the highest; the rest are
    spread evenly over the scores of the others.

    Args:
        lesions: lesion_id, malignant and score; all are shown if they are n or fewer.
        n: number of lesions.
    """
    ranked = lesions.sort_values(["score", "lesion_id"])
    if len(ranked) <= n:
        return ranked
    is_malignant = ranked["malignant"] == 1
    errors = [*ranked.index[is_malignant][: n // 3], *ranked.index[~is_malignant][::-1][: n // 3]]
    rest = ranked.index.difference(errors, sort=False)
    spread = rest[np.unique(np.linspace(0, len(rest) - 1, n - len(errors)).round().astype(int))]
    return ranked.loc[ranked.index.isin([*errors, *spread])]


def lesion_values(lesion: "pd.Series[Any]", windows: pd.DataFrame, location: Grid) -> dict[str, Any]:
    """The values of one lesion for the viewer.

    Args:
        lesion: FIELDS, lesion_id, image_id, exam_id, score, score_sd and without (score without context, or NaN).
        windows: row, col, side (network px) and score of its windows.
        location: [rows, cols] in [0, 1], mean of the windows' location indicator maps.
    """
    values = {name: str(lesion[name]) for name in FIELDS if name != "high_risk"}
    return {
        "id": lesion["lesion_id"],
        "image": lesion["image_id"],
        "exam": lesion["exam_id"],
        **values,
        "high_risk": "yes" if lesion["high_risk"] else "no",
        "score": round(float(lesion["score"]), 4),
        "sd": round(float(lesion["score_sd"]), 4),
        "without": None if np.isnan(lesion["without"]) else round(float(lesion["without"]), 4),
        "windows": np.round(windows[["col", "row", "side"]].to_numpy(), 1).tolist(),
        "scores": np.round(windows["score"].to_numpy(), 3).tolist(),
        "location": _grid(location),
    }


def image_values(image: GalleryImage) -> dict[str, Any]:
    """The values of one image for the viewer: a JPEG, outlines as polygons, maps as bytes."""
    outlines = [
        {"lesion": lesion, "label": label, "rings": _rings(mask, box)} for lesion, label, mask, box in image.outlines
    ]
    values: dict[str, Any] = {"src": jpeg(image.pixels), "outlines": outlines, "malignant": None, "benign": None}
    if image.saliency is not None:
        values |= {"malignant": _grid(image.saliency[0]), "benign": _grid(image.saliency[1])}
    return values


def frame_values(frame: Frame) -> dict[str, int]:
    """The frame's size (network px) and grid for the viewer."""
    rows, cols = frame.grid
    return {"height": frame.height, "width": frame.width, "rows": rows, "cols": cols}


def jpeg(pixels: Pixels) -> str:
    """The data URI of a JPEG of at most IMAGE_BYTES, from pixels uint16 [H, W], 0 to FULL_SCALE."""
    height, width = pixels.shape
    gray = pixels.astype(np.float32) * (255 / FULL_SCALE)
    size = (round(width * MAX_HEIGHT / height), MAX_HEIGHT) if height > MAX_HEIGHT else (width, height)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).round().astype(np.uint8)
    for quality in (88, 75, 60, 45, 30, 15, 5):
        content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= IMAGE_BYTES:
            break
    return "data:image/jpeg;base64," + b64encode(content).decode()


def _rings(mask: NDArray[np.bool_], box: Box) -> list[list[list[float]]]:
    """The contours of a mask as closed rings of (x, y), network px."""
    lines = contour_generator(z=np.pad(mask, 1).astype(np.float64)).lines(0.5)
    rings = [cv2.approxPolyDP(np.asarray(line, dtype=np.float32), 0.4, closed=True)[:, 0] for line in lines]
    start = np.array([box.col0, box.row0]) - 0.5  # the center of pixel c of the padded mask is at c - 1 + 0.5
    return [np.round(ring + start, 1).tolist() for ring in rings]


def _grid(values: Grid) -> str:
    """Values [rows, cols] in [0, 1] as bytes, row by row, in base64."""
    return b64encode(np.round(values * 255).astype(np.uint8).tobytes()).decode()
