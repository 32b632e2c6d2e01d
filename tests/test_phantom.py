import json
import sys
from pathlib import Path

import pytest

from mammo.phantom import main
from mammo.phantoms.spec import CohortSpec


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["phantom", *arguments])
    main()


def test_the_command_writes_a_cohort_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, f"root={tmp_path}/demo", "n_patients=1", "processes=1")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["dicom"]
    assert "4 images" in capsys.readouterr().out


def test_the_cohort_of_no_arguments_is_the_one_of_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, f"root={tmp_path}/demo", "n_patients=1", "processes=1")
    recipe = json.loads((tmp_path / "demo" / "dicom" / "dials.json").read_text())
    assert recipe == CohortSpec(n_patients=1).recipe()


@pytest.mark.parametrize(
    "wrong", ["scale=7", "mix.benign=0.9", "nonsense=1", "seed=abc", "processes=some", "dials.local=[1]"]
)
def test_wrong_use_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, f"root={tmp_path}/demo", wrong)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
