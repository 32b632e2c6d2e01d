"""docs/python.md: its snippets run as they are printed."""

import re
from pathlib import Path

import pytest

import mammo
from mammo.store.pseudonyms import read_own_ids

ROOT = Path(__file__).resolve().parents[2]


def test_the_snippets_of_the_page_run(trained_root: Path, fagg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each as it is printed, on a small root in the place of runs/demo and a file of its cohort."""
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
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
        exec(compile(snippet, "docs/python.md", "exec"), {})
    said = capsys.readouterr().out
    assert "phantoms" in said
    assert "torch.Size([" in said
