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
