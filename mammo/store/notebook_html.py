"""HTML of stores, images and models for notebooks: small tables and pictures, without anything from the network."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.records import FULL_SCALE, Pathology, Pixels

HEIGHT_PX = 360
"""Largest height of a picture."""

COLORS = {Pathology.MALIGNANT: (74, 138, 255), Pathology.BENIGN: (176, 224, 95)}
"""Blue, green and red of an outline, by label; white for none."""


def facts_html(facts: Mapping[str, object]) -> str:
    """A table of two columns: names and values."""
    return table_html((), facts.items())


def table_html(header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """A table, with the note below it; all text is escaped.

    Args:
        header: names of the columns; empty for a table without.
        rows: cells.
        note: a sentence, empty for none.
    """
    head = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in header)}</tr></thead>" if header else ""
    lines = ["<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows]
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table>{head}<tbody>{''.join(lines)}</tbody></table>{below}"


def picture_html(pixels: Pixels, outlines: Iterable[tuple[Pathology, NDArray[np.bool_], Box]], caption: str) -> str:
    """An image with its outlines, at most HEIGHT_PX high, above a caption.

    Args:
        pixels: uint16 [H, W], 0 to FULL_SCALE.
        outlines: label, mask [box.height, box.width] and half-open box of each lesion, (row, col), px of the image.
        caption: text, which is escaped.
    """
    scale = min(1.0, HEIGHT_PX / pixels.shape[0])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    gray = cv2.resize((pixels * (255 / FULL_SCALE)).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    for label, mask, box in outlines:
        rings, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        corner = np.array((box.col0, box.row0))  # cv2 counts (x, y)
        moved = [np.round((ring + corner) * scale).astype(np.int32) for ring in rings]
        cv2.polylines(picture, moved, isClosed=True, color=COLORS.get(label, (255, 255, 255)))
    png = b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()
    return f'<figure><img src="data:image/png;base64,{png}" alt=""><figcaption>{escape(caption)}</figcaption></figure>'
