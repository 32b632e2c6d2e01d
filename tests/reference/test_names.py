"""Code, configuration and results that the pages of reference and explanation name exist."""

import importlib
import re

import numpy as np
import pandas as pd
import pytest

import mammo
from mammo.cli.keys import KEYS
from tests.reference.pages import DOCS, PART

ROOT = DOCS.parent
TEXT = "\n".join(
    PART.sub("", page.read_text(encoding="utf-8"))
    for part in ("reference", "explanation")
    for page in (DOCS / part).glob("*.md")
)
SHARED = ("geometry", "io", "limits", "machine", "paper", "progress", "records", "text")
"""Modules below mammo/ that are named like packages."""

FILES = (".json", ".parquet", ".csv", ".html", ".md")


def is_code(name: str) -> bool:
    """Whether a dotted name is one of the package: no key of the configuration and no file."""
    first = name.partition(".")[0]
    is_key = any(each == name or each.startswith(f"{name}.") for keys in KEYS.values() for each in keys)
    return (first in SHARED or (ROOT / "mammo" / first).is_dir()) and not is_key and not name.endswith(FILES)


CODE = sorted(filter(is_code, set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", TEXT))))
CONF = sorted(set(re.findall(r"`(conf/[\w/.]+)`", TEXT)))


@pytest.mark.parametrize("name", CODE)
def test_code_that_a_page_names_exists(name: str) -> None:
    parts = ["mammo", *name.split(".")]
    n_module = next(n for n in range(len(parts), 0, -1) if _is_module(parts[:n]))
    value: object = importlib.import_module(".".join(parts[:n_module]))
    for part in parts[n_module:]:
        fields = getattr(value, "__dataclass_fields__", {})
        assert hasattr(value, part) or part in fields, f"{name}: {part} is missing"
        value = getattr(value, part, None)


def _is_module(parts: list[str]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("path", CONF)
def test_configuration_that_a_page_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_page_on_metrics_has_every_key_of_evaluate() -> None:
    rng = np.random.default_rng(0)
    found = mammo.evaluate(
        pd.DataFrame(
            {
                "lesion_id": [f"l{row}" for row in range(40)],
                "patient_id": [f"p{row // 2}" for row in range(40)],
                "malignant": rng.integers(0, 2, 40),
                "score": rng.uniform(size=40),
                "fold": rng.integers(0, 2, 40),
            }
        )
    )
    text = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    table = text[text.index("## What evaluate returns") :]
    rows = {key for line in re.findall(r"(?m)^\| (`.+?`) \|", table) for key in re.findall(r"`(\w+)`", line)}
    assert rows - {"tnr_at_fnr_transferred"} == set(found)
    nested = {*found["tnr_at_fnr"]["0.02"], *found["calibration"], *found["decision_curve"], *found["trivial"]}
    assert nested <= set(re.findall(r"`(\w+)`", table))
