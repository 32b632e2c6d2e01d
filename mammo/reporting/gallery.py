"""The gallery of lesions: which are shown, and what the page's viewer is told of each, as plain values for JSON.

Nothing here names a patient. Places are in the network frame, x = column and y = row, as a browser counts.
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
"""Most that one image may take, so that a page of N_LESIONS images, in base64, stays under 25 MB with all else."""

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
    "label_source": "Label from",
    "high_risk": "High-risk",
}
"""What lesions are filtered by, and how the page calls it."""

Grid = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GalleryImage:
    """One image of the gallery.

    Attributes:
        pixels: [H, W], network frame, 0 to FULL_SCALE.
        saliency: [2, rows, cols] in [0, 1], malignant then benign; None where there is none.
        outlines: lesion id, label, mask and its box in the network frame, of every lesion on it.
    """

    pixels: Pixels
    saliency: Grid | None
    outlines: Sequence[tuple[str, str, NDArray[np.bool_], Box]]


def choose_lesions(lesions: pd.DataFrame, n: int) -> pd.DataFrame:
    """Which lesions a gallery of n shows.

    A third are the malignant ones scored lowest, a third the benign ones scored highest, the rest lie evenly among all
    others by score.

    Args:
        lesions: lesion_id, malignant and score; n or fewer are all shown.
        n: at most so many.
    """
    ranked = lesions.sort_values(["score", "lesion_id"])
    if len(ranked) <= n:
        return ranked
    is_malignant = ranked["malignant"] == 1
    wrong = [*ranked.index[is_malignant][: n // 3], *ranked.index[~is_malignant][::-1][: n // 3]]
    rest = ranked.index.difference(wrong, sort=False)
    even = rest[np.unique(np.linspace(0, len(rest) - 1, n - len(wrong)).round().astype(int))]
    return ranked.loc[ranked.index.isin([*wrong, *even])]


def lesion_facts(lesion: "pd.Series[Any]", windows: pd.DataFrame, location: Grid) -> dict[str, Any]:
    """One lesion for the viewer.

    Args:
        lesion: FIELDS, lesion_id, image_id, exam_id, score, score_sd and without (the score without context, or NaN).
        windows: row, col, side and score of its windows.
        location: [rows, cols] in [0, 1], mean of the windows' location indicator maps.
    """
    facts = {name: str(lesion[name]) for name in FIELDS if name != "high_risk"}
    return {
        "id": lesion["lesion_id"],
        "image": lesion["image_id"],
        "exam": lesion["exam_id"],
        **facts,
        "high_risk": "yes" if lesion["high_risk"] else "no",
        "score": round(float(lesion["score"]), 4),
        "sd": round(float(lesion["score_sd"]), 4),
        "without": None if np.isnan(lesion["without"]) else round(float(lesion["without"]), 4),
        "windows": np.round(windows[["col", "row", "side"]].to_numpy(), 1).tolist(),
        "scores": np.round(windows["score"].to_numpy(), 3).tolist(),
        "location": _grid(location),
    }


def image_facts(image: GalleryImage) -> dict[str, Any]:
    """One image for the viewer: a JPEG of at most IMAGE_BYTES, outlines as polygons, maps as bytes."""
    outlines = [
        {"lesion": lesion, "label": label, "rings": _rings(mask, box)} for lesion, label, mask, box in image.outlines
    ]
    facts: dict[str, Any] = {"src": jpeg(image.pixels), "outlines": outlines, "malignant": None, "benign": None}
    if image.saliency is not None:
        facts |= {"malignant": _grid(image.saliency[0]), "benign": _grid(image.saliency[1])}
    return facts


def frame_facts(frame: Frame) -> dict[str, int]:
    """The frame for the viewer."""
    rows, cols = frame.grid
    return {"height": frame.height, "width": frame.width, "rows": rows, "cols": cols}


def jpeg(pixels: Pixels) -> str:
    """Pixels [H, W] of 0 to FULL_SCALE as a data address of at most IMAGE_BYTES before base64."""
    height, width = pixels.shape
    grey = pixels.astype(np.float32) * (255 / FULL_SCALE)
    size = (round(width * MAX_HEIGHT / height), MAX_HEIGHT) if height > MAX_HEIGHT else (width, height)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).round().astype(np.uint8)
    for quality in (88, 75, 60, 45, 30, 15, 5):
        content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= IMAGE_BYTES:
            break
    return "data:image/jpeg;base64," + b64encode(content).decode()


def _rings(mask: NDArray[np.bool_], box: Box) -> list[list[list[float]]]:
    """The outline of a mask as closed rings of (x, y)."""
    lines = contour_generator(z=np.pad(mask, 1).astype(np.float64)).lines(0.5)
    rings = [cv2.approxPolyDP(np.asarray(line, dtype=np.float32), 0.4, closed=True)[:, 0] for line in lines]
    start = np.array([box.col0, box.row0]) - 0.5  # pixel c of the padded mask has its centre at c - 1 + 0.5
    return [np.round(ring + start, 1).tolist() for ring in rings]


def _grid(values: Grid) -> str:
    """Values [rows, cols] in [0, 1] as bytes, row by row, in base64."""
    return b64encode(np.round(values * 255).astype(np.uint8).tobytes()).decode()
