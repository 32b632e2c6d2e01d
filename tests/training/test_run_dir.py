"""A run folder is named by its request; the best run of a model has the highest validation AUC."""

import json
import math
import os
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo.records import MammoError
from mammo.training.results import finished_run
from mammo.training.run_dir import Division, RunDir, best_run, chosen_run, require_finished

CFG = {
    "root": "runs/x",
    "group": "runs",
    "seed": 0,
    "model": {"name": "floc", "lr": 1e-5},
    "workers": 0,
    "logger": None,
}
FACTS = {"model": "floc", "maps": "", "context": "", "seed": 0, "val_auc": 0.75, "test_auc": None, "seconds": 1.0}
ORIGIN = {"name": "a", "digest": "d", "command": "c", "commit": "abc", "versions": {}}


def configured(root: Path, **changes: object) -> DictConfig:
    return OmegaConf.create({**CFG, "root": str(root), **changes})


def done(
    root: Path,
    name: str,
    model: str,
    auc: float | None,
    seed: int = 0,
    group: str = "runs",
    whole: bool = True,
    fold: int | None = None,
    store: str = "",
) -> Path:
    folder = root / group / name
    folder.mkdir(parents=True)
    facts = {"model": model, "maps": "", "val_auc": auc, "seed": seed, "whole_validation": whole, "fold": fold}
    facts["read_digests"] = {"store": store}
    (folder / "result.json").write_text(json.dumps({**ORIGIN, **FACTS, **facts}))
    return folder


@pytest.mark.parametrize("changes", [{"workers": 4}, {"logger": "wandb"}, {"lr_range": [1e-9, 1e-8]}])
def test_settings_that_do_not_change_training_keep_the_folder(tmp_path: Path, changes: dict[str, object]) -> None:
    reads = {"store": "abc"}
    plain = RunDir.of(configured(tmp_path), "floc-s0", reads)
    assert RunDir.of(configured(tmp_path, **changes), "floc-s0", reads) == plain


def test_settings_that_change_training_change_the_folder(tmp_path: Path) -> None:
    requests = [
        (configured(tmp_path), {"store": "abc"}),
        (configured(tmp_path, seed=1), {"store": "abc"}),
        (configured(tmp_path, model={"name": "floc", "lr": 2e-5}), {"store": "abc"}),
        (configured(tmp_path), {"store": "abd"}),
        (configured(tmp_path), {"store": "abc", "floc": "12345678"}),
    ]
    assert len({RunDir.of(cfg, "floc-s0", reads).path for cfg, reads in requests}) == len(requests)


def test_the_folder_is_relative_to_the_root(tmp_path: Path) -> None:
    here, there = (RunDir.of(configured(tmp_path / name), "floc-s0", {}) for name in ("a", "b"))
    assert here.digest == there.digest
    assert here.path == tmp_path / "a" / "runs" / f"floc-s0-{here.digest[:8]}"


def test_a_run_with_a_result_is_finished(tmp_path: Path) -> None:
    cfg = configured(tmp_path)
    run = RunDir.of(cfg, "floc-s0", {"store": "abc"})
    assert run.result is None
    run.start(cfg)
    assert run.result is None
    assert OmegaConf.load(run.path / "config.yaml") == cfg
    run.finish(FACTS)
    assert run.result is not None
    assert (run.result.model, run.result.val_auc, run.result.seed) == ("floc", 0.75, 0)
    assert math.isnan(run.result.test_auc)
    assert run.result.digest == run.digest
    assert run.result.commit
    assert run.result.command.startswith("python -m mammo.train")
    assert {"mammo", "torch"} <= set(run.result.versions)
    assert run.result.store == "abc"
    assert sorted(path.name for path in run.path.iterdir()) == ["config.yaml", "origin.json", "result.json"]
    assert require_finished(run.path, "floc") == run.path


def test_a_result_of_another_request_or_with_lost_files_does_not_count(tmp_path: Path) -> None:
    cfg = configured(tmp_path)
    run = RunDir.of(cfg, "floc-s0", {})
    run.start(cfg)
    (run.path / "best.ckpt").write_bytes(b"weights")
    run.finish(FACTS)
    assert run.result is not None
    (run.path / "best.ckpt").write_bytes(b"wEights")
    os.utime(run.path / "best.ckpt", (0, 0))  # the clock may be too coarse to separate two writes of one test
    assert run.result is None
    (run.path / "best.ckpt").unlink()
    assert run.result is None
    (run.path / "best.ckpt").write_bytes(b"weights")
    assert run.result is not None
    assert RunDir(run.path, run.name, "0" * 64, {}).result is None
    (run.path / "result.json").write_text("{")
    assert run.result is None


def test_a_run_with_a_damaged_file_is_finished_for_no_caller(tmp_path: Path) -> None:
    cfg = configured(tmp_path)
    run = RunDir.of(cfg, "floc-s0", {})
    run.start(cfg)
    checkpoint = run.path / "best.ckpt"
    checkpoint.write_bytes(b"weights")
    run.finish(FACTS)
    assert best_run(tmp_path, "floc") == run.path
    checkpoint.write_bytes(b"weigh")
    assert finished_run(run.path) is run.result is None
    with pytest.raises(MammoError, match=rf"no finished run of floc.*; {run.path} is not counted: one of its files"):
        best_run(tmp_path, "floc")
    with pytest.raises(MammoError, match=r"best\.ckpt is damaged .*: restore it from a copy"):
        require_finished(run.path, "floc")


def test_a_copy_of_a_run_with_other_file_times_is_finished(tmp_path: Path) -> None:
    cfg = configured(tmp_path)
    run = RunDir.of(cfg, "floc-s0", {})
    run.start(cfg)
    (run.path / "best.ckpt").write_bytes(b"weights")
    run.finish(FACTS)
    os.utime(run.path / "best.ckpt", (1, 1))
    assert run.result is not None


def test_status_trusts_file_size_and_time_but_training_hashes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = configured(tmp_path)
    run = RunDir.of(cfg, "floc-s0", {})
    run.start(cfg)
    checkpoint = run.path / "best.ckpt"
    checkpoint.write_bytes(b"weights")
    run.finish(FACTS)
    written = checkpoint.stat().st_mtime_ns
    checkpoint.write_bytes(b"wEights")
    os.utime(checkpoint, ns=(written, written))
    assert run.result is None
    monkeypatch.setattr("hashlib.file_digest", None)
    assert finished_run(run.path) is not None


@pytest.mark.parametrize("content", ["[]", "{", "null", "7", "{}"])
def test_a_malformed_result_does_not_count(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    assert finished_run(tmp_path) is None


def test_the_best_run_has_the_highest_auc_in_any_group(tmp_path: Path) -> None:
    done(tmp_path, "floc-a", "floc", 0.7)
    best = done(tmp_path, "floc-b", "floc", 0.8, seed=1, group="other")
    own = done(tmp_path, "floc-c", "floc", 0.75)
    done(tmp_path, "floc-d", "floc", None)
    done(tmp_path, "context-a", "context", 0.9)
    (tmp_path / "runs" / "floc-unfinished").mkdir()
    assert best_run(tmp_path, "floc") == best
    assert best_run(tmp_path, "floc", seed=0) == own


def test_a_missing_run_is_an_error_with_the_command_that_trains_one(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"no finished run of floc below .*: .*mammo\.train model=floc"):
        best_run(tmp_path, "floc")
    done(tmp_path, "floc-a", "floc", 0.7, seed=1)
    with pytest.raises(MammoError, match="no finished run of floc with seed=2"):
        best_run(tmp_path, "floc", seed=2)


def test_a_run_of_another_model_is_rejected(tmp_path: Path) -> None:
    folder = done(tmp_path, "context-a", "context", 0.9)
    damaged = done(tmp_path, "floc-a", "floc", 0.9)
    (damaged / "result.json").write_text("{")
    for path in (folder, tmp_path / "nowhere"):
        with pytest.raises(MammoError, match="is not the folder of a finished floc run"):
            require_finished(path, "floc")
    with pytest.raises(MammoError, match=r"floc-a/result\.json: not the result of a run"):
        require_finished(damaged, "floc")
    with pytest.raises(MammoError, match="no finished run of floc"):
        best_run(tmp_path, "floc")


def test_a_run_is_chosen_by_validation_by_seed_or_by_its_folder(tmp_path: Path) -> None:
    own, best = done(tmp_path, "floc-a", "floc", 0.7), done(tmp_path, "floc-b", "floc", 0.8, seed=1)
    assert chosen_run("run", None, tmp_path, "floc") == best
    assert chosen_run("run", None, tmp_path, "floc", seed=0) == own
    assert chosen_run("run", str(own), tmp_path, "floc", seed=1) == own
    with pytest.raises(
        MammoError, match=r"run=best is not the folder of a finished floc run: name one .* or none, for"
    ):
        chosen_run("run", "best", tmp_path, "floc")
    with pytest.raises(MammoError, match=r"model=floc seed=2, or give pairing=fagg for the best run of any seed"):
        chosen_run("run", None, tmp_path, "floc", seed=2)


def test_a_partly_validated_run_is_chosen_only_without_another(tmp_path: Path) -> None:
    cut_short = done(tmp_path, "a", "floc", 0.99, whole=False)
    assert best_run(tmp_path, "floc") == cut_short
    whole = done(tmp_path, "b", "floc", 0.6)
    assert best_run(tmp_path, "floc") == whole


def test_a_run_of_a_fold_reads_runs_of_this_fold_of_the_same_store_only(tmp_path: Path) -> None:
    own = done(tmp_path, "a", "floc", 0.6, fold=1, store="s")
    others = [
        done(tmp_path, "b", "floc", 0.9, fold=0, store="s"),
        done(tmp_path, "c", "floc", 0.9, fold=1, store="assigned otherwise"),
        done(tmp_path, "d", "floc", 0.9, store="s"),
    ]
    fold = Division(1, "s")
    for name, seed in ((None, None), (None, 0), (str(own), 0)):
        assert chosen_run("run", name, tmp_path, "floc", seed, fold) == own
    for folder, whose in zip(
        others, ("of fold=0", "of folds that were assigned otherwise", "without folds"), strict=True
    ):
        with pytest.raises(MammoError, match=f"is a run {whose}, so that it may have been trained on test patients"):
            require_finished(folder, "floc", fold)
    with pytest.raises(
        MammoError, match=r"no finished run of floc with seed=0 fold=2 below .*model=floc seed=0 fold=2"
    ):
        chosen_run("run", None, tmp_path, "floc", 0, Division(2, "s"))
