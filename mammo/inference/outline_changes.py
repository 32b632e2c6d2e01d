"""Changed outlines, by which a score's dependence on the reader's hand is measured: shifted, grown and shrunk."""

from collections.abc import Callable, Mapping
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from mammo.geometry import Box
from mammo.inference.outlines import Drawn
from mammo.intake.outlines import clipped
from mammo.intake.rejections import RejectedError

SHIFTS_MM = (2, 5)
DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
"""Steps (rows, cols) of each direction, as a viewer shows the image."""

AREA_SHARE = 0.2
"""Share of its area by which an outline is grown and shrunk."""

CHANGES = (*(f"{way}_{mm}_mm" for mm in SHIFTS_MM for way in DIRECTIONS), "grown_20_percent", "shrunk_20_percent")
"""The changes, by name."""


def changed_outlines(outline: Drawn, shape: tuple[int, int], spacing_mm: float) -> dict[str, Drawn | None]:
    """The outline after each of CHANGES; None where it then lies outside the image, or a shift has no length in px.

    Args:
        outline: mask [box.height, box.width] and its half-open box, (row, col), stored px.
        shape: (rows, cols) of the image.
        spacing_mm: mm between its pixels; 0 if unknown.
    """
    makers: Mapping[str, Callable[[], tuple[NDArray[np.bool_], Box]]] = {
        "grown_20_percent": lambda: resized(outline.mask, outline.box, 1 + AREA_SHARE),
        "shrunk_20_percent": lambda: resized(outline.mask, outline.box, 1 - AREA_SHARE),
    }
    found = {name: _within(make, shape) for name, make in makers.items()}
    for mm in SHIFTS_MM if spacing_mm > 0 else ():
        step = max(1, round(mm / spacing_mm))
        for way, (rows, cols) in DIRECTIONS.items():
            box = outline.box.shifted(rows * step, cols * step)
            found[f"{way}_{mm}_mm"] = _within(lambda box=box: (outline.mask, box), shape)  # type: ignore[misc]
    return {name: found.get(name) for name in CHANGES}


def _within(make: Callable[[], tuple[NDArray[np.bool_], Box]], shape: tuple[int, int]) -> Drawn | None:
    try:
        mask, box = make()
        inner, place = clipped(mask, box, shape)
    except RejectedError:
        return None
    return Drawn(inner, place, (place.height, place.width) != (box.height, box.width))


def resized(mask: NDArray[np.bool_], box: Box, area: float) -> tuple[NDArray[np.bool_], Box]:
    """An outline of another area: the pixels nearest to its edge are added or taken away, all around.

    Args:
        mask: [box.height, box.width] bool, True inside.
        box: half-open, (row, col).
        area: of the result, as a multiple of the mask's, above 0; at least one pixel stays.

    Returns:
        The mask and its half-open box, which can reach beyond the image.
    """
    wanted = max(1, round(area * int(mask.sum())))
    margin = 1 + ceil(sqrt(max(0, wanted - int(mask.sum()))))
    wide = np.pad(mask, margin)
    depth = distance_transform_edt(wide) - distance_transform_edt(~wide)  # above 0 inside
    order = np.argsort(-depth, axis=None, kind="stable")[:wanted]
    out = np.zeros(wide.shape, dtype=np.bool_)
    out.ravel()[order] = True
    inner = Box.around(out)
    return out[inner.row0 : inner.row1, inner.col0 : inner.col1], inner.shifted(box.row0 - margin, box.col0 - margin)
