import json
import math
from pathlib import Path
from typing import Any

import pytest

from mammo.records import MammoError
from mammo.reporting.run_folder import find_runs, read_run

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
