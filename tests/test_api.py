"""The public names: complete, typed, documented, and imported when they are first used."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import mammo
from mammo.reporting.score_comparison import compare_files
from mammo.scoring.score_file import read_scores

ROOT = Path(__file__).resolve().parent.parent


def test_importing_mammo_loads_nothing_heavy() -> None:
    code = "import sys, mammo; print(mammo.__version__, *sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    version, *modules = done.stdout.split()
    assert version == mammo.__version__
    assert not {"torch", "numpy", "pandas", "hydra", "pydicom", "pytorch_lightning"} & set(modules)
    code = "import sys, mammo; mammo.open_store; mammo.MammoError; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False", "a store is opened without torch"


def test_every_public_name_exists_is_typed_and_documented() -> None:
    tree = ast.parse((ROOT / "mammo" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    for name in mammo.__all__:
        found = getattr(mammo, name)
        assert found.__doc__, f"mammo.{name} has no docstring"
        assert found.__module__ == typed[name], "the type checker's import is the one at run time"
        assert f"`mammo.{name}" in page, f"docs/reference/python.md leaves mammo.{name} out"
    assert set(mammo.__all__) <= set(dir(mammo))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'mammo' has no attribute 'nothing'"):
        mammo.nothing  # noqa: B018


def scores(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    malignant = rng.integers(0, 2, n)
    columns = {"lesion_id": [f"l{i}" for i in range(n)], "patient_id": [f"p{i // 2}" for i in range(n)]}
    return pd.DataFrame({**columns, "malignant": malignant, "score": 0.3 * malignant + 0.7 * rng.random(n), "n": 1})


def test_a_table_is_evaluated_as_compare_does(tmp_path: Path) -> None:
    table = scores()
    table.to_csv(tmp_path / "mine.csv", index=False)
    found = mammo.evaluate(table)
    assert found["auc"] == pytest.approx(roc_auc_score(table["malignant"], table["score"]))
    (of_file,) = compare_files([read_scores(tmp_path / "mine.csv")], [])["files"]
    assert mammo.evaluate(tmp_path / "mine.csv") == of_file
    assert found | {"file": ""} == of_file | {"file": ""}
    assert mammo.evaluate(table.assign(malignant=table["malignant"] == 1))["auc"] == found["auc"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", np.nan, r"column score has no value in 1 of 40 rows"),
        ("score", 1.5, r"row 1 \(lesion l0\): score 1.5 is outside"),
        ("malignant", 2, r"row 1 \(lesion l0\): malignant is '2'"),
        ("patient_id", None, r"column patient_id has no value in 1 of 40 rows"),
        ("lesion_id", "l1", r"lesion_id l1 is also in row 1"),
    ],
)
def test_a_wrong_table_names_row_and_value(column: str, value: object, message: str) -> None:
    table = scores().astype({column: object})
    table.loc[0, column] = value
    with pytest.raises(mammo.MammoError, match=message):
        mammo.evaluate(table)
    with pytest.raises(mammo.MammoError, match=f"column {column} is missing"):
        mammo.evaluate(table.drop(columns=column))
