"""`python -m mammo.compare`: JSON against independent references, the text, and one sentence for each error."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from mammo.compare import main
from mammo.store.pseudonyms import OWN_IDS


def write(path: Path, seed: int, n: int = 120, **changes: Any) -> pd.DataFrame:
    rng, noise = np.random.default_rng(0), np.random.default_rng(seed)
    malignant = rng.integers(0, 2, n)
    table = pd.DataFrame(
        {
            "lesion_id": [f"L{i}" for i in range(n)],
            "patient_id": [f"P{i // 2}" for i in range(n)],
            "malignant": malignant,
            "score": np.clip(0.4 + 0.2 * malignant + 0.25 * noise.normal(size=n), 0, 1),
            "view": np.where(np.arange(n) % 3, "CC", "MLO"),
        }
    ).assign(**changes)
    table.to_csv(path, index=False)
    return table


def json_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*(str(argument) for argument in arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_json_has_all_metrics_of_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = [write(tmp_path / f"{name}.csv", seed) for seed, name in enumerate("abc")]
    found = json_of(capsys, *(tmp_path / f"{name}.csv" for name in "abc"))
    for file, table in zip(found["files"], tables, strict=True):
        y, s = table["malignant"], table["score"]
        assert (file["n"], file["n_malignant"], file["n_patients"]) == (120, y.sum(), 60)
        assert file["auc"] == pytest.approx(roc_auc_score(y, s))
        assert file["average_precision"] == pytest.approx(average_precision_score(y, s))
        assert file["brier"] == pytest.approx(brier_score_loss(y, s))
        assert file["auc_ci"][0] < file["auc"] < file["auc_ci"][1]
        assert file["auc_delong_ci"][0] < file["auc"] < file["auc_delong_ci"][1]
        assert list(file["tnr_at_fnr"]) == ["0", "0.01", "0.02", "0.03", "0.05"]
        point = file["tnr_at_fnr"]["0"]
        assert point["tnr"] == (s[y == 0] < s[y == 1].min()).mean()
        assert point["picked_on"] == "these lesions"
        assert [(group["column"], group["value"]) for group in file["subgroups"]] == [("view", "CC"), ("view", "MLO")]
    pairs = {(Path(pair["first"]).stem, Path(pair["second"]).stem): pair for pair in found["pairs"]}
    assert list(pairs) == [("a", "b"), ("a", "c"), ("b", "c")]
    difference = pairs["a", "b"]["auc_difference"]
    assert difference == pytest.approx(found["files"][0]["auc"] - found["files"][1]["auc"])
    assert pairs["a", "b"]["auc_difference_ci"][0] <= difference <= pairs["a", "b"]["auc_difference_ci"][1]
    assert 0 <= pairs["a", "b"]["p_delong"] <= 1
    assert 0 < pairs["a", "b"]["p_bootstrap"] <= 1


def test_thresholds_of_validation_lesions_are_reported_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = write(tmp_path / "a.csv", 0)
    ids = {name: [f"{name}{i}" for i in range(120)] for name in ("lesion_id", "patient_id")}
    validation = write(tmp_path / "val.csv", 1, **ids)
    file = json_of(capsys, tmp_path / "a.csv", "--validation", tmp_path / "val.csv")["files"][0]
    point = file["tnr_at_fnr_transferred"]["0"]
    assert point["threshold"] == validation["score"][validation["malignant"] == 1].min()
    assert point["tnr"] == (test["score"][test["malignant"] == 0] < point["threshold"]).mean()
    assert point["fnr"] == (test["score"][test["malignant"] == 1] < point["threshold"]).mean()
    assert point["picked_on"] == str(tmp_path / "val.csv")
    assert set(file["tnr_at_fnr"]) == set(file["tnr_at_fnr_transferred"])


@pytest.mark.parametrize(("label", "missing"), [(0, "no malignant lesion"), (1, "no benign lesion")])
def test_one_class_gives_null_and_names_the_missing_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], label: int, missing: str
) -> None:
    write(tmp_path / "a.csv", 0, malignant=label)
    write(tmp_path / "b.csv", 1, malignant=label)
    found = json_of(capsys, tmp_path / "a.csv", tmp_path / "b.csv")
    file, pair = found["files"][0], found["pairs"][0]
    assert file["undefined"] == missing
    for key in ("auc", "auc_ci", "auc_delong_ci", "average_precision", "partial_auc", "brier", "brier_ci"):
        assert file[key] is None
    assert all(point["tnr"] is None for point in file["tnr_at_fnr"].values())
    assert [pair[key] for key in ("auc_difference", "auc_difference_ci", "p_delong", "p_bootstrap")] == [None] * 4
    assert main([str(tmp_path / "a.csv")]) == 0
    assert f"No metric is defined: {missing}." in capsys.readouterr().out


def test_no_lesion_gives_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("lesion_id,patient_id,malignant,score\n")
    file = json_of(capsys, tmp_path / "a.csv")["files"][0]
    assert (file["n"], file["auc"], file["undefined"]) == (0, None, "no lesion")


def test_the_text_has_the_same_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, name in enumerate("ab"):
        write(tmp_path / f"{name}.csv", seed, n=40)
    arguments = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    found = json_of(capsys, *arguments)
    assert main(arguments) == 0
    text = capsys.readouterr().out
    for value in (found["files"][0]["auc"], found["files"][1]["brier"], found["pairs"][0]["auc_difference"]):
        assert f"{value:.3f}" in text
    assert "warning: Only " in text
    assert "threshold chosen on these lesions: optimistic" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"score": 1.5}, "row 1 (lesion L0): score 1.5 is outside [0, 1]"), ({"lesion_id": "L1"}, "row 2: lesion_id L1")],
)
def test_an_invalid_file_gives_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    write(tmp_path / "a.csv", 0)
    write(tmp_path / "b.csv", 1, **changes)
    assert main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith(f"error: {tmp_path / 'b.csv'}, ")
    assert message in output.err


def test_wrong_arguments_have_exit_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.csv", 0)
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert main([str(tmp_path / "a.csv"), "--validation", "x.csv", "y.csv"]) == 2
    assert "error: " in capsys.readouterr().err


def test_single_lesions_are_listed_and_own_names_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write(tmp_path / "a.csv", 0), write(tmp_path / "b.csv", 1)
    (tmp_path / "store").mkdir()
    rows = [("lesion", key, "mine", f"ZZCANARY {key}.dcm", f"own {key}") for key in first["lesion_id"]]
    OWN_IDS.write(tmp_path / "store", "mine", rows, ["mine"])
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    found = json_of(capsys, *files)
    wrong = (first["score"] - first["malignant"]).abs().sort_values(ascending=False, kind="stable").index
    assert [lesion["lesion_id"] for lesion in found["files"][0]["most_wrong"]] == first["lesion_id"][wrong[:5]].tolist()
    apart = (first["score"] - second["score"]).abs().sort_values(ascending=False, kind="stable").index
    different = found["pairs"][0]["most_different"]
    assert [lesion["lesion_id"] for lesion in different] == first["lesion_id"][apart[:5]].tolist()
    assert different[0]["second"] == pytest.approx(second["score"][apart[0]])
    assert "ZZCANARY" not in json.dumps(found)
    assert main([str(file) for file in files]) == 0
    assert "ZZCANARY" not in capsys.readouterr().out
    assert json_of(capsys, *files, "--own-ids")["pairs"][0]["most_different"][0]["source_path"].startswith("ZZCANARY")
    assert main([*map(str, files), "--own-ids"]) == 0
    key = first["lesion_id"][apart[0]]
    assert f"mine: ZZCANARY {key}.dcm (own {key})" in capsys.readouterr().out


def write_folds(folder: Path, seed: int, name: str = "lesions") -> pd.DataFrame:
    """The score tables of three folds in folders of their own; validation lesions are those of the next fold."""
    whole = write(folder / "whole.csv", seed)
    for fold in range(3):
        part = whole.iloc[40 * ((fold + (name != "lesions")) % 3) :][:40].assign(fold=fold, split=name)
        part["score"] = np.clip(part["score"] + 0.1 * fold, 0, 1)
        (folder / f"f{fold}").mkdir(exist_ok=True)
        part.to_csv(folder / f"f{fold}" / f"{name}.csv", index=False)
    (folder / "whole.csv").unlink()
    return pd.concat([pd.read_csv(folder / f"f{fold}" / f"{name}.csv") for fold in range(3)])


def test_the_files_of_all_folds_are_pooled_and_every_fold_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, validation = write_folds(tmp_path, 0), write_folds(tmp_path, 1, "val")
    patterns = [tmp_path / "f*" / "lesions.csv", "--validation", tmp_path / "f*" / "val.csv"]
    (file,) = json_of(capsys, *patterns)["files"]
    assert file["auc"] == pytest.approx(roc_auc_score(table["malignant"], table["score"]))
    own = [roc_auc_score(part["malignant"], part["score"]) for _, part in table.groupby("fold")]
    assert [fold["auc"] for fold in file["folds"]] == pytest.approx(own)
    assert file["auc_fold_mean"] == pytest.approx(np.mean(own))
    assert {group["column"] for group in file["subgroups"]} == {"view"}
    thresholds = validation[validation["malignant"] == 1].groupby("fold")["score"].min()
    below = table["score"] < table["fold"].map(thresholds)
    point = file["tnr_at_fnr_transferred"]["0"]
    assert point["tnr"] == below[table["malignant"] == 0].mean()
    assert point["fnr"] == below[table["malignant"] == 1].mean()
    assert point["threshold"] is None
    assert main([str(word) for word in patterns]) == 0
    text = capsys.readouterr().out
    assert f"AUC, mean of folds   {np.mean(own):.3f}" in text
    assert "AUC, fold 2" in text


def test_folds_that_cannot_be_pooled_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folds(tmp_path, 0)
    write_folds(tmp_path, 1, "val")
    test, val = (str(tmp_path / "f*" / f"{name}.csv") for name in ("lesions", "val"))

    def error(*words: str) -> str:
        assert main([*words]) == 2
        return capsys.readouterr().err

    assert "no file matches this pattern" in error(str(tmp_path / "g*.csv"))
    (tmp_path / "f2" / "val.csv").rename(tmp_path / "f2" / "other")
    assert "no lesion of fold 2, which" in error(test, "--validation", val)
    (tmp_path / "f2" / "other").rename(tmp_path / "f2" / "val.csv")
    both = pd.read_csv(tmp_path / "f1" / "val.csv")
    both.assign(patient_id=["P20", *both["patient_id"][1:]]).to_csv(tmp_path / "f1" / "val.csv", index=False)
    assert "patient P20 is also in" in error(test, "--validation", val)
    (tmp_path / "f1" / "lesions.csv").unlink()
    assert main([test]) == 0
    assert "warning: Fold 1 is missing" in capsys.readouterr().out
    (tmp_path / "f1" / "lesions.csv").write_bytes((tmp_path / "f0" / "lesions.csv").read_bytes())
    assert "lesion L0 is also in" in error(test)


def test_trivial_predictors_of_the_tables_stand_beside_every_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(tmp_path / "a.csv", 0)
    noise = np.random.default_rng(5).normal(size=120)
    size = 1 / (1 + np.exp(-table["malignant"] - noise))
    write(tmp_path / "b.csv", 1, trivial_size=size, trivial_vendor="", trivial_gray=0.5)
    found = json_of(capsys, tmp_path / "a.csv", tmp_path / "b.csv")["files"]
    for file in found:
        (row,) = file["trivial"]
        assert row["predictor"] == "size of the outline"
        assert row["auc"] == pytest.approx(roc_auc_score(table["malignant"], size))
        assert row["auc_difference"] == pytest.approx(file["auc"] - row["auc"])
        beaten = row["auc_difference_ci"][0] > 0
        assert beaten != any("Not shown to be better" in warning for warning in file["warnings"])
    assert main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 0
    assert "AUC of size of the outline: " in capsys.readouterr().out


def test_findings_are_compared_by_the_mean_over_their_views(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = np.arange(120) // 2
    joined = {"finding_id": [f"F{n}" if n % 5 else "" for n in number], "malignant": number % 2}
    tables = [write(tmp_path / f"{name}.csv", seed, **joined) for seed, name in enumerate("ab")]
    for seed, name in ((2, "va"), (3, "vb")):
        write(tmp_path / f"{name}.csv", seed, **joined, patient_id=[f"V{n}" for n in number])
    files = [tmp_path / "a.csv", tmp_path / "b.csv", "--validation", tmp_path / "va.csv", tmp_path / "vb.csv"]
    found = json_of(capsys, *files)
    aucs = []
    for file, table in zip(found["files"], tables, strict=True):
        key = np.where(number % 5, number, 1000 + np.arange(120))
        means = table.groupby(key)[["score", "malignant"]].mean()
        aucs.append(roc_auc_score(means["malignant"], means["score"]))
        values = file["findings"]
        assert (values["n"], values["n_malignant"]) == (len(means), means["malignant"].sum())
        assert values["auc"] == pytest.approx(aucs[-1])
        assert values["auc_gain"] == pytest.approx(values["auc"] - file["auc"])
        assert values["auc_ci"][0] < values["auc"] < values["auc_ci"][1]
        assert values["tnr_at_fnr_transferred"]["0.05"]["picked_on"].startswith("the findings of ")
    assert found["pairs"][0]["findings"]["auc_difference"] == pytest.approx(aucs[0] - aucs[1])
    assert not [group for group in found["files"][0]["subgroups"] if group["column"] == "finding_id"]
    assert main([str(file) for file in files]) == 0
    text = capsys.readouterr().out
    assert text.count(f"  AUC per finding      {aucs[0]:.3f} (") == 1
    assert f"per finding ({len(means)}): AUC {aucs[0] - aucs[1]:.3f}" in text
    alone = json_of(capsys, tmp_path / "a.csv", tmp_path / "a.csv")
    write(tmp_path / "c.csv", 4)
    assert alone["pairs"][0]["findings"]["auc_difference"] == 0
    assert json_of(capsys, tmp_path / "c.csv")["files"][0]["findings"] is None
