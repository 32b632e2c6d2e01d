"""The snippets of docs/reference/python.md and the notebook run as they are printed."""

import re
from pathlib import Path

import pandas as pd
import pytest

import mammo
from mammo.store.pseudonyms import read_own_ids

ROOT = Path(__file__).resolve().parents[2]


def test_the_snippets_of_the_page_run(trained_root: Path, fagg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each as it is printed, on a small root in the place of runs/demo and a file of its cohort."""
    text = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(snippets) == 4
    image = mammo.open_store(trained_root / "store").images[0]
    path = trained_root / "dicom" / read_own_ids(trained_root / "store")[image.id].path
    lesions = trained_root / "runs" / fagg.name / "lesions.csv"
    places = {"runs/demo/table3/fagg-sal+emb-s0-12345678": fagg, "runs/demo/score/lesions.csv": lesions}
    places |= {"image.dcm": path, "runs/demo": trained_root}
    for snippet in snippets:
        for printed, place in places.items():
            snippet = snippet.replace(printed, str(place))
        exec(compile(snippet, "docs/reference/python.md", "exec"), {})
    said = capsys.readouterr().out
    assert "phantoms" in said
    assert "torch.Size([" in said


def test_the_notebook_runs(trained_root: Path, fagg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "notebooks" / "first-lesion.py").read_text(encoding="utf-8")
    places = 'ROOT, GROUP, OUT = Path("runs/demo"), "table3", Path("first-lesion")'
    assert places in text
    text = text.replace(places, f'ROOT, GROUP, OUT = Path("{trained_root}"), "runs", Path("{tmp_path}")')
    exec(compile(text, "first-lesion.py", "exec"), {})
    said = capsys.readouterr().out
    own = pd.read_parquet(fagg / "lesions.parquet")
    assert any(str(score) in said.split() for score in own["score"]), "the outline's score is that of the run's table"
    assert {file.name for file in tmp_path.glob("*.png")} == {"lesion.png", "windows.png", "saliency.png"}
    assert "34, 46, 30)" in said
