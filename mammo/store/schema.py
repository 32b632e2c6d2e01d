"""The two tables of a store: their schemas, the encoding of frame chains, outlines and tissue shares, and their checks.

`images.parquet` has one row for each accepted image, `lesions.parquet` one row for each outlined lesion, both in the
order of the source's paths.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.records import Birads, Density, Laterality, MammoError, Pathology, Split, View
from mammo.store.columns import IMAGE_COLUMNS, LESION_COLUMNS

if TYPE_CHECKING:
    import pandas as pd  # not at run time: the child processes of an ingest do without it

Row = Mapping[str, Any]
"""One row of a table, by column."""


class FindingType(StrEnum):
    """Types of finding: a closed list, so that no name or note in the text of a source reaches a table or report."""

    MASS = "mass"
    CALCIFICATION = "calcification"
    DISTORTION = "distortion"
    ASYMMETRY = "asymmetry"
    OTHER = "other"


class PathologyType(StrEnum):
    """Types of cancer, also molecular subtypes, and of benign lesions: a closed list for the same reason."""

    IDC = "IDC"
    ILC = "ILC"
    INVASIVE = "invasive"
    DCIS = "DCIS"
    LCIS = "LCIS"
    IN_SITU = "in situ"
    LUMINAL_A = "luminal A"
    LUMINAL_B = "luminal B"
    HER2 = "HER2-enriched"
    TRIPLE_NEGATIVE = "triple negative"
    ATYPIA = "atypia"
    PHYLLODES = "phyllodes"
    FIBROADENOMA = "fibroadenoma"
    PAPILLOMA = "papilloma"
    RADIAL_SCAR = "radial scar"
    FAT_NECROSIS = "fat necrosis"
    CYST = "cyst"
    OTHER = "other"


IMAGES, LESIONS = (
    pa.schema({name: kind for name, (kind, _) in columns.items()}) for columns in (IMAGE_COLUMNS, LESION_COLUMNS)
)
"""Schemas of images.parquet and lesions.parquet (store.columns)."""

SHARES = (np.arange(256) / 255).astype(np.float32)
"""The tissue share that each byte of a store stands for."""


def chain_values(chain: FrameChain) -> dict[str, int | float | bool]:
    """A frame chain as columns of images.parquet (see chain_of)."""
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
    """The frame chain of a row of images.parquet."""
    return FrameChain(
        stored_shape=(int(row["stored_height"]), int(row["stored_width"])),
        mirrored=bool(row["mirrored"]),
        breast=Box(*(int(row[name]) for name in ("breast_row0", "breast_row1", "breast_col0", "breast_col1"))),
        scale=float(row["scale"]),
        origin=(int(row["origin_row"]), int(row["origin_col"])),
        frame=frame,
    )


def outline_values(mask: NDArray[np.bool_], box: Box) -> dict[str, int | bytes]:
    """A mask [box.height, box.width] and its box, stored frame, as columns of lesions.parquet (see outline_of)."""
    png = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    return {"row0": box.row0, "row1": box.row1, "col0": box.col0, "col1": box.col1, "mask": png}


def outline_of(row: Row) -> tuple[NDArray[np.bool_], Box]:
    """The mask [box.height, box.width] and its half-open box, stored frame, of a row of lesions.parquet."""
    box = Box(int(row["row0"]), int(row["row1"]), int(row["col0"]), int(row["col1"]))
    mask = cv2.imdecode(np.frombuffer(row["mask"], dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(mask, dtype=np.bool_), box


def tissue_values(shares: NDArray[np.float64]) -> dict[str, bytes]:
    """Tissue shares [grid rows, grid cols] in [0, 1] as the column of images.parquet, rounded to 1/255."""
    return {"tissue": np.round(shares * 255).astype(np.uint8).tobytes()}


def tissue_of(row: Row, frame: Frame) -> NDArray[np.float32]:
    """Tissue shares [grid rows, grid cols] in [0, 1] of a row of images.parquet."""
    return SHARES[np.frombuffer(row["tissue"], dtype=np.uint8).reshape(frame.grid)]


ALLOWED_VALUES = {
    "laterality": [item.value for item in Laterality],
    "view": [item.value for item in View],
    "split": ["", *(item.value for item in Split)],
    "official_split": ["", *(item.value for item in Split)],
    "density": ["", *(item.value for item in Density)],
    "label": [item.value for item in Pathology],
    "finding": ["", *(item.value for item in FindingType)],
    "birads": ["", *(item.value for item in Birads)],
    "pathology_type": ["", *(item.value for item in PathologyType)],
}
"""By column, the values that a table may hold."""


def labels_elsewhere(text: str) -> set[str]:
    """The labels in a value of the column elsewhere, source:label joined by +."""
    return {one.rpartition(":")[2] for one in text.split("+") if one}


def check_tables(store: Path, images: "pd.DataFrame", lesions: "pd.DataFrame") -> None:
    """Check that ids are unique, values allowed, lesions on known images, and patients in one split.

    Args:
        store: folder of the tables, for the message.
        images: indexed by image_id.
        lesions: indexed by lesion_id.

    Raises:
        MammoError: naming the table, the first wrong value and the remedy.
    """
    for name, table in (("images.parquet", images), ("lesions.parquet", lesions)):
        _check_unique(store / name, table)
        _check_values(store / name, table)
    orphans = lesions.index[~lesions["image_id"].isin(images.index)]
    if len(orphans):
        image_id = lesions.loc[orphans[0], "image_id"]
        message = f"{store / 'lesions.parquet'}: lesion {orphans[0]} is on image {image_id}, which is not in the store"
        raise MammoError(f"{message}: run python -m mammo.ingest again")
    _check_splits(store / "images.parquet", images)


def _check_unique(path: Path, table: "pd.DataFrame") -> None:
    if not table.index.is_unique:
        repeated = table.index[table.index.duplicated()][0]
        raise MammoError(f"{path}: {table.index.name} {repeated} occurs twice: run python -m mammo.ingest again")


def _check_values(path: Path, table: "pd.DataFrame") -> None:
    for column in ALLOWED_VALUES.keys() & set(table.columns):
        wrong = ~table[column].isin(ALLOWED_VALUES[column])
        if wrong.any():
            key, value = table.index[wrong][0], table[column][wrong].iloc[0]
            allowed = ", ".join(value or "nothing" for value in ALLOWED_VALUES[column])
            raise MammoError(f"{path}: {table.index.name} {key} has {column} {value!r}, which must be one of {allowed}")


def _check_splits(path: Path, images: "pd.DataFrame") -> None:
    """A patient, an exam and a source file must each be in a single split and a single fold."""
    for column, what in (("patient_id", "patient"), ("exam_id", "exam"), ("sha256", "the source file with SHA-256")):
        for part in ("split", "fold"):
            parts = images[images[column] != ""].groupby(column)[part].nunique()
            if (parts > 1).any():
                key = parts.index[parts > 1][0]
                raise MammoError(f"{path}: {what} {key} is in more than one {part}: run python -m mammo.split again")
