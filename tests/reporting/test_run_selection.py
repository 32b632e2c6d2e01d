"""A report counts one run for each cell and seed: of a random search, the best trial on validation."""

import json
from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.reporting.run_selection import reported_runs

RESULT = {"model": "fagg", "maps": "emb", "context": "", "seed": 0, "val_auc": 0.75, "test_auc": 0.7, "command": "c"}
RESULT |= {"commit": "abc", "versions": {}, "seconds": 1.5, "digest": "d"}


def write(root: Path, name: str, **changes: object) -> None:
    (root / name).mkdir()
    (root / name / "result.json").write_text(json.dumps({**RESULT, "name": name, **changes}))


def test_two_runs_of_one_seed_are_rejected(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    with pytest.raises(MammoError, match="b: same model, maps and seed as"):
        reported_runs(tmp_path)


def test_a_control_is_reported_beside_the_run_it_controls(tmp_path: Path) -> None:
    write(tmp_path, "a", maps="sal+emb")
    write(tmp_path, "b", maps="sal+emb", context="shuffled")
    assert [run.is_control for run in reported_runs(tmp_path)] == [False, True]
    write(tmp_path, "c", maps="sal+emb", context="external")
    with pytest.raises(MammoError, match="c: same model, maps and seed as"):
        reported_runs(tmp_path)


def test_backbones_and_initializations_of_one_group_are_all_reported(tmp_path: Path) -> None:
    kinds = [("densenet161", "he"), ("densenet161", "imagenet"), ("resnetv2_50", "he")]
    for number, (backbone, init) in enumerate(kinds):
        write(tmp_path, f"r{number}", model="floc", maps="", backbone=backbone, init=init)
    assert [(run.backbone, run.init) for run in reported_runs(tmp_path)] == kinds


def test_the_best_trial_on_validation_is_reported(tmp_path: Path) -> None:
    for trial, auc in enumerate([0.7, 0.8, None, 0.75]):
        write(tmp_path, f"t{trial}", val_auc=auc, trial=trial)
    assert [run.name for run in reported_runs(tmp_path)] == ["t1"]
