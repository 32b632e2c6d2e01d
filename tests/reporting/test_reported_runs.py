"""A report counts one run for each cell and seed, of a search the best trial, and pools the runs of all folds."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.compare import main as compare_main
from mammo.records import MammoError
from mammo.report import main
from mammo.reporting.evaluation import evaluate
from mammo.reporting.reported_runs import fold_table, reported_runs
from mammo.reporting.sweep_comparison import comparison_table
from mammo.scoring.score_tables import write_lesion_table
from mammo.scoring.thresholds import rates_at, threshold_at_fnr
from mammo.scoring.trivial_predictors import PREDICTORS
from mammo.training.results import read_runs

RESULT = {"model": "fagg", "maps": "emb", "context": "", "seed": 0, "val_auc": 0.75, "test_auc": 0.7, "command": "c"}
RESULT |= {"commit": "abc", "versions": {}, "seconds": 1.5, "digest": "d"}


def write(root: Path, name: str, **changes: object) -> None:
    (root / name).mkdir()
    (root / name / "result.json").write_text(json.dumps({**RESULT, "name": name, **changes}))


def test_two_runs_of_one_seed_are_rejected(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    with pytest.raises(MammoError, match="b: same model, maps and seed as"):
        reported_runs(tmp_path)


def test_a_control_is_reported_beside_the_run_it_controls(tmp_path: Path) -> None:
    write(tmp_path, "a", maps="sal+emb")
    write(tmp_path, "b", maps="sal+emb", context="shuffled")
    assert [run.is_control for run in reported_runs(tmp_path)] == [False, True]
    write(tmp_path, "c", maps="sal+emb", context="external")
    with pytest.raises(MammoError, match="c: same model, maps and seed as"):
        reported_runs(tmp_path)


def test_backbones_and_initializations_of_one_group_are_all_reported(tmp_path: Path) -> None:
    kinds = [("densenet161", "he"), ("densenet161", "imagenet"), ("resnetv2_50", "he")]
    for number, (backbone, init) in enumerate(kinds):
        write(tmp_path, f"r{number}", model="floc", maps="", backbone=backbone, init=init)
    assert [(run.backbone, run.init) for run in reported_runs(tmp_path)] == kinds


def test_the_best_trial_on_validation_is_reported(tmp_path: Path) -> None:
    for trial, auc in enumerate([0.7, 0.8, None, 0.75]):
        write(tmp_path, f"t{trial}", val_auc=auc, trial=trial)
    assert [run.name for run in reported_runs(tmp_path)] == ["t1"]


N_FOLDS, N = 3, 90
FOLD_OF = np.repeat(np.arange(N_FOLDS), N // N_FOLDS)
MALIGNANT = np.random.default_rng(0).integers(0, 2, N)


def lesions(fold: int, split: str, rng: np.random.Generator) -> pd.DataFrame:
    """A fold's test or validation lesions, whose scores are on a scale of the fold's network."""
    part = fold if split == "test" else (fold + 1) % N_FOLDS
    inside = np.flatnonzero(part == FOLD_OF)
    malignant = MALIGNANT[inside]
    score = np.clip(0.3 + 0.1 * fold + 0.2 * malignant + 0.15 * rng.normal(size=len(inside)), 0, 1)
    ids = [f"L{number}" for number in inside]
    facts = {"image_id": ids, "exam_id": ids, "patient_id": [f"P{number // 2}" for number in inside]}
    words = {
        "source": "table",
        "finding_id": "",
        "label_source": "biopsy",
        "finding": "",
        "birads": "",
        "vendor": "",
        "pathology_type": "",
    }
    words |= {"density": ""}
    words |= {"laterality": "L", "view": "CC", "split": split}
    numbers = {"high_risk": 0, "size_px": 100.0, "fold": fold, "score_sd": 0.1, "n_windows": 9}
    numbers |= dict.fromkeys(PREDICTORS, 0.5)
    label = np.where(malignant == 1, "malignant", "benign")
    return pd.DataFrame({"lesion_id": ids, "label": label, "malignant": malignant, "score": score, **facts}).assign(
        **words, **numbers
    )


def write_fold(group: Path, maps: str, seed: int, fold: int) -> Path:
    folder = group / f"fagg-{maps}-s{seed}-f{fold}"
    folder.mkdir(parents=True)
    rng = np.random.default_rng((seed, fold, len(maps)))
    for split, name in (("test", "lesions"), ("val", "lesions-val")):
        write_lesion_table(lesions(fold, split, rng), folder / f"{name}.parquet")
    result = {"name": folder.name, "model": "fagg", "maps": maps, "context": "", "seed": seed, "selected_by": "val_auc"}
    result |= {"fold": fold, "n_folds": N_FOLDS, "val_auc": 0.7, "test_auc": 0.6, "command": "c", "commit": "abc"}
    result |= {"versions": {}, "seconds": 1.0, "digest": "d", "read_digests": {"store": "s"}}
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture
def group(tmp_path: Path) -> Path:
    group = tmp_path / "root" / "table3"
    for maps in ("emb", "sal+emb"):
        for seed in (0, 1):
            for fold in range(N_FOLDS):
                write_fold(group, maps, seed, fold)
    return group


def change(folder: Path, **values: object) -> None:
    path = folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def pooled_score(group: Path, maps: str, ending: str = "") -> pd.DataFrame:
    """The seed-mean scores of all folds, read again without the code under test."""
    tables = [
        pd.concat(
            [pd.read_parquet(group / f"fagg-{maps}-s{s}-f{k}" / f"lesions{ending}.parquet") for k in range(N_FOLDS)]
        )
        for s in (0, 1)
    ]
    return tables[0].assign(score=(tables[0]["score"] + tables[1]["score"]) / 2).reset_index(drop=True)


def test_the_scores_of_all_folds_are_pooled_and_every_fold_is_shown(group: Path) -> None:
    evaluation = evaluate(reported_runs(group))
    assert len(evaluation.lesions) == N
    table = evaluation.folds.set_index("model")
    for maps in ("emb", "sal+emb"):
        pooled = pooled_score(group, maps)
        row = table.loc[maps]
        assert row["auc_pooled"] == pytest.approx(roc_auc_score(pooled["malignant"], pooled["score"]))
        own = [roc_auc_score(part["malignant"], part["score"]) for _, part in pooled.groupby("fold")]
        assert row[["fold_0", "fold_1", "fold_2"]].tolist() == pytest.approx(own)
        assert row["auc_fold_mean"] == pytest.approx(np.mean(own))
        assert row["auc_fold_sd"] == pytest.approx(np.std(own, ddof=1))
        assert row["auc_low"] < row["auc_pooled"] < row["auc_fold_mean"]  # each fold has a scale of its own
    assert evaluation.performance.auc.value == table.loc["sal+emb", "auc_pooled"]
    assert evaluation.table3["n_seeds"].tolist() == [2, 2]
    assert not [warning for warning in evaluation.warnings if "old" in warning]


def test_the_threshold_of_a_test_lesion_is_that_of_its_own_folds_validation(group: Path) -> None:
    points = evaluate(reported_runs(group)).performance.transferred
    test, validation = pooled_score(group, "sal+emb"), pooled_score(group, "sal+emb", "-val")
    for fnr in (0.0, 0.05):
        below = []
        for fold in range(N_FOLDS):
            own, chosen_on = (table[table["fold"] == fold] for table in (test, validation))
            threshold = threshold_at_fnr(chosen_on["malignant"], chosen_on["score"], fnr)
            below += list(own["score"] < threshold)
        benign = test["malignant"].to_numpy() == 0
        assert points[fnr].tnr.value == np.mean(np.array(below)[benign])
        assert points[fnr].fnr.value == np.mean(np.array(below)[~benign])
        assert points[fnr].tnr.low <= points[fnr].tnr.value <= points[fnr].tnr.high


def test_a_vector_of_equal_thresholds_is_one_threshold() -> None:
    scores = np.random.default_rng(1).random(N)
    assert rates_at(MALIGNANT, scores, np.full(N, 0.4)) == rates_at(MALIGNANT, scores, 0.4)


def test_a_missing_fold_is_named_and_left_out_of_every_model(group: Path) -> None:
    shutil.rmtree(group / "fagg-emb-s1-f2")
    evaluation = evaluate(reported_runs(group))
    assert set(evaluation.lesions["fold"]) == {0, 1}
    assert len(evaluation.runs) == 8
    (warning,) = (warning for warning in evaluation.warnings if "Fold" in warning)
    assert warning.startswith("Fold 2 of 3 is missing, and its lesions are left out")
    assert "fagg emb, seed 1. Train them with fold=2." in warning


def test_a_fold_without_malignant_lesions_is_named_and_left_out_of_the_mean(group: Path) -> None:
    for path in group.glob("*-f1/lesions.parquet"):
        table = pd.read_parquet(path).assign(label="benign", malignant=0)
        write_lesion_table(table, path)
    evaluation = evaluate(reported_runs(group))
    row = evaluation.folds.set_index("model").loc["emb"]
    assert np.isnan(row["fold_1"])
    assert row["auc_fold_mean"] == pytest.approx((row["fold_0"] + row["fold_2"]) / 2)
    assert any(warning.startswith("Fold 1 has no malignant lesion") for warning in evaluation.warnings)


def test_a_fold_of_one_class_is_undefined_on_every_page(
    group: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mammo.reporting.page.save", lambda _, folder, name: (folder / f"{name}.png").touch())
    for path in group.glob("*-f1/lesions.parquet"):
        write_lesion_table(pd.read_parquet(path).assign(label="benign", malignant=0), path)
    assert main([str(group.parent), "--lesions", "0"]) == 0
    for name in ("report.md", "folds.csv"):
        text = (group.parent / "report" / name).read_text()
        assert not re.search(r"\b(nan|NaN|inf)\b", text), name
    row = re.search(r"^\| emb \|.*undefined.*$", (group.parent / "report" / "report.md").read_text(), re.MULTILINE)
    assert row
    assert ",," in (group.parent / "report" / "folds.csv").read_text()
    capsys.readouterr()
    assert compare_main([str(group / "fagg-emb-s0-f*" / "lesions.csv")]) == 0
    assert not re.search(r"\b(nan|inf)\b", capsys.readouterr().out.lower())


def test_no_fold_in_common_is_an_error(group: Path) -> None:
    for fold in range(N_FOLDS):
        shutil.rmtree(group / f"fagg-{'emb' if fold else 'sal+emb'}-s0-f{fold}")
    with pytest.raises(MammoError, match="no fold has a finished run of every model and seed"):
        evaluate(reported_runs(group))


def test_runs_that_do_not_belong_together_are_rejected(group: Path) -> None:
    change(group / "fagg-emb-s1-f2", read_digests={"store": "another"})
    with pytest.raises(MammoError, match="f2 was trained on other images, lesions, splits or folds than"):
        evaluate(reported_runs(group))
    change(group / "fagg-emb-s1-f2", read_digests={"store": "s"}, fold=None)
    with pytest.raises(MammoError, match=r"fagg-emb-s1-f2 has no fold, but .* has fold=0"):
        evaluate(reported_runs(group))
    change(group / "fagg-emb-s1-f2", fold=1)
    with pytest.raises(MammoError, match="same model, maps, fold and seed as"):
        reported_runs(group)
    shutil.rmtree(group / "fagg-emb-s1-f1")
    with pytest.raises(MammoError, match="its score table is of another fold than its result"):
        evaluate(reported_runs(group))


def test_a_patient_in_two_folds_or_in_a_folds_test_and_validation_is_rejected(group: Path) -> None:
    runs = read_runs(group)
    path = group / "fagg-sal+emb-s0-f0" / "lesions-val.parquet"
    original = pd.read_parquet(path)
    write_lesion_table(original.assign(patient_id=["P0", *original["patient_id"][1:]]), path)
    shutil.copy(path, group / "fagg-sal+emb-s1-f0" / "lesions-val.parquet")
    with pytest.raises(MammoError, match="patient P0 has lesions in both the validation and the test table"):
        evaluate(runs)
    for path in group.glob("*-f1/lesions.parquet"):
        table = pd.read_parquet(path)
        write_lesion_table(table.assign(patient_id=["P0", *table["patient_id"][1:]]), path)
    with pytest.raises(MammoError, match="patient P0 is tested in more than one fold"):
        evaluate(runs)


def test_the_page_shows_every_fold(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammo.reporting.page.save", lambda _, folder, name: (folder / f"{name}.png").write_bytes(b""))
    assert main([str(group.parent)]) == 0
    report = group.parent / "report"
    table = pd.read_csv(report / "folds.csv")
    assert list(table["model"]) == ["emb", "sal+emb"]
    for page in ("report.html", "report.md"):
        text = (report / page).read_text()
        assert "Cross-validation: AUC of every fold" in text
        assert (
            "90 test lesions (45 malignant) of 45 patients in 3 folds".replace("45 m", f"{MALIGNANT.sum()} m") in text
        )
        for value in table.loc[1, ["auc_fold_mean", "fold_0", "fold_1", "fold_2"]]:
            assert f"{value:.3f}" in text
    rows = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("| sal+emb")]
    assert rows[1].count("|") == 9


def test_a_sweeps_comparison_shows_the_mean_of_the_folds_beside_the_pooled_auc(group: Path) -> None:
    runs = read_runs(group)
    for number, run in enumerate(runs):
        change(run.folder, test_auc=0.6 + 0.01 * number)
    table = comparison_table(read_runs(group)).set_index("cell")
    folds = fold_table({"emb": pooled_score(group, "emb")["score"].to_numpy()}, pooled_score(group, "emb")).iloc[0]
    assert table.loc["emb", ["auc_pooled", "auc_low", "auc_high"]].tolist() == pytest.approx(
        folds[["auc_pooled", "auc_low", "auc_high"]].tolist()
    )
    assert table.loc["emb", ["n_seeds", "n_trials", "n_folds"]].tolist() == [2, 6, 3]
    assert table.loc["emb", "test_auc_mean"] == pytest.approx(0.625)
    assert table.loc["emb", "test_auc_sd"] == pytest.approx(0.03 / np.sqrt(2))
    (runs[0].folder / "lesions.parquet").unlink()
    assert np.isnan(comparison_table(read_runs(group)).set_index("cell").loc["emb", "auc_pooled"])


def test_without_folds_there_is_no_fold_table() -> None:
    frame = pd.DataFrame({"malignant": [0, 1], "patient_id": ["a", "b"], "fold": -1})
    assert fold_table({"emb": np.array([0.1, 0.9])}, frame).empty
