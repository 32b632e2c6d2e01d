"""Warnings about splits and folds with few lesions or without negative images, and what to do about them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mammo.records import Pathology
from mammo.store.splits import LEAST_FOLDS

FEW = 5
"""Malignant or benign lesions below which the AUC of a split says little."""

LARGER = (0.6, 0.2, 0.2)
"""Fractions that are advised where validation or test has few lesions."""


def split_warnings(table: pd.DataFrame, fractions: Sequence[float] | None, folds: int) -> Iterator[str]:
    """Yield a sentence if a split or fold has fewer than FEW malignant or benign lesions, or no negative image.

    Splits without any image are passed over. Where no lesion is outlined, images count instead.

    Args:
        table: numbers by split or fold (paper_tables.table1).
        fractions: of training, validation and test; None for a store with folds.
        folds: the largest number of folds to advise, 0 for none (store.splits.possible_folds).
    """
    what = "lesions" if table.loc["overall", ["lesions_benign", "lesions_malignant"]].sum() else "images"
    parts = table.drop(index="overall")
    found = [f"{name} has {short}" for name, row in parts.iterrows() if (short := _shortage(row, what))]
    if not found:
        return
    if fractions is None:
        why, remedies = "each run chooses its best epoch on one fold, though all are pooled", _fold_remedies(len(parts))
    else:
        n_rarer = int(table.loc[["overall"], [f"{what}_benign", f"{what}_malignant"]].to_numpy().min())
        why, remedies = "results on so few say little", _split_remedies(fractions, folds, n_rarer)
    yield f"{', '.join(found)}: {why}; {', '.join([*remedies, 'or ingest more patients'])}"


def _shortage(row: "pd.Series[int]", what: str) -> str:
    """Return what a split has too few of, empty if nothing or if it has no image at all."""
    if not row.filter(like="images_").sum():
        return ""
    counts = {label: int(row[f"{what}_{label}"]) for label in (Pathology.MALIGNANT, Pathology.BENIGN)}
    short = [f"{n} {label} {what if n != 1 else what[:-1]}" for label, n in counts.items() if n < FEW]
    short += [] if row["images_negative"] else ["no negative image"]
    return " and ".join(short)


def _split_remedies(fractions: Sequence[float], folds: int, n_rarer: int) -> Iterator[str]:
    """Yield what else can be done with this many lesions of the rarer class."""
    if folds:
        yield f"test every patient once with folds={folds} again=true"
    if n_rarer * LARGER[-1] >= FEW and min(fractions[1:]) < LARGER[-1]:
        yield f"give fractions={str(list(LARGER)).replace(' ', '')} again=true"


def _fold_remedies(n_folds: int) -> Iterator[str]:
    if n_folds > LEAST_FOLDS:
        yield f"give fewer folds, such as folds={LEAST_FOLDS} again=true"
