"""The two tables of a store: their columns, and how a chain of frames, an outline or tissue shares become values.

`images.parquet` has one row an accepted image, `lesions.parquet` one row an outlined lesion, both in the order of the
source's paths. Boxes are half-open (row, col).
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain

Row = Mapping[str, Any]
"""One row of a table, by column."""

TEXT, WHOLE, FLAG, REAL, BYTES = pa.string(), pa.int64(), pa.bool_(), pa.float64(), pa.binary()

IMAGES = pa.schema(
    {
        **dict.fromkeys(
            ("image_id", "patient_id", "exam_id", "laterality", "view", "split", "official_split", "flags", "voi"), TEXT
        ),
        "negative": FLAG,
        "stored_height": WHOLE,
        "stored_width": WHOLE,
        "mirrored": FLAG,
        **dict.fromkeys(("breast_row0", "breast_row1", "breast_col0", "breast_col1"), WHOLE),
        "scale": REAL,
        "origin_row": WHOLE,
        "origin_col": WHOLE,
        "sha256": TEXT,
        "vendor": TEXT,
        "density": TEXT,
        "tissue": BYTES,
    }
)
"""Columns of images.parquet; breast_* lie in the mirrored frame, origin_* in the store frame (geometry.FrameChain).

flags are the doubts about an image (intake.outcomes), joined by +; voi is the rule that made its presentation values;
vendor and density are empty where nothing tells them.
"""

LESIONS = pa.schema(
    {
        **dict.fromkeys(("lesion_id", "image_id", "label", "label_source"), TEXT),
        "high_risk": FLAG,
        "finding": TEXT,
        **dict.fromkeys(("row0", "row1", "col0", "col1"), WHOLE),
        "mask": BYTES,
    }
)
"""Columns of lesions.parquet; the box and the mask lie in the stored frame."""


SHARES = (np.arange(256) / 255).astype(np.float32)
"""Shares of tissue as a store tells them apart, by the byte that stands for each."""


def chain_values(chain: FrameChain) -> dict[str, int | float | bool]:
    """The columns of images.parquet that hold a chain; chain_of is the inverse."""
    return {
        "stored_height": chain.stored_shape[0],
        "stored_width": chain.stored_shape[1],
        "mirrored": chain.mirrored,
        "breast_row0": chain.breast.row0,
        "breast_row1": chain.breast.row1,
        "breast_col0": chain.breast.col0,
        "breast_col1": chain.breast.col1,
        "scale": chain.scale,
        "origin_row": chain.origin[0],
        "origin_col": chain.origin[1],
    }


def chain_of(row: Row, frame: Frame) -> FrameChain:
    """The chain that a row of images.parquet holds."""
    return FrameChain(
        stored_shape=(int(row["stored_height"]), int(row["stored_width"])),
        mirrored=bool(row["mirrored"]),
        breast=Box(*(int(row[name]) for name in ("breast_row0", "breast_row1", "breast_col0", "breast_col1"))),
        scale=float(row["scale"]),
        origin=(int(row["origin_row"]), int(row["origin_col"])),
        frame=frame,
    )


def outline_values(mask: NDArray[np.bool_], box: Box) -> dict[str, int | bytes]:
    """The columns of lesions.parquet that hold an outline; outline_of is the inverse."""
    png = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    return {"row0": box.row0, "row1": box.row1, "col0": box.col0, "col1": box.col1, "mask": png}


def outline_of(row: Row) -> tuple[NDArray[np.bool_], Box]:
    """The mask [box.height, box.width] and box, stored frame, that a row of lesions.parquet holds."""
    box = Box(int(row["row0"]), int(row["row1"]), int(row["col0"]), int(row["col1"]))
    mask = cv2.imdecode(np.frombuffer(row["mask"], dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(mask, dtype=np.bool_), box


def tissue_values(shares: NDArray[np.float64]) -> dict[str, bytes]:
    """The column of images.parquet that holds tissue shares [grid rows, grid cols] in [0, 1], to 1/255."""
    return {"tissue": np.round(shares * 255).astype(np.uint8).tobytes()}


def tissue_of(row: Row, frame: Frame) -> NDArray[np.float32]:
    """Tissue shares [grid rows, grid cols] in [0, 1] that a row of images.parquet holds."""
    return SHARES[np.frombuffer(row["tissue"], dtype=np.uint8).reshape(frame.grid)]
