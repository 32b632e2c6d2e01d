"""Exports of a study, parsed back: they hold exactly the answers that were given."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.reporting.reader_results import compare_folders
from mammo.scoring.score_file import read_score_file
from mammo.serve import main
from mammo.serving.studies.export import export_study
from mammo.serving.studies.settings import Settings
from mammo.serving.studies.study import Answer, Decision
from mammo.store.manifest import Manifest
from tests.serving.studies.study_cases import opened, write_store, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """R1 and R2 have answered all, R3 half of 9 cases."""
    path = write_study(tmp_path, write_store(tmp_path / "store", 9), readers="[R1, R2, R3]")
    rng = np.random.default_rng(1)
    with opened(path) as study:
        for reader, n in (("R1", 18), ("R2", 18), ("R3", 9)):
            for number in range(n):
                study.show(reader)
                decision = tuple(Decision)[int(rng.integers(2))]
                study.answer(reader, number, Answer(float(rng.integers(0, 101)), decision, 2.25))
    return path


def parse_imrmc(text: str) -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str, str], float]]:
    """Counts, truth by case, and scores by reader, case and modality, after the description of the format."""
    head, _, rows = text.partition("BEGIN DATA:\n")
    counts = {line.split(":")[0]: int(line.split(":")[1]) for line in head.splitlines() if line[:1] == "N"}
    truth, scores = {}, {}
    for line in rows.splitlines():
        reader, case, modality, value = line.split(",")
        assert line == line.replace(" ", "")
        if reader == "-1":
            assert modality == "0"
            assert case not in truth
            truth[case] = int(value)
        else:
            assert (reader, case, modality) not in scores
            scores[reader, case, modality] = float(value)
    return counts, truth, scores


def test_all_tables_hold_the_same_answers(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    exported = export_study(Settings.read(study), out)
    assert exported == ({"R1": (18, 18), "R2": (18, 18), "R3": (9, 18)}, 9, 3, "")
    answers = pd.read_csv(out / "answers.csv", dtype={"lesion_id": str})
    with opened(study) as going:
        given = [entry for reader in ("R1", "R2", "R3") for entry in going.readers[reader].answers]
    assert answers["probability"].tolist() == [entry["probability"] for entry in given]
    assert answers["lesion_id"].tolist() == [entry["lesion_id"] for entry in given]
    assert set(answers["seconds"]) == {2.25}
    assert set(answers["times_shown"]) == {1}
    truth = {f"zzlesion{k}": int(k % 3 == 0) for k in range(9)}
    assert [truth[lesion] for lesion in answers["lesion_id"]] == answers["malignant"].tolist()
    assert answers["patient_id"].tolist() == [lesion.replace("lesion", "patient") for lesion in answers["lesion_id"]]
    keys = [(entry["reader"], entry["lesion_id"], entry["condition"]) for entry in given]
    counts, truth_rows, scores = parse_imrmc((out / "probability.imrmc").read_text())
    assert (counts, truth_rows) == ({"NR": 3, "N0": 6, "N1": 3, "NM": 2}, truth)
    assert scores == {key: entry["probability"] for key, entry in zip(keys, given, strict=True)}
    _, _, decisions = parse_imrmc((out / "decision.imrmc").read_text())
    assert decisions == {key: float(entry["decision"] == "biopsy") for key, entry in zip(keys, given, strict=True)}
    for condition in ("without", "with"):
        for reader in ("R1", "R2", "R3"):
            table = read_score_file(out / condition / f"{reader}.csv").table
            own = dict(zip(table["lesion_id"], table["score"], strict=True))
            assert own == {key[1]: value / 100 for key, value in scores.items() if key[::2] == (reader, condition)}
            assert [truth[lesion] for lesion in table["lesion_id"]] == table["malignant"].tolist()
    bundle = read_score_file(out / "bundle.csv").table
    assert bundle["score"].tolist() == [k / 100 for k in range(9)]


@pytest.mark.parametrize("name", ["Pilot N1", "Study nr: 4", "BEGIN DATA: now"])
def test_a_study_may_have_a_name_in_which_imrmc_would_look_for_counts(tmp_path: Path, name: str) -> None:
    """It finds N0:, N1:, NR: and NM: anywhere in a line of the head, in capitals or not, and takes what follows."""
    path = write_study(tmp_path, write_store(tmp_path / "store", 3), name=f"'{name}'")
    with opened(path) as study:
        study.answer("R1", 0, Answer(12.3456789, Decision.BIOPSY, 1.0))
    export_study(Settings.read(path), tmp_path / "tables")
    lines = (tmp_path / "tables" / "probability.imrmc").read_text().splitlines()
    for key in ("N0:", "N1:", "NR:", "NM:", "BEGIN DATA:"):
        assert sum(key in line.upper() for line in lines) == 1
        assert sum(line.startswith(key) for line in lines) == 1
    assert lines[-1].split(",")[-1] == "12.3456789"


def test_compare_takes_the_folders_of_readers_who_have_finished(study: Path, tmp_path: Path) -> None:
    export_study(Settings.read(study), tmp_path / "tables")
    folders = tmp_path / "tables" / "with", tmp_path / "tables" / "without"
    with pytest.raises(MammoError, match=r"R3\.csv has 4 lesions of 9, as of a reader who has not finished"):
        compare_folders(*folders)
    for folder in folders:
        (folder / "R3.csv").unlink()
    found = compare_folders(*folders)
    assert [row["reader"] for row in found["readers"]] == ["R1", "R2"]
    assert found["n"] == 9


def test_the_command_exports_and_replaces_nothing(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables"
    assert main(["--study", str(study), "--export", str(out)]) == 0
    assert f"reader R3: 9 of 18 answers\nwritten: {out}, 9 cases, 3 malignant\n" in capsys.readouterr().out
    assert main(["--study", str(study), "--export", str(out)]) == 2
    assert "name a new or empty one" in capsys.readouterr().err
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in out.rglob("*.*"))


def tables_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*")}


def test_labels_and_patients_are_those_of_the_start_whatever_the_store_has_now(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_study(Settings.read(study), tmp_path / "before")
    manifest = Manifest.load(tmp_path / "store")
    lesions, images = manifest.lesions.copy(), manifest.images.copy()
    lesions.loc[["zzlesion0", "zzlesion1"], "label"] = ["benign", "malignant"]
    images.loc["zzimage4", "patient_id"] = "zzpatient0"
    replace(manifest, lesions=lesions, images=images).save(tmp_path / "store")
    assert main(["--study", str(study), "--export", str(tmp_path / "after")]) == 0
    printed = capsys.readouterr().out
    assert "has 3 cases otherwise now: zzlesion0 (label), zzlesion1 (label), zzlesion4 (patient): the tables" in printed
    assert tables_of(tmp_path / "after") == tables_of(tmp_path / "before")


@pytest.mark.parametrize("is_gone", [True, False])
def test_answers_can_be_exported_without_the_store(study: Path, tmp_path: Path, is_gone: bool) -> None:
    export_study(Settings.read(study), tmp_path / "before")
    (tmp_path / "store").rename(tmp_path / "moved")
    if not is_gone:
        write_store(tmp_path / "store", 2)
    word = "is no folder" if is_gone else "lesion 'zzlesion2' of the study is not in"
    assert word in export_study(Settings.read(study), tmp_path / "after").warning
    assert tables_of(tmp_path / "after") == tables_of(tmp_path / "before")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
@pytest.mark.parametrize("out", ["/proc/x", "/proc/x/y", "/dev/null", "/dev/null/x", "x" * 300])
def test_a_folder_that_cannot_be_made_is_one_sentence(
    study: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert main(["--study", str(study), "--export", out]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {out} ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize("readers", ["[R1, R2]", "[R1, R2, R4]", "[R2, R1, R3]"])
def test_readers_who_are_gone_renamed_or_moved_are_named(study: Path, tmp_path: Path, readers: str) -> None:
    settings = Settings.read(write_study(tmp_path, tmp_path / "store", readers=readers))
    with pytest.raises(MammoError, match="began with readers R1, R2, R3"):
        export_study(settings, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_a_study_without_answers_has_empty_tables(tmp_path: Path) -> None:
    path = write_study(tmp_path, write_store(tmp_path / "store", 3))
    settings = Settings.read(path)
    with pytest.raises(MammoError, match="begin the study with"):
        export_study(settings, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()
    with opened(path):
        pass
    assert export_study(settings, tmp_path / "tables").answers == {"R1": (0, 6), "R2": (0, 6)}
    counts, truth, scores = parse_imrmc((tmp_path / "tables" / "probability.imrmc").read_text())
    assert (counts, truth, scores) == ({"NR": 0, "N0": 0, "N1": 0, "NM": 0}, {}, {})
