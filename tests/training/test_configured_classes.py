"""A user's own network, loss, callback, logger and augmentation, and configurations that would build something else."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from omegaconf import DictConfig, OmegaConf
from sklearn.metrics import roc_auc_score

from mammo.cli.hydra_app import composed
from mammo.inference.ensemble import Ensemble
from mammo.inference.store_scores import score_store
from mammo.precompute import main as precompute_command
from mammo.records import MammoError, Split
from mammo.report import main as report_command
from mammo.score import main as score_command
from mammo.store.embedding_cache import Embeddings
from mammo.train import main as train_command
from mammo.training.build import datamodule_of
from mammo.training.configured_classes import read_config
from mammo.training.fit import train
from mammo.training.results import read_run
from mammo.training.run_dir import best_run
from mammo.training.run_list import list_runs
from mammo.training.train_config import store_defaults
from tests.quick_training import rewrite_result
from tests.training.own_package import OwnFLoc, OwnNet, OwnTestedNet

OWN = "tests.training.own_package"
QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "torch.threads=1",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 4}",
    "batch_size=10",
)


def own(name: str, *words: str) -> list[str]:
    """The words that replace f_loc by an own network."""
    return ["model=floc", "backbone=small", f"model._target_={OWN}.{name}", "allow_targets=[tests]", *words]


def configured(root: Path, *words: str) -> DictConfig:
    return composed("train", [f"root={root}", *QUICK, *words], store_defaults)


@pytest.fixture
def root(small_root: Path, tmp_path: Path) -> Path:
    """A root with a store and no run."""
    shutil.copytree(small_root / "store", tmp_path / "store")
    return tmp_path


def commanded(command: object, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit status of a command in this process."""
    monkeypatch.setattr("sys.argv", ["command", *words])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    try:
        command()  # type: ignore[operator]
    except SystemExit as left:
        return int(left.code or 0)
    return 0


ALL_OWN = (
    "test=false",
    f"model.loss._target_={OWN}.OwnLoss",
    "+model.loss.gamma=1.5",
    "+model.width=7",
    f"+callbacks.counter={{_target_: {OWN}.Counter, step: 2}}",
    f"intensity={{_target_: albumentations.Compose, transforms: [{{_target_: {OWN}.Invert, p: 0.5}}]}}",
)


def test_own_network_loss_callback_and_augmentation_train_and_resume(root: Path) -> None:
    assert 0 <= train(configured(root, *own("OwnNet", *ALL_OWN))) <= 1
    (folder,) = root.glob("runs/floc-OwnNet-preact_resnet-s0-*")
    content = torch.load(folder / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"] == {"lr": 1e-5, "width": 7}
    assert content["state_dict"]["loss.scale"].item() != 1
    assert {"count": 4} in content["callbacks"].values()
    metrics = pd.read_csv(next(folder.glob("metrics/*/metrics.csv")))
    assert metrics["counted"].dropna().tolist() == [2, 4]
    assert "allow_targets" not in yaml.safe_load((folder / "config.yaml").read_text())

    (folder / "result.json").unlink()  # interrupted after its first epoch
    train(configured(root, *own("OwnNet", *ALL_OWN), "group=other", "trainer.max_epochs=1"))
    (half,) = root.glob("other/floc-*")
    for name in ("last.ckpt", "best.ckpt"):
        shutil.copy(half / name, folder / name)
    train(configured(root, *own("OwnNet", *ALL_OWN)))
    again = torch.load(folder / "last.ckpt", weights_only=True)
    assert {"count": 4} in again["callbacks"].values()
    assert all(torch.equal(value, again["state_dict"][name]) for name, value in content["state_dict"].items())


def test_the_own_augmentation_changes_training_patches_only(root: Path) -> None:
    plain, changed = (datamodule_of(configured(root, *own("OwnNet", *words))) for words in ((), ALL_OWN))
    patches = [next(iter(data.train_dataloader()))["patch"].numpy() for data in (plain, changed)]
    inverted = [np.array_equal(4095 - one, other) for one, other in zip(*patches, strict=True)]
    same = [np.array_equal(one, other) for one, other in zip(*patches, strict=True)]
    assert any(inverted)
    assert all(one or other for one, other in zip(inverted, same, strict=True))
    val = [next(iter(data.val_dataloader()))["patch"].numpy() for data in (plain, changed)]
    assert np.array_equal(*val)


def test_an_own_network_that_scores_lesions_has_their_table(root: Path) -> None:
    train(configured(root, *own("OwnTestedNet", f"model.loss._target_={OWN}.OwnLoss")))
    (folder,) = root.glob("runs/*")
    table = pd.read_parquet(folder / "lesions.parquet")
    assert (table["n_windows"] == 4).all()
    result = read_run(folder)
    assert result.test_auc == pytest.approx(roc_auc_score(table["malignant"], table["score"]), abs=1e-6)
    network = OwnTestedNet.load_from_checkpoint(
        folder / "best.ckpt", weights_only=True, loss=torch.nn.Identity(), strict=False
    )
    assert isinstance(network, OwnNet)


def test_an_own_f_loc_feeds_f_agg_and_an_own_f_agg_scores_a_store(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(configured(root, *own("OwnFLoc")))
    (floc,) = root.glob("runs/floc-OwnFLoc-*")
    shutil.rmtree(floc / "embeddings")
    with pytest.raises(
        MammoError, match=rf"{floc}/config\.yaml: model\._target_={OWN}\.OwnFLoc is rejected.*\[tests\]"
    ):
        train(configured(root, "maps=[emb]", "window_epochs=1"))
    words = ("maps=[emb]", "window_epochs=1", f"model._target_={OWN}.OwnAggregator", "allow_targets=[tests]")
    train(configured(root, *words))
    (fagg,) = root.glob("runs/fagg-OwnAggregator-emb-*")
    assert {path.name for path in fagg.glob("*.parquet")} >= {"lesions.parquet", "lesions-val.parquet"}
    data = datamodule_of(configured(root, *own("OwnFLoc")))
    plan = data.evaluation_plan(Split.TEST)
    patches = data.split_data(Split.TEST).reader.patches(plan)
    h = OwnFLoc.load_from_checkpoint(floc / "best.ckpt", weights_only=True).represent(
        torch.from_numpy(patches)[:, None]
    )
    assert torch.allclose(torch.from_numpy(Embeddings(floc / "embeddings", "32-true").read(plan)), h, atol=1e-5)
    with pytest.raises(MammoError, match="is rejected"):
        score_store(Ensemble.load(fagg), root / "store", 4)
    scored = score_store(Ensemble.load(fagg, ["tests"]), root / "store", 4).table.set_index("lesion_id")
    own_scores = pd.read_parquet(fagg / "lesions.parquet").set_index("lesion_id")["score"]
    assert np.abs(scored.loc[own_scores.index, "score"] - own_scores).max() < 1e-4
    places = (f"root={root}", f"out={root / 'out'}", "n_windows=2", "n_pictures=0")
    assert commanded(score_command, monkeypatch, *places) == 2
    assert "add allow_targets=[tests] to the command line" in capsys.readouterr().err
    assert commanded(score_command, monkeypatch, *places, "allow_targets=[tests]") == 0
    what = ("what=embeddings", f"root={root}", f"run={floc}", "window_epochs=2")
    assert commanded(precompute_command, monkeypatch, *what) == 2
    assert commanded(precompute_command, monkeypatch, *what, "allow_targets=[tests]") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            own("UnsafeNet"),
            r"the hyperparameter loss could not be loaded safely: call self\.save_hyperparameters\(",
        ),
        (own("SilentNet"), r"`val_auc`.*: log it in validation, as in self\.log\('val_auc'"),
        (own("UndeclaredNet"), r"needs the class attributes plan .* and columns"),
        (own("OwnNet"), r"test_step.*see --help"),
        (
            own("OwnNet", "+model.depth=3"),
            r"^model\.depth: OwnNet has no such argument.*; it has lr, loss, width; to leave",
        ),
        (own("OwnNet", "+model.width=wide"), r"^model\.width=wide: OwnNet takes a whole number here$"),
        (own("OwnNet", f"model.loss._target_={OWN}.OwnLos"), r"own_package has no OwnLos \(did you mean OwnLoss\?\)$"),
        (["model=floc", "backbone=timm", "backbone.name=resnet_50"], r"resnet_50"),
        (own("OwnLoss"), r"OwnLoss is rejected: a subclass of LightningModule \(pytorch_lightning\) is needed here"),
        (own("OwnNet", f"model.loss._target_={OWN}.Counter"), r"Counter is rejected: a subclass of Module \(torch\)"),
        (own("OwnNet", f"+callbacks.x._target_={OWN}.OwnLoss"), r"OwnLoss is rejected: a subclass of Callback"),
        (own("OwnNet", f"+logger.x._target_={OWN}.Counter"), r"Counter is rejected: a subclass of Logger"),
        (own("OwnNet", f"intensity={{_target_: {OWN}.Counter}}"), r"Counter is rejected: a subclass of BasicTransform"),
        (own("OwnNet", "model.name=own"), r"^model\.name=own: choose from floc, context, fagg"),
        (["model._target_=os.system"], r"^model\._target_=os\.system is rejected"),
        (["+trainer.profiler._target_=os.system"], r"^trainer\.profiler\._target_=os\.system is rejected"),
        (["+trainer.plugins=[{_target_: torch.load}]"], r"^trainer\.plugins\.0\._target_=torch\.load is rejected"),
        (["+trainer.max_time._target_=torch.load"], r"^trainer\.max_time=.*: give days:hours:minutes:seconds"),
        (["+callbacks.early_stopping.x._target_=os.system"], r"^callbacks\.early_stopping\.x\._target_=os\.system"),
        (["allow_targets=tests"], r"^allow_targets=tests: give the names of packages"),
        (["allow_targets=[os.path]"], r"^allow_targets=\['os\.path'\]: give the names of packages"),
        (["allow_targets=[os]", "model._target_=os.system"], r"^model\._target_=os\.system is rejected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_classes_are_one_sentence(words: list[str], message: str, root: Path) -> None:
    with pytest.raises(MammoError, match=message):
        train(configured(root, *words))
    assert not list(root.glob("*/*/result.json"))
    known_in_training = ("SilentNet" in str(words), words == own("OwnNet"))
    assert any(known_in_training) == bool(list(root.glob("runs/*"))), "a run folder of what never began"


FAULTS = {
    "constructor": (
        ["+model.loss.gamma=-1.0", f"model.loss._target_={OWN}.PositiveLoss"],
        r"^model\.loss: tests\..*\.PositiveLoss fails \(ValueError: gamma is negative\); MAMMO_TRACE",
        False,
    ),
    "first call": (
        [f"model.loss._target_={OWN}.FailingLoss"],
        r"^model\.loss: .*FailingLoss fails \(ValueError: of its own\); .*error\.txt has the traceback$",
        True,
    ),
    "signature": (
        [f"model.loss._target_={OWN}.LonelyLoss"],
        r"^model\.loss: .*LonelyLoss fails \(TypeError: .*LonelyLoss\.forward\(\) takes 2 positional .*error\.txt has",
        True,
    ),
    "callback": (
        [f"+callbacks.x._target_={OWN}.FailingCallback"],
        r"^callbacks\.x: .*FailingCallback fails \(KeyError: 'nothing'\); .*error\.txt has the traceback$",
        True,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_in_an_own_class_is_one_sentence_with_a_traceback(
    fault: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message, has_begun = FAULTS[fault]
    every = [f"root={root}", *QUICK, *own("OwnNet", "test=false", *words)]
    assert commanded(train_command, monkeypatch, *every) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert re.search(message.replace("^", "^error: ", 1), line), line
    records = list(root.glob("runs/*/error.txt"))
    assert bool(records) == has_begun == bool(list(root.glob("runs/*")))
    if records:
        lines = records[0].read_text().splitlines()
        assert f"error: {lines[0]}" == line
        assert "Traceback" in lines[2]
        assert [each.error for each in list_runs(root)] == [lines[0]]
    monkeypatch.setenv("MAMMO_TRACEBACK", "1")
    assert commanded(train_command, monkeypatch, *every) == 2
    assert "Traceback" in capsys.readouterr().err


def test_another_augmentation_takes_the_place_of_one_whose_keys_are_left_out(root: Path) -> None:
    words = own("OwnNet", "intensity=standard", "intensity._target_=albumentations.GaussNoise", "+intensity.p=0.5")
    with pytest.raises(
        MammoError, match=r"GaussNoise has no such argument; .* add '~intensity\.transforms' to the comm"
    ):
        datamodule_of(configured(root, *words))
    augmentation = datamodule_of(configured(root, *words, "~intensity.transforms")).intensity
    assert augmentation is not None
    assert [type(each).__name__ for each in augmentation.pipeline.transforms] == ["GaussNoise"]


def test_a_training_names_its_classes_when_it_starts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(configured(root, *own("OwnNet", *ALL_OWN)))
    assert (
        ": backbone preact_resnet, network OwnNet, loss OwnLoss, augmentation Compose(Invert)\n"
        in capsys.readouterr().out
    )


HOSTILE_FILES = {
    "value": "allow_targets: [tests]\n",
    "sweep": "hydra: {mode: MULTIRUN, sweeper: {params: {allow_targets: '[tests]', seed: '0,1'}}}\n",
    "forged": "allow_targets: [tests]\nhydra: {overrides: {task: ['allow_targets=[tests]']}}\n",
    "other": "allow_targets: [os, tests]\n",
}


@pytest.mark.parametrize("how", HOSTILE_FILES)
def test_a_file_cannot_allow_packages(
    how: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    content = f"# @package _global_\nmodel: {{_target_: {OWN}.OwnNet}}\n{HOSTILE_FILES[how]}"
    (folder / "evil.yaml").write_text(content)
    words = ["--config-dir", str(tmp_path / "conf"), f"root={root}", *QUICK, "experiment=evil", "test=false"]
    status = commanded(train_command, monkeypatch, *words)
    assert status == (1 if how == "sweep" else 2)
    assert "comes from a file, but only the command line may allow packages" in capsys.readouterr().err
    assert not list(root.glob("*/*/config.yaml"))


def test_the_command_line_allows_packages_in_single_runs_and_sweeps(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = own("OwnNet", "test=false", f"root={root}", *QUICK, f"model.loss._target_={OWN}.OwnLoss")
    assert commanded(train_command, monkeypatch, *words) == 0
    assert commanded(train_command, monkeypatch, "--multirun", *words, "seed=1,2") == 0
    assert len(list(root.glob("runs/*/result.json"))) == 3


@pytest.fixture
def hostile_runs(root: Path) -> tuple[Path, Path, Path]:
    """Finished runs of f_loc and f_agg whose config.yaml names os.system; the file that it would make."""
    train(configured(root, "model=floc", "backbone=small"))
    train(configured(root, "maps=[emb]", "window_epochs=1"))
    made = root / "made"
    runs = [best_run(root, model) for model in ("floc", "fagg")]
    for run in runs:
        config = yaml.safe_load((run / "config.yaml").read_text())
        config["model"] = {"_target_": "os.system", "command": f"touch {made}"}
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        rewrite_result(run)
    return *runs, made  # type: ignore[return-value]


def test_a_hostile_run_folder_is_rejected_when_it_is_read_back(
    hostile_runs: tuple[Path, Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    floc, fagg, made = hostile_runs
    root = made.parent
    commands = (
        (score_command, [f"root={root}", f"run={fagg}", f"out={root / 'out'}"]),
        (precompute_command, ["what=embeddings", f"root={root}", f"run={floc}", "window_epochs=3"]),
        (train_command, [f"root={root}", "maps=[emb]", *QUICK, "window_epochs=3"]),
    )
    for command, words in commands:
        assert commanded(command, monkeypatch, *words, "allow_targets=[os]") == 2
        error = capsys.readouterr().err
        assert "config.yaml: model._target_=os.system is rejected" in error
        assert error.strip().count("\n") == 0
    assert report_command([str(root), "--group", "runs"]) == 2
    assert "config.yaml: model._target_=os.system is rejected" in capsys.readouterr().err
    assert not made.exists()


def test_a_run_folder_cannot_allow_packages(root: Path) -> None:
    train(configured(root, *own("OwnNet", "test=false", f"model.loss._target_={OWN}.OwnLoss")))
    (run,) = root.glob("runs/*")
    with pytest.raises(MammoError, match=r"OwnNet is rejected"):
        read_config(run, ())
    assert list(read_config(run, ["tests"]).allow_targets) == ["tests"]
    assert "model" in read_config(run, None)
    config = OmegaConf.load(run / "config.yaml")
    config.allow_targets = ["tests"]  # type: ignore[union-attr]
    (run / "config.yaml").write_text(OmegaConf.to_yaml(config))
    rewrite_result(run)
    for allowed in ((), ["tests"], None):
        with pytest.raises(MammoError, match=r"sets allow_targets, which only the command line may set"):
            read_config(run, allowed)
    (run / "config.yaml").write_text("- a\n")
    rewrite_result(run)
    with pytest.raises(MammoError, match="not the configuration of a run"):
        read_config(run, ())
    assert json.loads((run / "result.json").read_text())["model"] == "floc"
