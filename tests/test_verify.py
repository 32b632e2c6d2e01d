from pathlib import Path

import pandas as pd
import pytest

from mammo import verify


def test_a_sound_store_has_no_doubts(small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(small_root / "store"), "--out", str(tmp_path), "--processes", "1"]) == 0
    assert "0 doubts" in capsys.readouterr().out
    assert "No doubts." in (tmp_path / "doubts.html").read_text()
    assert len(pd.read_csv(tmp_path / "doubts.csv")) == 0


def test_no_store_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no store at")
    assert error.count("\n") == 1


def test_realism_is_told_beside_real_images(
    small_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    status = verify.main(["--realism", str(small_root), "--images", "4"])
    told = capsys.readouterr().out
    assert "4 images at 0.125 of full size" in told
    assert "no critic" in told
    assert status == (0 if " 0 outside" in told else verify.DOUBTED)


def test_realism_of_nothing_is_one_sentence(
    small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main(["--realism", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: no store at")
    monkeypatch.setenv("MAMMO_REAL_EXAM", str(tmp_path / "none"))
    assert verify.main(["--realism", str(small_root)]) == 2
    error = capsys.readouterr().err
    assert "none" in error
    assert error.count("\n") == 1
