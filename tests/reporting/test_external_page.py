"""The page of an external test set, also where a run has no validation scores or the lesions are of one class."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.reporting import external_page
from mammo.reporting.external_page import evaluated, write_external_page

N = 40


def table(malignant: list[int]) -> pd.DataFrame:
    """The columns of a lesion score table that the page reads."""
    ids = [f"L{number}" for number in range(len(malignant))]
    facts = {"lesion_id": ids, "patient_id": ids, "malignant": malignant, "fold": -1}
    words = dict.fromkeys(("finding_id", "finding", "view", "vendor", "density", "birads"), "")
    score = np.random.default_rng(0).random(len(malignant))
    return pd.DataFrame(facts | words | {"score": score, "label_source": "biopsy", "source": "table"})


@pytest.mark.parametrize("labels", [[1, 0] * (N // 2), [0] * N])
@pytest.mark.parametrize("validated", [True, False])
def test_the_page_has_no_transferred_thresholds_without_validation_scores(
    labels: list[int], validated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_page, "DPI", 20)
    lesions, validation = table(labels), table([1, 0] * 5).assign(patient_id=[f"V{number}" for number in range(10)])
    found = evaluated("mine", lesions, validation if validated else None)
    write_external_page(tmp_path / "page.html", "an external test set", found, lesions, {"networks": "mine"}, ["Care."])
    text = re.sub(r"(?s)<style>.*?</style>|base64,[A-Za-z0-9+/=]+", "", (tmp_path / "page.html").read_text())
    assert ("network&#39;s own validation lesions" in text or "network's own validation lesions" in text) == validated
    assert "At thresholds chosen on these lesions" in text
    assert not re.search(r"\b(nan|inf|None)\b", text)
    assert ("No metric is defined: no malignant lesion." in text) == (not any(labels))


def test_the_page_has_the_auc_per_finding_where_views_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_page, "DPI", 20)
    lesions = table([1, 1, 0, 0] * (N // 4)).assign(finding_id=[f"F{number // 2}" for number in range(N)])
    lesions["patient_id"] = lesions["finding_id"]
    for joined in (lesions, lesions.assign(finding_id="")):
        found = evaluated("mine", joined, None)
        write_external_page(tmp_path / "page.html", "an external test set", found, joined, {}, [])
        text = (tmp_path / "page.html").read_text()
        if joined is lesions:
            assert f"{N} lesion views are of {N // 2} findings ({N // 4} malignant)" in text
            assert f"AUC per finding {found['findings']['auc']:.3f}" in text
        else:
            assert "Per finding" not in text
