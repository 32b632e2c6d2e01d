"""Lesion, window and image score tables of runs: columns, row checks, reading and writing, and safe CSV.

Parquet holds the exact values; the CSV next to it is the same table for people, with text escaped that a spreadsheet
would run as a formula.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mammo.io import atomic_write
from mammo.limits import check_parquet
from mammo.records import Birads, Density, LabelSource, Laterality, MammoError, Pathology, Split, View
from mammo.scoring.findings import FINDING
from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.score_columns import IMAGE_CLASSES, IMAGE_COLUMNS, LESION_COLUMNS, WINDOW_COLUMNS, Columns
from mammo.scoring.trivial_predictors import PREDICTORS
from mammo.text import csv_cell

CSV_DIGEST = "mammo.csv_sha256"
"""Key of a Parquet file's metadata: SHA-256 of the CSV file beside it, as hex."""

SIZE_GROUPS = ("below 128 px", "128 to 384 px", "above 384 px")
"""Lesions below, within and above the range of the paper's crop window sizes."""


@dataclass(frozen=True)
class TableKind:
    """One kind of score table.

    Attributes:
        name: name in error messages.
        columns: the columns in order. A table has exactly these; missing text is empty.
        key: columns whose values together identify a row.
        problems: from a typed table to each possible problem of a row and whether each row has it. A number that cannot
            be read is NaN, for which every comparison is false.
        remedy: what to do about an invalid table, in the imperative.
        added: text columns that tables of earlier versions lack: in these they are read as empty, which is unknown.
    """

    name: str
    columns: Columns
    key: tuple[str, ...]
    problems: Callable[[pd.DataFrame], "Mapping[str, pd.Series[bool]]"]
    remedy: str
    added: tuple[str, ...] = ()

    def check(self, table: pd.DataFrame, where: str) -> pd.DataFrame:
        """Check every row, and return the table with typed columns in order.

        Args:
            table: rows in any order.
            where: the path, for error messages.

        Raises:
            MammoError: a column is missing or unknown, a key is duplicated, or a value is outside its range.
        """
        if set(table.columns) != set(self.columns):
            found = {str(column) for column in table.columns}
            names = f"missing columns {sorted(set(self.columns) - found)}, unknown {sorted(found - set(self.columns))}"
            raise MammoError(f"{where}: not a {self.name} ({names}); {self.remedy}")
        table = table[list(self.columns)].reset_index(drop=True)
        types = {column: kind for column, (kind, _) in self.columns.items()}
        for column, kind in types.items():
            if kind == "str":
                table[column] = table[column].astype("str").fillna("")
            else:
                table[column] = pd.to_numeric(table[column], errors="coerce")
        duplicate = table.duplicated(list(self.key))
        for problem, bad in ({"duplicate row": duplicate} | dict(self.problems(table))).items():
            if bad.any():
                row = ", ".join(f"{column.removesuffix('_id')} {table[column][bad].iloc[0]}" for column in self.key)
                raise MammoError(f"{where}: {row}: {problem} (affected rows: {int(bad.sum())}); {self.remedy}")
        return table.astype(types)

    def write(self, table: pd.DataFrame, path: Path, with_csv: bool = True) -> None:
        """Check the table and write it as .parquet and .csv; a reader never sees half a file.

        The Parquet file holds the digest of the CSV file, by which check_copy knows a damaged one.

        Raises:
            MammoError: as check.
        """
        checked = self.check(table, str(path))
        content = pa.Table.from_pandas(checked, preserve_index=False)
        with atomic_write(path.with_suffix(".parquet")) as parquet:
            if with_csv:
                with atomic_write(path.with_suffix(".csv")) as csv:
                    text = csv_text(checked).encode()
                    csv.write_bytes(text)
                    digest = {CSV_DIGEST: sha256(text).hexdigest()}
                content = content.replace_schema_metadata({**(content.schema.metadata or {}), **digest})
            pq.write_table(content, parquet)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a parquet file and check it; columns that were added after it was written are empty.

        Raises:
            MammoError: the file is missing or not parquet, or as check.
        """
        if not path.is_file():
            raise MammoError(f"{path}: no such {self.name}; {self.remedy}")
        try:
            check_parquet(path)
            table = pd.read_parquet(path)
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MammoError(
                f"{path}: not a readable parquet file ({type(error).__name__}: {reason}); {self.remedy}"
            ) from error
        return self.check(table.assign(**{name: "" for name in self.added if name not in table}), str(path))


def check_copy(path: Path) -> None:
    """Check a CSV file against the digest in the Parquet file beside it, if there is one.

    Raises:
        MammoError: it differs from what was written with that file.
    """
    table = path.with_suffix(".parquet")
    if path.suffix != ".csv" or not table.is_file() or not path.is_file():
        return
    try:
        check_parquet(table)
        known = (pq.read_schema(table).metadata or {}).get(CSV_DIGEST.encode())
    except (ValueError, OSError) as error:
        raise MammoError(f"{table} beside {path.name} is damaged ({type(error).__name__}): restore both") from error
    if known is not None and sha256(path.read_bytes()).hexdigest().encode() != known:
        raise MammoError(
            f"{path} was changed since it was written with {table.name}: restore it from a copy; save changes of your "
            "own under another name"
        )


def safe_csv(table: pd.DataFrame, path: Path) -> None:
    """Write csv_text atomically."""
    with atomic_write(path) as written:
        written.write_text(csv_text(table), encoding="utf-8")


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV whose text, headings too, no spreadsheet runs as a formula (mammo.text.csv_cell).

    A number that is undefined or infinite is an empty cell.
    """
    text = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(_safe) for name in text}).replace([np.inf, -np.inf], np.nan)
    safe = safe.rename(columns=_safe)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _safe(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def write_lesion_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet and .csv; MammoError as TableKind.check."""
    LESIONS.write(table, path)


def read_lesion_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_lesion_table; MammoError as TableKind.read."""
    return LESIONS.read(path)


def size_group(size_px: "pd.Series[float]") -> "pd.Series[str]":
    """The group of SIZE_GROUPS of each lesion, by its size in px of the paper's frame."""
    return pd.Series(np.select([size_px < 128, size_px <= 384], SIZE_GROUPS[:2], SIZE_GROUPS[2]), index=size_px.index)


def _lesion_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    ids = table[["lesion_id", "image_id", "exam_id", "patient_id"]]
    return {
        "an id is empty": (ids == "").any(axis=1),
        "label is not malignant, benign or none": ~table["label"].isin(list(Pathology)),
        "malignant is not 1 for the label malignant and 0 for the others": (
            table["malignant"] != (table["label"] == Pathology.MALIGNANT).astype(np.int64)
        ),
        "label_source is not one of records.LabelSource": ~table["label_source"].isin(list(LabelSource)),
        "high_risk is not 0 (or 1 for a benign lesion)": ~(
            (table["high_risk"] == 0) | (table["high_risk"] == 1) & (table["label"] == Pathology.BENIGN)
        ),
        "laterality is neither L nor R": ~table["laterality"].isin(list(Laterality)),
        "view is neither CC nor MLO": ~table["view"].isin(list(View)),
        "birads is not a BI-RADS category or empty": ~table["birads"].isin(["", *Birads]),
        "density is not A to D or empty": ~table["density"].isin(["", *Density]),
        "size_px is not above 0": ~(table["size_px"] > 0),
        "split is not train, val, test or empty": ~table["split"].isin(["", *Split]),
        "fold is below -1": ~(table["fold"] >= -1),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
        "score_sd is outside [0, 1]": ~table["score_sd"].between(0, 1),
        "n_windows is below 1": ~(table["n_windows"] >= 1),
        **{f"{name} is outside [0, 1]": ~(table[name].isna() | table[name].between(0, 1)) for name in PREDICTORS},
    }


LESIONS = TableKind(
    "lesion score table", LESION_COLUMNS, ("lesion_id",), _lesion_problems, "score the run again", (FINDING,)
)


def write_window_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet; MammoError as TableKind.check."""
    WINDOWS.write(table, path, with_csv=False)


def read_window_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_window_table; MammoError as TableKind.read."""
    return WINDOWS.read(path)


def _window_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    return {
        "lesion_id is empty": table["lesion_id"] == "",
        "row or col is missing or side is not above 0": table[["row", "col"]].isna().any(axis=1) | ~(table["side"] > 0),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
    }


WINDOWS = TableKind(
    "window score table", WINDOW_COLUMNS, ("lesion_id", "window"), _window_problems, "score the run again"
)


def write_image_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet and .csv; MammoError as TableKind.check."""
    IMAGES.write(table, path)


def read_image_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_image_table; MammoError as TableKind.read."""
    return IMAGES.read(path)


def image_auc(table: pd.DataFrame, label: str) -> Interval:
    """AUC over images of one class (malignant or benign) with its patient-bootstrap interval; NaN if undefined."""
    return auc_interval(table[label], table[f"score_{label}"], table["patient_id"])


def _image_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    labels = {f"{label} is not 0 or 1": ~table[label].isin((0, 1)) for label in IMAGE_CLASSES}
    return labels | {
        f"score_{label} is outside [0, 1]": ~table[f"score_{label}"].between(0, 1) for label in IMAGE_CLASSES
    }


IMAGES = TableKind("image score table", IMAGE_COLUMNS, ("image_id",), _image_problems, "test the run again")
