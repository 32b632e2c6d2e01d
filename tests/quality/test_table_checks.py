"""Checks of the tables of a store with folds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mammo.quality.table_checks import check_leakage, check_rows
from mammo.store.manifest import Manifest
from mammo.store.splits import assign_folds
from tests.quality.conftest import SyntheticStore


def manifest(tmp_path: Path) -> Manifest:
    store = SyntheticStore.clean(18)
    store.pixels = {}
    return assign_folds(Manifest.load(store.write(tmp_path)), 3, 0)


def test_folds_that_keep_patients_apart_have_no_issue(tmp_path: Path) -> None:
    assert not [issue for issue in check_rows(manifest(tmp_path)) if "split" in issue.check]


def test_a_patient_in_two_folds_and_a_fold_without_a_class_are_found(tmp_path: Path) -> None:
    folded = manifest(tmp_path)
    patient = folded.images["patient_id"].iloc[0]
    folded.images.loc[folded.images.index[0], "fold"] = (folded.images["fold"].iloc[1] + 1) % 3
    folded.images.loc[folded.images["fold"] == 2, "malignant"] = False
    found = {(issue.check, issue.subject, issue.detail) for issue in check_rows(folded) if "split" in issue.check}
    places = sorted({f"fold {fold}" for fold in folded.images["fold"][folded.images["patient_id"] == patient]})
    assert found == {
        ("patient_in_two_splits", patient, ", ".join(places)),
        ("split_lacks_class", "fold 2", "no malignant finding"),
    }


def test_connected_patients_in_two_folds_are_a_leak(tmp_path: Path) -> None:
    images = manifest(tmp_path).images
    first = images["patient_id"].iloc[0]
    other = images["patient_id"][images["fold"] != images["fold"].iloc[0]].iloc[0]
    images.loc[images["patient_id"] == other, "exam_id"] = images["exam_id"].iloc[0]
    stats: Any = {key: SimpleNamespace(digest="", fingerprint=None) for key in images.index}
    (leak,) = (issue for issue in check_leakage(images, stats) if issue.check == "leak")
    assert leak.subject == first
    assert leak.detail.startswith("2 patients in fold ")
