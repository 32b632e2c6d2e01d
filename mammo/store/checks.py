"""What must hold between the tables of a store before anything may rely on them."""

from pathlib import Path

import pandas as pd

from mammo.records import Density, Laterality, MammoError, Pathology, Split, View

ALLOWED = {
    "laterality": [item.value for item in Laterality],
    "view": [item.value for item in View],
    "split": ["", *(item.value for item in Split)],
    "official_split": ["", *(item.value for item in Split)],
    "density": ["", *(item.value for item in Density)],
    "label": [item.value for item in Pathology],
}


def check_tables(store: Path, images: pd.DataFrame, lesions: pd.DataFrame) -> None:
    """Check ids, words, lesions' images and the patients' splits.

    Args:
        store: where the tables lie, for the message.
        images: indexed by image_id.
        lesions: indexed by lesion_id.

    Raises:
        MammoError: naming the table, the first value that is wrong and the way out.
    """
    for name, table in (("images.parquet", images), ("lesions.parquet", lesions)):
        _check_unique(store / name, table)
        _check_words(store / name, table)
    orphans = lesions.index[~lesions["image_id"].isin(images.index)]
    if len(orphans):
        image_id = lesions.loc[orphans[0], "image_id"]
        message = f"{store / 'lesions.parquet'}: lesion {orphans[0]} lies on image {image_id}, which the store lacks"
        raise MammoError(f"{message}: run python -m mammo.ingest again")
    _check_splits(store / "images.parquet", images)


def _check_unique(path: Path, table: pd.DataFrame) -> None:
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise MammoError(f"{path}: {table.index.name} {twice} occurs twice: run python -m mammo.ingest again")


def _check_words(path: Path, table: pd.DataFrame) -> None:
    for column in ALLOWED.keys() & set(table.columns):
        wrong = ~table[column].isin(ALLOWED[column])
        if wrong.any():
            key, value = table.index[wrong][0], table[column][wrong].iloc[0]
            words = ", ".join(word or "nothing" for word in ALLOWED[column])
            raise MammoError(f"{path}: {table.index.name} {key} has {column} {value!r}, which must be one of {words}")


def _check_splits(path: Path, images: pd.DataFrame) -> None:
    """Nothing that ties images together may reach over splits."""
    for column, what in (("patient_id", "patient"), ("exam_id", "exam"), ("sha256", "the source file with SHA-256")):
        splits = images[images[column] != ""].groupby(column)["split"].nunique()
        if (splits > 1).any():
            torn = splits.index[splits > 1][0]
            raise MammoError(f"{path}: {what} {torn} is in more than one split: run python -m mammo.split again")
