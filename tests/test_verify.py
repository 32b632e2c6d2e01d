from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo import verify
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from tests.intake.dicom_variants import BREAST, FRAME, Variant


def test_a_valid_store_has_no_issues(small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(small_root / "store"), "--out", str(tmp_path), "--processes", "1"]) == 0
    assert "0 issues from 39 checks" in capsys.readouterr().out
    assert "No issues." in (tmp_path / "quality.html").read_text()
    assert len(pd.read_csv(tmp_path / "quality.csv")) == 0


def test_a_flipped_byte_is_reported_with_the_name_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, store, rng = tmp_path / "source", tmp_path / "store", np.random.default_rng(0)
    source.mkdir()
    for number in range(4):  # the last repeats the third, so that its record is in no table
        codes = ((BREAST + min(number, 2)) * (BREAST > 0)).astype(np.uint16)
        tags = {"PatientID": f"P{min(number, 2)}"}
        (source / f"{number}.dcm").write_bytes(Variant("", tags=tags, codes=codes).content(number))
    (source / "broken.dcm").write_bytes(Variant("").content(5)[:-9])
    (source / "lesions.csv").write_text("image,label,row0,row1,col0,col1\n0.dcm,benign,90,110,30,50\n")
    outcomes = ingest_cohort(Recipe(source, store, FRAME, 1), read(source), 1).outcomes
    assert [outcome.verdict for outcome in outcomes] == ["accepted"] * 3 + ["duplicate", "rejected"]
    monkeypatch.setattr(
        "mammo.reporting.quality_page.write_quality_page", lambda page, *_: page
    )  # no pictures of damaged pixels
    check = [str(store), "--out", str(tmp_path), "--processes", "1"]
    verify.main(check)
    assert "file_damaged" not in capsys.readouterr().out
    files = [file for file in sorted(store.rglob("*")) if file.is_file() and file.name != ".lock"]
    assert len(files) == 11
    for file in files:
        whole = file.read_bytes()
        for place in {0, len(whole) - 1, int(rng.integers(0, len(whole)))}:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :])
            ImageStore(store).refresh()
            (tmp_path / "quality.csv").unlink(missing_ok=True)
            status, error = verify.main(check), capsys.readouterr().err
            report = error if status == 2 else (tmp_path / "quality.csv").read_text()
            assert file.relative_to(store).as_posix() in report, place
        file.write_bytes(whole)


def test_a_missing_store_is_a_one_line_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no store at")
    assert error.count("\n") == 1


def test_realism_compares_with_the_range_of_real_images(
    small_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    status = verify.main(["--realism", str(small_root), "--images", "4"])
    printed = capsys.readouterr().out
    assert "4 images at 0.125 of full size" in printed
    assert "no discriminator" in printed
    assert status == (0 if " 0 outside" in printed else verify.ISSUES_FOUND)


def test_realism_without_a_store_or_exam_is_a_one_line_error(
    small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main(["--realism", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: no store at")
    monkeypatch.setenv("MAMMO_REAL_EXAM", str(tmp_path / "none"))
    assert verify.main(["--realism", str(small_root)]) == 2
    error = capsys.readouterr().err
    assert "none" in error
    assert error.count("\n") == 1


def test_own_names_appear_only_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A marker in the names of folder, file, patient, lesion and finding."""
    source, store = tmp_path / "ZZMARK folder", tmp_path / "store"
    source.mkdir()
    (source / "ZZMARK 1.dcm").write_bytes(Variant("", tags={"PatientID": "ZZMARK P"}, codes=BREAST).content(1))
    (source / "ZZMARK 2.dcm").write_bytes(Variant("").content(2)[:-9])
    (source / "lesions.csv").write_text(
        "image,label,lesion_id,finding,row0,row1,col0,col1\nZZMARK 1.dcm,benign,ZZMARK L,ZZMARK mass,90,110,30,50\n"
    )
    manifest = ingest_cohort(Recipe(source, store, FRAME, 1), read(source), 1).manifest
    manifest.images["negative"] = True  # contradicts the lesion
    manifest.save(store)
    capsys.readouterr()
    check = [str(store), "--out", str(tmp_path / "verify"), "--processes", "1"]
    assert verify.main(check) == 3
    assert "ZZMARK" not in capsys.readouterr().out
    named = {path.name for path in tmp_path.rglob("*") if path.is_file() and b"ZZMARK" in path.read_bytes()}
    assert named - {file.name for file in source.iterdir()} == {"quarantine.csv", "ids.csv"}
    assert Manifest.load(store).lesions["finding"].tolist() == ["mass"]
    assert verify.main([*check, "--own-ids"]) == 3
    assert "= ZZMARK 1.dcm" in capsys.readouterr().out
    (store / "ids.csv").unlink()
    assert verify.main([*check, "--own-ids"]) == 2
