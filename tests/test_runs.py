"""Runs are listed with their state, and pruning deletes nothing that a run, the report or a score needs."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import DictConfig

from mammo.cli.hydra_app import composed
from mammo.io import file_lock
from mammo.report import main as report
from mammo.runs import main
from mammo.training.fit import train
from mammo.training.prune import unneeded_files
from mammo.training.results import read_run
from mammo.training.run_list import list_runs, shown_size
from mammo.training.train_config import store_defaults
from tests.quick_training import QUICK

WORDS = (
    *QUICK,
    "windows_per_lesion={val: 2, test: 2}",
    "window_epochs=1",
    "batch_size=10",
    "group=table3",
)


def configured(root: Path, *words: str) -> DictConfig:
    return composed("train", [f"root={root}", *WORDS, *words], store_defaults)


@pytest.fixture(scope="module")
def trained(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an f_loc run and an f_agg run that read its h. Read only."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(small_root / "store", root / "store")
    train(configured(root, "model=floc", "backbone=small"))
    train(configured(root, "maps=[emb]"))
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy of that root."""
    copy = tmp_path / "runs"
    shutil.copytree(trained, copy)
    return copy


def paths(root: Path) -> set[str]:
    return {str(each.path.relative_to(root)) for each in unneeded_files(root)}


def folder(root: Path, name: str) -> Path:
    (found,) = root.glob(f"table3/{name}-*")
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_pruned_root_is_found_done_scores_and_reports(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = sum(map(len, contents(root).values()))
    assert main(["prune", str(root), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {Path(each["path"]).name for each in listed if each["path"].endswith(".ckpt")} == {"last.ckpt"}
    assert len([each for each in listed if each["path"].endswith(".npz")]) == 3, "h of training, validation and test"
    assert sum(map(len, contents(root).values())) == size, "nothing is deleted without --yes"
    assert not any(each["deleted"] for each in listed)

    assert main(["prune", str(root), "--yes"]) == 0
    assert "deleted" in capsys.readouterr().out
    assert sum(map(len, contents(root).values())) == size - sum(each["bytes"] for each in listed)
    assert not [*root.rglob("last.ckpt"), *root.rglob("*.npz")]
    before = {path: path.stat().st_mtime_ns for path in root.glob("*/*/result.json")}
    train(configured(root, "model=floc", "backbone=small"))
    train(configured(root, "maps=[emb]"))
    assert capsys.readouterr().out.count("already done") == 2
    assert {path: path.stat().st_mtime_ns for path in root.glob("*/*/result.json")} == before
    assert report([str(root), "--only", "table2"]) == 0
    assert main(["prune", str(root)]) == 0
    assert f"nothing to delete below {root}" in capsys.readouterr().out


def test_a_pruned_run_scores_as_before(root: Path) -> None:
    from mammo.inference.ensemble import Ensemble
    from mammo.inference.store_scores import score_store

    fagg = folder(root, "fagg-emb-s0")
    before = score_store(Ensemble.load(fagg, ()), root / "store", 2, None).table
    assert main(["prune", str(root), "--yes"]) == 0
    after = score_store(Ensemble.load(fagg, ()), root / "store", 2, None).table
    pd.testing.assert_frame_equal(before, after)


def test_another_agg_trains_after_pruning(root: Path) -> None:
    assert main(["prune", str(root), "--yes"]) == 0
    train(configured(root, "maps=[emb]", "seed=1", "pairing=fagg"))
    assert folder(root, "fagg-emb-s1").joinpath("result.json").is_file()


def test_nothing_of_a_run_that_is_not_done_is_touched_and_h_that_it_reads_stays(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fagg = folder(root, "fagg-emb-s0")
    (fagg / "result.json").unlink()
    partial = fagg / ".best.ckpt.1.partial"
    partial.touch()
    os.utime(partial, (0, 0))
    interrupted = contents(fagg)
    assert main(["prune", str(root), "--yes"]) == 0
    assert contents(fagg) == interrupted
    floc = folder(root, "floc")
    assert not (floc / "last.ckpt").exists()
    assert len([*floc.glob("embeddings/*.npz")]) == 3
    capsys.readouterr()
    main([str(root), "--json"])
    states = {each["run"].split("/")[1].split("-")[0]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert states == {"floc": "done", "fagg": "interrupted"}


def test_a_run_in_use_is_kept_whether_it_has_a_result_or_not(root: Path) -> None:
    fagg = folder(root, "fagg-emb-s0")
    found = [each for each in unneeded_files(root) if each.run == fagg]
    assert [each.path.name for each in found] == ["last.ckpt"]
    with file_lock(fagg / "lock", "a test"):
        assert not [path for path in paths(root) if path.startswith(f"table3/{fagg.name}")]
        assert not found[0].delete(), "the run came into use after the listing"
        (fagg / "result.json").unlink()
        assert {run.folder.name: run.state for run in list_runs(root)}[fagg.name] == "running"
        assert not [path for path in paths(root) if path.startswith(f"table3/{fagg.name}")]
    assert (fagg / "last.ckpt").is_file()


def test_a_checkpoint_that_another_run_starts_from_is_kept(root: Path) -> None:
    fagg = folder(root, "fagg-emb-s0")
    start = fagg / "last.ckpt"
    words = ("maps=[emb]", f"ckpt_path={start}", "trainer.max_epochs=2")
    train(configured(root, *words))
    assert main(["prune", str(root), "--yes"]) == 0
    assert start.is_file()
    train(configured(root, *words))


def test_a_damaged_run_keeps_its_last_checkpoint(root: Path) -> None:
    fagg = folder(root, "fagg-emb-s0")
    listed = [each for each in unneeded_files(root) if each.run == fagg]
    stamp = (fagg / "best.ckpt").stat()
    content = bytearray((fagg / "best.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (fagg / "best.ckpt").write_bytes(content)
    os.utime(fagg / "best.ckpt", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert not listed[0].delete(), "files are hashed before anything is deleted"
    (fagg / "best.ckpt").unlink()
    assert {run.folder.name: run.state for run in list_runs(root)}[fagg.name] == "damaged"
    assert not [path for path in paths(root) if path.startswith(f"table3/{fagg.name}")]


def test_runs_that_failed_before_a_checkpoint_can_be_deleted(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mammo.training.fit._start", lambda *_: 1 / 0)
        for seed in (7, 8, 9):
            with pytest.raises(ZeroDivisionError):
                train(configured(root, "maps=[emb]", f"seed={seed}", "pairing=fagg"))
    early, late, again = (folder(root, f"fagg-emb-s{seed}") for seed in (7, 8, 9))
    (late / "last.ckpt").write_bytes(b"something to resume from")
    capsys.readouterr()
    main(["prune", str(root)])
    listed = capsys.readouterr().out
    assert f"{early}: the run failed before its first checkpoint: ZeroDivisionError: division by zero\n" in listed
    assert str(late) not in listed
    found = next(each for each in unneeded_files(root) if each.path == again)
    (again / "error.txt").unlink()
    assert not found.delete(), "it has begun again since the listing"
    finished = contents(folder(root, "fagg-emb-s0"))
    assert main(["prune", str(root), "--yes"]) == 0
    assert not early.exists()
    assert late.is_dir()
    assert again.is_dir()
    assert set(contents(folder(root, "fagg-emb-s0"))) == set(finished) - {"last.ckpt"}


def test_a_failed_training_is_listed_with_its_error_until_it_starts_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = configured(root, "maps=[loc]")
    with monkeypatch.context() as once:
        once.setattr("mammo.training.fit._start", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(cfg)
    assert main([str(root)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("table3/fagg-loc")]
    assert " failed " in line
    assert line.endswith("ZeroDivisionError: division by zero")
    train(cfg)
    assert "failed" not in {run.state for run in list_runs(root)}
    assert not [*root.glob("table3/*/error.txt")]


def test_the_list_has_the_auc_of_the_result_and_the_size_of_the_folder(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(root), "--json"]) == 0
    for each in json.loads(capsys.readouterr().out):
        run = read_run(root / each["run"])
        assert (each["val_auc"], each["test_auc"], each["model"]) == (run.val_auc, run.test_auc, run.model)
        assert each["bytes"] == sum(map(len, contents(run.folder).values()))


def test_saliency_maps_of_a_run_that_is_gone_are_unneeded_unless_a_run_has_read_them(root: Path) -> None:
    gone, read, own = (f"context-s{seed}-{seed:08x}-{seed:016x}" for seed in range(3))
    for name in (gone, read, own, "gmic-0123456789abcdef"):
        (root / "saliency" / name).mkdir(parents=True)
        (root / "saliency" / name / "part.npy").touch()
    origin = folder(root, "fagg-emb-s0") / "origin.json"
    content = json.loads(origin.read_text())
    content["read_digests"]["context"] = read.rsplit("-", 1)[-1]
    del content["seal"]
    origin.write_text(json.dumps(content))
    (root / "table3" / own.rsplit("-", 1)[0]).mkdir()
    (root / "table3" / own.rsplit("-", 1)[0] / "config.yaml").touch()
    assert not [path for path in paths(root) if "saliency" in path], "what the new run reads is unknown"
    (root / "table3" / own.rsplit("-", 1)[0] / "origin.json").write_text('{"read_digests": {}}')
    assert [path for path in paths(root) if "saliency" in path] == [f"saliency/{gone}"]


def test_leftovers_are_half_written_files_of_processes_that_have_ended(root: Path) -> None:
    old = [root / "store" / ".shard.bin.17.partial", root / "store" / "pseudonyms.key.0a1b2c3d.partial"]
    other = [root / "store" / ".fresh.18.partial", root / "store" / "my.partial"]
    for path in old + other:
        path.touch()
    (root / ".report-x1").mkdir()
    (root / ".report-x2").mkdir()
    for path in (*old, other[1], root / ".report-x1"):
        os.utime(path, (0, 0))
    leftovers = {path for path in paths(root) if "partial" in path or "report" in path}
    assert leftovers == {"store/.shard.bin.17.partial", "store/pseudonyms.key.0a1b2c3d.partial", ".report-x1"}


def test_caches_are_kept_while_a_sweep_has_jobs_that_are_not_done(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = root / "sweeps" / "table3-01234567"
    (sweep / "0").mkdir(parents=True)
    digest = sha256(b'["seed=0"]').hexdigest()
    (sweep / "jobs.json").write_text(json.dumps({"jobs": ["seed=0"], "sha256": digest}))
    assert not [path for path in paths(root) if path.endswith(".npz")]
    assert main(["prune", str(root)]) == 0
    assert "caches of h are kept, because sweep table3-01234567 has jobs" in capsys.readouterr().out
    (sweep / "0" / "run").write_text(f"table3/{folder(root, 'fagg-emb-s0').name}\n")
    assert [path for path in paths(root) if path.endswith(".npz")]


@pytest.mark.parametrize(("arguments", "message"), [([], "no run below"), (["prune"], "no run below")])
def test_a_folder_without_runs_is_wrong_use(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (344_449_000, "344 MB"), (999_600, "1 MB")]
)
def test_sizes_have_three_digits(n_bytes: int, text: str) -> None:
    assert shown_size(n_bytes) == text
