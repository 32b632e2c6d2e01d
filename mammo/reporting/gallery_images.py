"""Images of the report's gallery, ready for JSON: a JPEG, outlines as polygons, and maps as bytes."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.records import FULL_SCALE, Pixels

Grid = NDArray[np.float32]


@dataclass(frozen=True)
class Size:
    """The largest size of an image of the page: its height in px, and its bytes before base64."""

    height: int
    n_bytes: int


WHOLE = Size(920, 100_000)
"""Of a lesion's image, so that a page with N_LESIONS images in base64 stays below 25 MB."""

WHOLE_WITH_OTHERS, OTHER = Size(920, 55_000), Size(460, 20_000)
"""Likewise where two other images of the exam stand beside each, and of these."""


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


def image_values(image: GalleryImage, size: Size = WHOLE) -> dict[str, Any]:
    """The values of one image for the viewer: a JPEG of a size, outlines as polygons, maps as bytes."""
    outlines = [
        {"lesion": lesion, "label": label, "rings": outline_rings(mask, box)}
        for lesion, label, mask, box in image.outlines
    ]
    values: dict[str, Any] = {"src": jpeg(image.pixels, size), "outlines": outlines, "malignant": None, "benign": None}
    if image.saliency is not None:
        values |= {"malignant": grid_bytes(image.saliency[0]), "benign": grid_bytes(image.saliency[1])}
    return values


def frame_values(frame: Frame) -> dict[str, int]:
    """The frame's size (network px) and grid for the viewer."""
    rows, cols = frame.grid
    return {"height": frame.height, "width": frame.width, "rows": rows, "cols": cols}


def jpeg(pixels: Pixels, most: Size = WHOLE) -> str:
    """The data URI of a JPEG of at most a size, from pixels uint16 [H, W], 0 to FULL_SCALE."""
    height, width = pixels.shape
    gray = pixels.astype(np.float32) * (255 / FULL_SCALE)
    size = (round(width * most.height / height), most.height) if height > most.height else (width, height)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).round().astype(np.uint8)
    for quality in (88, 75, 60, 45, 30, 15, 5):
        content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= most.n_bytes:
            break
    return "data:image/jpeg;base64," + b64encode(content).decode()


def outline_rings(mask: NDArray[np.bool_], box: Box) -> list[list[list[float]]]:
    """The contours of a mask [box.height, box.width] as closed rings of (x, y), network px."""
    lines = contour_generator(z=np.pad(mask, 1).astype(np.float64)).lines(0.5)
    rings = [cv2.approxPolyDP(np.asarray(line, dtype=np.float32), 0.4, closed=True)[:, 0] for line in lines]
    start = np.array([box.col0, box.row0]) - 0.5  # the center of pixel c of the padded mask is at c - 1 + 0.5
    return [np.round(ring + start, 1).tolist() for ring in rings]


def grid_bytes(values: Grid) -> str:
    """Values [rows, cols] in [0, 1] as bytes, row by row, in base64."""
    return b64encode(np.round(values * 255).astype(np.uint8).tobytes()).decode()
