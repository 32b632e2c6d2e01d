"""Weak evaluations have warnings, sound ones have none."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mammo.reporting.evaluation_warnings import evaluation_warnings, seed_warnings, training_warnings
from mammo.reporting.report_folder import Report
from mammo.reporting.report_groups import read_groups
from mammo.reporting.reported_runs import reported_runs
from mammo.store.manifest import Manifest


def test_a_sound_evaluation_has_no_warning() -> None:
    assert evaluation_warnings(136, "", ["biopsy"] * 600, 0.95, "nyu") == []
    assert evaluation_warnings(30, "", [], 0.8, "cbis_ddsm") == []


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        ((29, "", [], 0.8, ""), "Only 29 malignant lesions"),
        ((0, "no malignant lesion", [], float("nan"), ""), "No metric is defined: no malignant lesion."),
        ((90, "", ["biopsy", "birads_proxy", "birads_proxy"], 0.8, ""), "2 of 3 labels are BI-RADS proxies"),
        ((90, "", ["breast_level", "biopsy"], 0.8, ""), "1 of 2 labels are those of the breast"),
        ((90, "", ["biopsy", "unknown"], 0.8, ""), "1 of 2 labels are of unknown source: state in label_source"),
        ((90, "", [], 0.91, "cbis_ddsm"), "0.910 on CBIS-DDSM lesions"),
    ],
)
def test_a_weakness_gives_one_warning(arguments: tuple[int, str, list[str], float, str], warning: str) -> None:
    (found,) = evaluation_warnings(*arguments)
    assert warning in found


def test_lesions_of_the_training_split_are_warned_of() -> None:
    (found,) = training_warnings(["train", "test", "val", "train"])
    assert found.startswith("2 of 4 lesions are of the training split")
    assert training_warnings(["test", "val", ""]) == []


def test_a_combination_that_lacks_a_seed_is_named(reported_root: Path) -> None:
    runs = reported_runs(reported_root / "table3")
    assert seed_warnings(runs) == []
    assert seed_warnings([]) == []
    again = [replace(run, seed=7) for run in runs if run.maps == "sal+emb"]
    (warning,) = seed_warnings([*runs, *again])
    assert "(emb lacks 7)" in warning
    assert seed_warnings([*runs, *(replace(run, seed=7) for run in runs)]) == []


def test_the_report_says_first_that_a_source_cannot_tell_patients_apart(reported_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(reported_root, tmp_path / "root")
    manifest = Manifest.load(root / "store")
    blind = tuple(replace(source, knows_patients=False) for source in manifest.sources)
    replace(manifest, sources=blind).save(root / "store")
    text = Report(root, read_groups(root)).write(0).with_name("report.md").read_text()
    first = next(line for line in text.splitlines() if line.startswith("- "))
    assert "phantom cannot distinguish patients: every exam counts as one patient" in first
