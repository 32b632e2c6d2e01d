"""The report per finding against scikit-learn and thresholds by hand, with folds, and pages with and without it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.report import main
from mammo.reporting.evaluation import evaluate
from mammo.reporting.reported_runs import reported_runs
from mammo.scoring.score_tables import read_lesion_table, write_lesion_table
from mammo.scoring.thresholds import FNRS, threshold_at_fnr
from tests.reporting.test_page import N, blank, write_runs


@pytest.fixture(autouse=True)
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammo.reporting.page.save", blank)


def join(folder: Path, name: str, patient: str) -> pd.DataFrame:
    """Give a patient's two lesions one finding and one label, and write them under a name; every seventh is left."""
    table = read_lesion_table(folder / "lesions.parquet")
    number = np.arange(len(table)) // 2
    joined = np.where(number % 7 == 0, "", pd.Series(number).map("F{}".format))
    malignant = (number % 2).astype(np.int64)
    table = table.assign(finding_id=joined, malignant=malignant, patient_id=[f"{patient}{n}" for n in number])
    table = table.assign(label=np.where(malignant == 1, "malignant", "benign"))
    table["split"] = "val" if patient == "V" else "test"
    write_lesion_table(table, folder / f"{name}.parquet")
    return table


def root_with_findings(root: Path) -> dict[str, list[pd.DataFrame]]:
    """Runs of two seeds whose test and validation lesions have findings; by maps their test tables."""
    write_runs(root, np.tile([1, 0], N // 2), maps=["emb", "sal+emb"])
    for folder in sorted((root / "table3").glob("f*")):
        for name, patient in (("lesions-val", "V"), ("lesions", "P")):
            join(folder, name, patient)
    tables: dict[str, list[pd.DataFrame]] = {}
    for folder in sorted((root / "table3").glob("fagg-*")):
        tables.setdefault(folder.name.split("-")[1], []).append(read_lesion_table(folder / "lesions.parquet"))
    return tables


def by_finding(table: pd.DataFrame, score: np.ndarray) -> pd.DataFrame:
    key = table["finding_id"].where(table["finding_id"] != "", table["lesion_id"])
    return table.assign(score=score).groupby(key).agg({"score": "mean", "malignant": "first"})


def test_every_model_has_its_auc_per_view_and_per_finding_and_the_main_one_its_tnrs(tmp_path: Path) -> None:
    tables = root_with_findings(tmp_path)
    evaluation = evaluate(reported_runs(tmp_path / "table3"))
    found = evaluation.findings
    assert found is not None
    aucs = found.aucs.set_index("model")
    for maps, seeds in tables.items():
        score, row = np.mean([seed["score"] for seed in seeds], axis=0), aucs.loc[maps]
        joined = by_finding(seeds[0], score)
        assert row["view_auc"] == pytest.approx(roc_auc_score(seeds[0]["malignant"], score))
        assert row["finding_auc"] == pytest.approx(roc_auc_score(joined["malignant"], joined["score"]))
        assert row["gain"] == pytest.approx(row["finding_auc"] - row["view_auc"])
        assert row["finding_low"] <= row["finding_auc"] <= row["finding_high"]
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert (found.n, found.n_malignant) == (len(joined), joined["malignant"].sum())
    validation = [read_lesion_table(path) for path in sorted(tmp_path.glob("*/fagg-sal+emb-*/lesions-val.parquet"))]
    test = by_finding(tables["sal+emb"][0], np.mean([seed["score"] for seed in tables["sal+emb"]], axis=0))
    chosen_on = by_finding(validation[0], np.mean([seed["score"] for seed in validation], axis=0))
    assert found.tnrs["fnr"].tolist() == list(FNRS)
    for row in found.tnrs.to_dict("records"):
        threshold = threshold_at_fnr(chosen_on["malignant"], chosen_on["score"], row["fnr"])
        below = test["score"] < threshold
        assert row["transferred_tnr"] == pytest.approx(below[test["malignant"] == 0].mean())
        assert row["transferred_fnr"] == pytest.approx(below[test["malignant"] == 1].mean())


def test_runs_from_before_findings_have_those_that_other_runs_give_their_lesions(tmp_path: Path) -> None:
    root_with_findings(tmp_path)
    found = evaluate(reported_runs(tmp_path / "table3")).findings
    for path in tmp_path.glob("*/*-s0/lesions*.parquet"):
        pd.read_parquet(path).drop(columns="finding_id").to_parquet(path)
    mixed = evaluate(reported_runs(tmp_path / "table3")).findings
    assert found is not None
    assert mixed is not None
    pd.testing.assert_frame_equal(mixed.aucs, found.aucs)
    pd.testing.assert_frame_equal(mixed.tnrs, found.tnrs)


def test_pages_and_tables_have_findings_only_where_views_are_joined(tmp_path: Path) -> None:
    root_with_findings(tmp_path / "joined")
    write_runs(tmp_path / "alone", np.tile([1, 0], N // 2), maps=["emb", "sal+emb"])
    for name, has in (("joined", True), ("alone", False)):
        assert main([str(tmp_path / name)]) == 0
        report = tmp_path / name / "report"
        for page in ("report.html", "report.md"):
            assert ("Per finding" in (report / page).read_text()) == has
        assert all((report / f"{table}.csv").is_file() == has for table in ("findings", "findings_tnr"))
    assert list(pd.read_csv(tmp_path / "joined" / "report" / "findings.csv")["model"])[:2] == ["emb", "sal+emb"]
