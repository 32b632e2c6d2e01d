"""The groups of a root that one report reads: all that go together, and why others are left out."""

import json
from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.reporting.report_groups import read_groups

RESULT = {"model": "fagg", "maps": "emb", "context": "", "seed": 0, "val_auc": 0.75, "test_auc": 0.7, "command": "c"}
RESULT |= {"commit": "abc", "versions": {}, "seconds": 1.5, "digest": "d", "read_digests": {"store": "s"}}
FLOC = {"model": "floc", "maps": "", "backbone": "small", "init": "he"}


def write(root: Path, group: str, name: str, **changes: object) -> Path:
    folder = root / group / name
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({**RESULT, "name": name, **changes}))
    return folder


def test_groups_of_other_models_on_the_same_images_are_read_together(tmp_path: Path) -> None:
    write(tmp_path, "table3", "b")
    write(tmp_path, "figure6", "a", **FLOC)
    write(tmp_path, "control", "c", maps="sal+emb", context="shuffled")
    groups = read_groups(tmp_path)
    assert [run.name for run in groups.runs] == ["a", "b", "c"]
    assert groups.names == {"table3": 1, "control": 1, "figure6": 1}
    assert groups.lines() == ["Groups: table3 (1 run), figure6 (1 run), control (1 run)."]


def test_a_group_that_contradicts_the_main_one_is_left_out_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, "table3", "a")
    write(tmp_path, "again", "b", seed=5)
    write(tmp_path, "elsewhere", "c", maps="sal", read_digests={"store": "another"})
    write(tmp_path, "folded", "d", maps="sal", fold=0, n_folds=2)
    (write(tmp_path, "torn", "e", maps="sal") / "result.json").write_text("{")
    groups = read_groups(tmp_path)
    assert [run.name for run in groups.runs] == ["a"]
    assert groups.left_out["again"] == "it has runs of f_agg emb, as table3 does"
    assert "other images, lesions or splits" in groups.left_out["elsewhere"]
    assert "other folds" in groups.left_out["folded"]
    assert "result.json" in groups.left_out["torn"]
    assert "Left out again: it has runs of f_agg emb, as table3 does; --group again reports it." in groups.lines()


def test_without_table3_the_main_group_is_one_with_f_agg(tmp_path: Path) -> None:
    write(tmp_path, "a", "floc", **FLOC)
    write(tmp_path, "b", "fagg")
    write(tmp_path, "c", "more", **FLOC)
    groups = read_groups(tmp_path)
    assert list(groups.names) == ["b", "a"]
    assert groups.left_out == {"c": "it has runs of f_loc small, he, as a does"}


def test_named_groups_are_read_or_rejected(tmp_path: Path) -> None:
    write(tmp_path, "table3", "a")
    write(tmp_path, "again", "b")
    write(tmp_path, "more", "c", seed=1)
    assert [run.name for run in read_groups(tmp_path, ["table3", "more"]).runs] == ["a", "c"]
    with pytest.raises(MammoError, match="same model, maps and seed as"):
        read_groups(tmp_path, ["table3", "again"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MammoError, match="empty: no finished run"):
        read_groups(tmp_path, ["empty"])


def test_a_damaged_main_group_is_an_error(tmp_path: Path) -> None:
    (write(tmp_path, "table3", "a") / "result.json").write_text("{")
    write(tmp_path, "more", "b")
    with pytest.raises(MammoError, match=r"result\.json"):
        read_groups(tmp_path)


def test_context_networks_of_either_labels_share_a_group(tmp_path: Path) -> None:
    for name, labels in (("a", "breast"), ("b", "image")):
        folder = write(tmp_path, "table3", name, model="context", maps="")
        (folder / "config.yaml").write_text(f"labels: {labels}\n")
    write(tmp_path, "table3", "c")
    runs = read_groups(tmp_path).runs
    assert [run.labels for run in runs] == ["breast", "image", ""]
    assert [run.cell for run in runs] == ["context", "context, labels=image", "emb"]
