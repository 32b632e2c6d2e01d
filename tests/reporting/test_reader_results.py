"""Folders of readers' score tables: the comparison in JSON and text, and one sentence for each error."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.compare import main
from mammo.records import MammoError
from mammo.reporting.reader_results import compare_folders
from mammo.scoring.reader_comparison import compare_readers


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three readers of 40 lesions under two conditions; the rows of the tables are in different orders."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"lesion_id": [f"L{i}" for i in range(40)], "patient_id": [f"P{i // 2}" for i in range(40)]})
    table["malignant"] = rng.integers(0, 2, 40)
    for condition in ("with", "without"):
        (tmp_path / condition).mkdir()
        for reader in ("a", "b", "c"):
            noise = rng.normal(size=40) * (0.2 if condition == "with" else 0.4)
            scored = table.assign(score=np.clip(0.4 + 0.2 * table["malignant"] + noise, 0, 1))
            scored.sample(frac=1, random_state=rng.integers(99)).to_csv(
                tmp_path / condition / f"{reader}.csv", index=False
            )
    return tmp_path / "with", tmp_path / "without"


def test_rows_are_matched_by_lesion(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    tables = [[pd.read_csv(path).sort_values("lesion_id") for path in sorted(one.iterdir())] for one in folders]
    first = tables[0][0]
    scores = np.array([[table["score"] for table in one] for one in tables])
    expected = compare_readers(first["malignant"], scores, first["patient_id"])
    found = compare_folders(*folders)
    assert found["auc_difference"] == pytest.approx(float(expected.difference.value))
    assert found["auc_difference_ci"] == pytest.approx([expected.difference.low, expected.difference.high])
    assert (found["p"], found["df"]) == (pytest.approx(float(expected.p)), pytest.approx(float(expected.difference.df)))
    assert [row["reader"] for row in found["readers"]] == ["a", "b", "c"]
    assert found["readers"][1]["auc_second"] == pytest.approx(expected.aucs[1, 1])
    assert main(["--readers", *map(str, folders)]) == 0
    text = capsys.readouterr().out
    assert f"{folders[0]} minus {folders[1]}: 3 readers, 40 lesions" in text
    assert f"{found['auc_difference']:.3f}" in text


def test_one_class_has_no_auc(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for folder in folders:
        for path in folder.iterdir():
            pd.read_csv(path).assign(malignant=0).to_csv(path, index=False)
    assert main(["--readers", *map(str, folders)]) == 0
    assert "no AUC: no malignant lesion" in capsys.readouterr().out
    assert compare_folders(*folders)["auc_difference_ci"] is None


def test_wrong_folders_are_one_sentence(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = map(str, folders)
    wrong = [[one], [one, other, one], [one, f"{other}/a.csv"], [one, other, "--own-ids"], [one, str(Path(one).parent)]]
    for arguments in wrong:
        assert main(["--readers", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    (folders[1] / "c.csv").unlink()
    assert main(["--readers", one, other]) == 2
    assert "c.csv has no counterpart" in capsys.readouterr().err
    for folder in folders:
        for name in ("b", "c"):
            (folder / f"{name}.csv").unlink(missing_ok=True)
    assert main(["--readers", one, other]) == 2
    assert "at least two" in capsys.readouterr().err


def test_a_reader_who_has_not_finished_is_named(folders: tuple[Path, Path]) -> None:
    path = folders[1] / "b.csv"
    pd.read_csv(path).iloc[:30].to_csv(path, index=False)
    with pytest.raises(MammoError, match=r"b\.csv has 30 lesions of 40, .*: delete b\.csv in both folders"):
        compare_folders(*folders)


def test_few_readers_are_warned_of_and_no_interval_passes_what_an_auc_can_be(folders: tuple[Path, Path]) -> None:
    """Two readers, one of whom is always right, have t quantiles of few degrees of freedom."""
    (folders[0] / "c.csv").unlink()
    (folders[1] / "c.csv").unlink()
    path = folders[0] / "a.csv"
    table = pd.read_csv(path)
    table.assign(score=table["malignant"]).to_csv(path, index=False)
    found = compare_folders(*folders)
    assert found["auc_first_ci"][1] == 1
    assert found["warnings"][0].startswith("2 readers: ")
