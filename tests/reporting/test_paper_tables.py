import numpy as np
import pytest

from mammo.reporting.paper_tables import COLUMNS, auc_row, table3
from mammo.scoring.intervals import auc_interval

MALIGNANT = np.array([1, 1, 0, 0])
PATIENTS = np.array(["p", "q", "r", "s"], dtype=object)


def test_by_hand() -> None:
    seeds = np.array([[0.9, 0.8, 0.1, 0.2], [0.9, 0.3, 0.4, 0.2], [0.9, 0.1, 0.4, 0.2]])  # AUC 1, 3/4, 1/2
    table = table3({"sal+emb": seeds, "loc": seeds[:1]}, MALIGNANT, PATIENTS)
    assert list(table.columns) == COLUMNS
    assert table["maps"].tolist() == ["loc", "sal+emb"]
    best = table.iloc[1]
    assert best["auc_mean"] == pytest.approx(0.75)
    assert best["auc_sd"] == pytest.approx(0.25)
    assert (best["n_seeds"], best["n_lesions"], best["n_malignant"], best["paper_auc"]) == (3, 4, 2, 0.799)
    interval = auc_interval(MALIGNANT, seeds.mean(axis=0), PATIENTS)
    assert (best["auc_low"], best["auc_high"]) == (interval.low, interval.high)


def test_one_seed_has_no_spread() -> None:
    assert np.isnan(auc_row(np.array([[0.9, 0.8, 0.1, 0.2]]), MALIGNANT, PATIENTS)["auc_sd"])


def test_rows_are_in_the_papers_order_whatever_comes_first() -> None:
    seeds = np.random.default_rng(0).random((2, 4))
    names = ["loc+sal+emb", "sal+emb", "loc+sal", "loc+emb", "sal", "emb", "loc"]
    assert table3(dict.fromkeys(names, seeds), MALIGNANT, PATIENTS)["maps"].tolist() == [
        "loc",
        "emb",
        "sal",
        "loc+emb",
        "loc+sal",
        "sal+emb",
        "loc+sal+emb",
    ]


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_undefined_never_a_number(label: int) -> None:
    row = auc_row(np.random.default_rng(0).random((3, 4)), np.full(4, label), PATIENTS)
    assert np.isnan([row["auc_mean"], row["auc_sd"], row["auc_low"], row["auc_high"]]).all()
