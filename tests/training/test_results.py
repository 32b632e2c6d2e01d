import json
import math
from pathlib import Path
from typing import Any

import pytest

from mammo.records import MammoError
from mammo.training.results import find_runs, read_run

RESULT = {
    "name": "fagg-emb-s0",
    "model": "fagg",
    "maps": "emb",
    "context": "",
    "seed": 0,
    "val_auc": 0.75,
    "test_auc": 0.7,
    "command": "python -m mammo.train",
    "commit": "abc",
    "versions": {"torch": "2"},
    "seconds": 1.5,
    "digest": "d",
}


def write(root: Path, name: str, **changes: object) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps({**RESULT, "name": name, **changes}))
    return folder


def test_finished_runs_are_found_in_order_and_others_left_out(tmp_path: Path) -> None:
    write(tmp_path, "b", seed=1)
    write(tmp_path, "a")
    (tmp_path / "unfinished").mkdir()
    assert [run.name for run in find_runs(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("undefined", [None, float("nan")])
def test_an_undefined_auc_stays_undefined(tmp_path: Path, undefined: float | None) -> None:
    assert math.isnan(read_run(write(tmp_path, "a", test_auc=undefined)).test_auc)


@pytest.mark.parametrize(
    "changes",
    [{"model": "resnet"}, {"maps": "emb+sal"}, {"seed": "x"}, {"test_auc": 1.2}, {"versions": 3}, {"seconds": None}],
)
def test_a_wrong_result_is_refused_with_its_path(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(MammoError, match=r"result\.json"):
        read_run(write(tmp_path, "a", **changes))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": 1'])
def test_a_broken_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(MammoError, match="not the result of a run"):
        read_run(tmp_path)


def test_two_runs_of_one_seed_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    with pytest.raises(MammoError, match="b: same model, maps and seed as"):
        find_runs(tmp_path)


def test_a_control_stands_beside_the_run_it_controls(tmp_path: Path) -> None:
    write(tmp_path, "a", maps="sal+emb")
    write(tmp_path, "b", maps="sal+emb", context="shuffled")
    assert [run.is_control for run in find_runs(tmp_path)] == [False, True]
    write(tmp_path, "c", maps="sal+emb", context="external")
    with pytest.raises(MammoError, match="c: same model, maps and seed as"):
        find_runs(tmp_path)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="no such folder"):
        find_runs(tmp_path / "nowhere")


def test_a_figure_6_of_backbones_is_one_group(tmp_path: Path) -> None:
    kinds = [("densenet161", "he"), ("densenet161", "imagenet"), ("resnetv2_50", "he")]
    for number, (backbone, init) in enumerate(kinds):
        write(tmp_path, f"r{number}", model="floc", maps="", backbone=backbone, init=init)
    assert [(run.backbone, run.init) for run in find_runs(tmp_path)] == kinds


def test_of_the_trials_of_a_search_the_best_in_validation_counts(tmp_path: Path) -> None:
    for trial, auc in enumerate([0.7, 0.8, None, 0.75]):
        write(tmp_path, f"t{trial}", val_auc=auc, trial=trial)
    assert [run.name for run in find_runs(tmp_path)] == ["t1"]


def test_the_data_set_is_told_by_the_configuration(tmp_path: Path) -> None:
    (write(tmp_path, "a") / "config.yaml").write_text("data: {name: nyu}\n")
    write(tmp_path, "b", seed=1)
    assert [run.data for run in find_runs(tmp_path)] == ["nyu", ""]


def test_a_configuration_that_is_none_is_refused(tmp_path: Path) -> None:
    (write(tmp_path, "a") / "config.yaml").write_text("- 1\n")
    with pytest.raises(MammoError, match="not the result of a run"):
        find_runs(tmp_path)
