from collections.abc import Sequence

import pandas as pd
import pytest

from mammo.reporting.report_columns import TABLE1_COLUMNS
from mammo.reporting.split_warnings import split_warnings

USUAL = (0.8, 0.1, 0.1)


def warned(rows: dict[str, Sequence[int]], fractions: Sequence[float] | None = USUAL, folds: int = 5) -> list[str]:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(TABLE1_COLUMNS))
    table.loc["overall"] = table.sum()
    return list(split_warnings(table, fractions, folds))


def test_splits_with_enough_lesions_and_negative_images_give_no_warning() -> None:
    assert not warned({"train": (9, 9, 9, 9, 9), "val": (1, 5, 5, 5, 5), "test": (1, 5, 5, 5, 5)})
    assert not warned({"train": (9, 9, 9, 9, 9), "val": (0, 0, 0, 0, 0), "test": (1, 5, 5, 5, 5)}), "an empty split"


def test_all_that_is_too_few_is_one_sentence_with_the_remedies_that_fit() -> None:
    rows = {"train": (20, 30, 30, 30, 30), "val": (3, 4, 2, 5, 1), "test": (0, 3, 5, 4, 5)}
    (warning,) = warned(rows)
    assert warning == (
        "val has 1 malignant lesion, test has 4 benign lesions and no negative image: results on so few say little; "
        "test every patient once with folds=5 again=true, give fractions=[0.6,0.2,0.2] again=true, or ingest more "
        "patients"
    )


@pytest.mark.parametrize(
    ("n_train", "fractions", "folds", "advised"),
    [
        (30, USUAL, 0, ["fractions=[0.6,0.2,0.2]"]),
        (30, (0.6, 0.2, 0.2), 3, ["folds=3"]),
        (15, USUAL, 4, ["folds=4"]),
        (15, USUAL, 0, []),
    ],
)
def test_only_what_can_help_is_advised(
    n_train: int, fractions: Sequence[float], folds: int, advised: list[str]
) -> None:
    (warning,) = warned(
        {"train": (9, *[n_train] * 4), "val": (9, 2, 2, 2, 2), "test": (9, 2, 2, 2, 2)}, fractions, folds
    )
    assert [word.strip(",") for word in warning.split() if "=" in word and word != "again=true,"] == advised
    assert warning.endswith("or ingest more patients")


def test_images_count_where_no_lesion_is_outlined() -> None:
    (warning,) = warned({"train": (9, 9, 9, 0, 0), "val": (9, 5, 3, 0, 0), "test": (9, 5, 5, 0, 0)})
    assert warning.startswith("val has 3 malignant images: ")


@pytest.mark.parametrize(("n", "advice"), [(5, "give fewer folds, such as folds=3 again=true, or"), (3, "or ingest")])
def test_folds_with_few_lesions_are_named(n: int, advice: str) -> None:
    (warning,) = warned({f"fold {k}": (9, 9, 9, 9, 2 if k == 1 else 9) for k in range(n)}, None)
    assert warning.startswith("fold 1 has 2 malignant lesions: each run chooses its best epoch on one fold")
    assert f"; {advice}" in warning
