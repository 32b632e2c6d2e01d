"""Finished runs are read from their folders; what is wrong with one is named."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mammo.records import MammoError
from mammo.training.results import finished_run, read_run, read_runs

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


def test_finished_runs_are_read_in_order_and_others_left_out(tmp_path: Path) -> None:
    write(tmp_path, "b", seed=1)
    write(tmp_path, "a")
    (tmp_path / "unfinished").mkdir()
    assert [run.name for run in read_runs(tmp_path)] == ["a", "b"]
    assert finished_run(tmp_path / "a") == read_run(tmp_path / "a")
    for folder in ("unfinished", "missing"):
        assert finished_run(tmp_path / folder) is None


@pytest.mark.parametrize("undefined", [None, float("nan")])
def test_an_undefined_auc_stays_undefined(tmp_path: Path, undefined: float | None) -> None:
    assert math.isnan(read_run(write(tmp_path, "a", test_auc=undefined)).test_auc)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "resnet"},
        {"maps": "emb+sal"},
        {"seed": "x"},
        {"test_auc": 1.2},
        {"versions": 3},
        {"seconds": None},
        {"read_digests": []},
        {"files": 3},
        {"stamps": {"best.ckpt": ["x"]}},
    ],
)
def test_a_wrong_result_is_rejected_with_its_path(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write(tmp_path, "a", **changes)
    with pytest.raises(MammoError, match=r"a/result\.json"):
        read_run(folder)
    assert finished_run(folder) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": 1'])
def test_a_broken_file_is_rejected(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(MammoError, match="not the result of a run"):
        read_run(tmp_path)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="no such folder"):
        read_runs(tmp_path / "nowhere")


def test_the_configuration_names_the_data_set(tmp_path: Path) -> None:
    (write(tmp_path, "a") / "config.yaml").write_text("data: {name: nyu}\n")
    write(tmp_path, "b", seed=1)
    assert [run.data for run in read_runs(tmp_path)] == ["nyu", ""]


@pytest.mark.parametrize("content", ["- 1\n", "a: [", "\x00"])
def test_a_broken_configuration_is_rejected_with_its_path(tmp_path: Path, content: str) -> None:
    (write(tmp_path, "a") / "config.yaml").write_text(content)
    with pytest.raises(MammoError, match=r"a/config\.yaml: not the configuration of a run"):
        _ = read_run(tmp_path / "a").config
