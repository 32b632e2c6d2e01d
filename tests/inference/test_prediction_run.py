"""Runs of mammo predict that were interrupted or are replaced: OUT holds the files that predictions.json names."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom
import pytest

from mammo import predict
from mammo.inference import prediction_run
from mammo.inference.case_list import read_cases
from mammo.inference.case_pictures import case_pictures
from mammo.inference.prediction import CasePrediction
from mammo.inference.prediction_run import predict_cases
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.result_files import JOURNAL
from mammo.records import MammoError
from tests.inference.test_predict import bundle, cases, predicted  # noqa: F401

WORDS = ("--windows", "2", "--no-changes")


class KilledError(Exception):
    """In place of SIGKILL."""


def result_files(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.name != ".lock"}


def named(content: dict[str, Any]) -> set[str]:
    """What a folder with these predictions holds."""
    pictures = {lesion["picture"] for case in content["cases"] for lesion in case["lesions"]}
    return {"predictions.json", "predictions.csv", "pictures", *pictures}


@pytest.fixture
def lesions(cases: Path, tmp_path: Path) -> Callable[[int], Path]:  # noqa: F811
    """Writes a table of the first lesions of the folder of cases; returns its path."""
    folder = shutil.copytree(cases, tmp_path / "cases")
    table = pd.read_csv(folder / "lesions.csv")

    def write(n: int) -> Path:
        table.head(n).to_csv(folder / "lesions.csv", index=False)
        return folder

    return write


def killed(monkeypatch: pytest.MonkeyPatch, after: bool, *words: object) -> None:
    """Run mammo predict up to the moment before or after its tables are written."""
    write = prediction_run.write_case_predictions

    def kill(*arguments: Any) -> None:
        if after:
            write(*arguments)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(prediction_run, "write_case_predictions", kill)
        with pytest.raises(KilledError):
            predict.main([*map(str, words), *WORDS])


def test_files_of_cases_that_are_no_longer_asked_for_go_and_others_stay(
    bundle: Path,  # noqa: F811
    lesions: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    killed(monkeypatch, False, bundle, lesions(3), "-o", out)
    assert len(list((out / "pictures").iterdir())) == 3
    stale = ("dicom/case-0007/report.dcm", "dicom/case-0007/picture-2.dcm", "pictures/.case-0001-lesion-1.png.partial")
    mine = ("pictures/case-notes.png", "dicom/case-0007/mine.dcm", "dicom/case-0008/mine.dcm", "report.dcm")
    for name in (*stale, *mine):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(b"x")
    content = predicted(bundle, lesions(1), "-o", out, *WORDS, "--overwrite")
    assert result_files(out) == named(content) | set(mine) | {"dicom", "dicom/case-0007", "dicom/case-0008"}


def test_a_finished_case_counts_only_with_its_files(
    bundle: Path,  # noqa: F811
    lesions: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = lesions(2)
    whole = predicted(bundle, folder, "-o", tmp_path / "whole", *WORDS)
    killed(monkeypatch, False, bundle, folder, "-o", tmp_path / "out")
    first, second = sorted((tmp_path / "out/pictures").iterdir())
    first.unlink()
    second.write_bytes(b"cut")
    assert predicted(bundle, folder, "-o", tmp_path / "out", *WORDS) == whole
    assert result_files(tmp_path / "out") == named(whole)
    for name in named(whole) - {"pictures"}:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_run_that_was_killed_after_its_tables_is_finished_by_the_same_command(
    bundle: Path,  # noqa: F811
    lesions: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, folder = tmp_path / "out", lesions(1)
    killed(monkeypatch, True, bundle, folder, "-o", out)
    before = {name: (out / name).read_bytes() for name in result_files(out) if (out / name).is_file()}
    assert before.pop(JOURNAL)
    assert predict.main([str(folder / "lesions.csv"), str(folder), "-o", str(out), "--overwrite"]) == 2  # no bundle
    assert (out / "predictions.json").exists()
    content = predicted(bundle, folder, "-o", out, *WORDS)
    assert result_files(out) == named(content)
    assert {name: (out / name).read_bytes() for name in before} == before


def test_an_output_that_cannot_be_made_is_the_error_of_its_case(
    bundle: Path,  # noqa: F811
    cases: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    def output(number: int, _: object, prediction: CasePrediction, __: object) -> list[dict[str, str]]:
        if number == 1:
            raise MammoError("the image has no StudyInstanceUID")
        return [{} for _ in prediction.lesions]

    predictor = Predictor.load(bundle, PredictOptions(2, changes=False))
    found = predict_cases(predictor, read_cases([cases]), tmp_path, [case_pictures(tmp_path), output])
    first = pd.read_csv(cases / "lesions.csv")["image"][0]
    assert found.errors == (f"{cases / first}: the image has no StudyInstanceUID",)
    assert found.n_lesions > 0
    assert not list(tmp_path.glob("pictures/case-0001-*"))


def test_dicom_results_of_the_other_cases_are_written(
    bundle: Path,  # noqa: F811
    lesions: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    folder = lesions(3)
    first, second = pd.read_csv(folder / "lesions.csv")["image"].unique()[:2]
    source = pydicom.dcmread(folder / first)
    del source.SeriesInstanceUID
    source.save_as(folder / first)
    content = predicted(bundle, folder, "-o", tmp_path / "out", *WORDS, "--dicom", status=3)
    one, other = content["cases"][:2]
    assert one["image"] == str(folder / first)
    assert f"{folder / first}: the image has no SeriesInstanceUID" in one["error"]
    assert not one["lesions"]
    assert other["image"] == str(folder / second)
    assert other["lesions"][0]["dicom"] == "dicom/case-0002"
    assert not (tmp_path / "out/dicom/case-0001").exists()
    assert (tmp_path / "out/dicom/case-0002/report.dcm").is_file()
