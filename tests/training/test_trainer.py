"""The trainer, its loggers, progress lines and debugging presets, through training runs as small as possible."""

import inspect
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import EMAWeightAveraging, LearningRateMonitor, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.profilers import PyTorchProfiler, SimpleProfiler

from mammo.cli.hydra_app import CONF, composed
from mammo.records import MammoError
from mammo.training.fit import train
from mammo.training.progress_lines import EpochProgress
from mammo.training.results import finished_run
from mammo.training.resume import ResumableEarlyStopping
from mammo.training.run_dir import RunDir, best_run
from mammo.training.train_config import store_defaults
from mammo.training.trainer import GROUPS, trainer_of

QUICK = (
    "model=floc",
    "backbone=small",
    "trainer=cpu",
    "trainer.precision=32-true",
    "torch.threads=1",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 4}",
    "batch_size=5",
)


def configured(root: Path, *words: str) -> DictConfig:
    return composed("train", [f"root={root}", *QUICK, "trainer.max_epochs=2", *words], store_defaults)


@pytest.fixture
def root(small_root: Path, tmp_path: Path) -> Path:
    """A root with a store and no run."""
    (tmp_path / "store").symlink_to(small_root / "store")
    return tmp_path


def built(root: Path, *words: str) -> pl.Trainer:
    return trainer_of(configured(root, *words), RunDir(root, "x", "0" * 64, {}))


def test_conf_has_every_option_of_lightnings_trainer() -> None:
    options = OmegaConf.load(CONF / "trainer" / "default.yaml")
    assert {*options, *GROUPS} == set(inspect.signature(pl.Trainer).parameters)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("trainer.log_every_n_steps=7", "log_every_n_steps", 7),
        ("trainer.num_sanity_val_steps=3", "num_sanity_val_steps", 3),
        ("trainer.check_val_every_n_epoch=2", "check_val_every_n_epoch", 2),
        ("trainer.gradient_clip_val=0.5", "gradient_clip_val", 0.5),
        ("+trainer.gradient_clip_val=0.5", "gradient_clip_val", 0.5),
        ("trainer.limit_val_batches=2", "limit_val_batches", 2),
        ("trainer.min_epochs=2", "min_epochs", 2),
        ("trainer.max_steps=5", "max_steps", 5),
        ("trainer.default_root_dir=elsewhere", "default_root_dir", "elsewhere"),
    ],
)
def test_options_reach_the_trainer(word: str, name: str, value: object, root: Path) -> None:
    assert getattr(built(root, word.replace("+", "++")), name) == value


def test_profilers_and_anomaly_detection_can_be_chosen(root: Path) -> None:
    assert isinstance(built(root, "trainer.profiler=simple").profiler, SimpleProfiler)  # type: ignore[attr-defined]
    node = "trainer.profiler={_target_: pytorch_lightning.profilers.PyTorchProfiler, row_limit: 3}"
    assert isinstance(built(root, node).profiler, PyTorchProfiler)  # type: ignore[attr-defined]
    assert built(root, "trainer.detect_anomaly=true")._detect_anomaly


def test_a_bar_or_lines_show_progress(root: Path) -> None:
    for word, kind in (("null", EpochProgress), ("false", EpochProgress), ("true", RichProgressBar)):
        callbacks = built(root, f"trainer.enable_progress_bar={word}").callbacks  # type: ignore[attr-defined]
        assert sum(isinstance(each, EpochProgress | RichProgressBar) for each in callbacks) == 1
        assert any(isinstance(each, kind) for each in callbacks)


def test_callbacks_are_configured_and_the_runs_own_stay(root: Path) -> None:
    words = ("callbacks=[early_stopping,weight_averaging]", "callbacks.early_stopping.patience=4")
    lr = "+callbacks.lr={_target_: pytorch_lightning.callbacks.LearningRateMonitor, logging_interval: step}"
    callbacks = built(root, *words, lr).callbacks  # type: ignore[attr-defined]
    (stopping,) = (each for each in callbacks if isinstance(each, ResumableEarlyStopping))
    assert (stopping.patience, stopping.monitor, stopping.mode) == (4, "val_auc", "max")
    assert any(isinstance(each, EMAWeightAveraging) for each in callbacks)
    assert any(isinstance(each, LearningRateMonitor) for each in callbacks)
    without = built(root, "callbacks=[]").callbacks  # type: ignore[attr-defined]
    assert not any(isinstance(each, ResumableEarlyStopping) for each in without)
    assert sum(isinstance(each, ModelCheckpoint) for each in without) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("++trainer.bogus=1",),
            r"^trainer\.bogus: Lightning's Trainer has no such option; it has accelerator, ",
        ),
        (("++trainer.logger=true",), r"^trainer\.logger cannot be set: choose from the group logger"),
        (
            ("++callbacks.early_stopping.patient=1",),
            r"^callbacks\.early_stopping\.patient: ResumableEarlyStopping has ",
        ),
        (("++callbacks.mine=7",), r"^callbacks\.mine=7: give a class and its arguments"),
        (("++logger.csv.nam=x",), r"^logger\.csv\.nam: CSVLogger has no such argument \(did you mean name\?\); it has"),
        (("callbacks.early_stopping.mode=upwards",), r"^callbacks\.early_stopping: ResumableEarlyStopping rejects its"),
        (("trainer.enable_checkpointing=false",), r"^trainer\.enable_checkpointing=False.*: Lightning rejects it"),
    ],
)
def test_a_wrong_option_is_named_with_what_exists(words: tuple[str, ...], message: str, root: Path) -> None:
    with pytest.raises(MammoError, match=message):
        built(root, *words)


@pytest.mark.parametrize("choice", ["csv", "tensorboard", "[csv,tensorboard]", "[]", "[tensorboard,wandb]"])
def test_every_choice_of_loggers_keeps_metrics_csv(choice: str, root: Path) -> None:
    train(configured(root, f"logger={choice}", "trainer.max_epochs=1"))
    (run,) = root.glob("runs/*")
    metrics = pd.read_csv(next(run.glob("metrics/version_0/metrics.csv")))
    assert metrics["val_auc"].notna().sum() == 1
    assert metrics["test_auc"].notna().sum() == 1
    assert bool(list(run.glob("tensorboard/version_0/events*"))) == ("tensorboard" in choice)
    assert bool(list(run.glob("wandb/offline-run-*"))) == ("wandb" in choice)


def test_loggers_do_not_change_the_run(root: Path) -> None:
    names = {
        train_name(configured(root, *words))
        for words in ((), ("logger=tensorboard",), ("trainer.log_every_n_steps=9",), ("trainer.profiler=simple",))
    }
    assert len(names) == 1
    assert len(names | {train_name(configured(root, "trainer.gradient_clip_val=1"))}) == 2


def train_name(cfg: DictConfig) -> str:
    return RunDir.of(cfg, "x", {}).path.name


def test_loggers_write_into_the_run_folder(root: Path) -> None:
    run = RunDir(root / "runs" / "x", "x", "0" * 64, {})
    loggers = trainer_of(configured(root, "logger=[tensorboard]"), run).loggers
    assert {type(each) for each in loggers} == {CSVLogger, TensorBoardLogger}
    assert {Path(str(each.save_dir)) for each in loggers} == {run.path}


def test_a_fast_dev_run_leaves_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ((), ("model=context", "~backbone"), ("model=fagg", "~backbone", "maps=[loc]", "window_epochs=1")):
        words = [word for word in QUICK if not (model and word.startswith(("model=", "backbone=")))]
        chosen = [word for word in model if word != "~backbone"]
        train(composed("train", [f"root={root}", *words, *chosen, "debug=fast_dev_run"], store_defaults))
        assert "the fast dev run has passed; nothing is kept of it" in capsys.readouterr().out
    assert {path.name for path in root.iterdir()} == {"store"}


def test_few_batches_make_a_small_run_in_a_group_of_its_own(root: Path) -> None:
    train(configured(root, "debug=few_batches"))
    (run,) = root.glob("debug/*")
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == 6
    result = finished_run(run)
    assert result is not None
    assert not result.whole_validation


def test_overfitting_sees_the_same_batches_in_every_epoch(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []

    def note(
        _: object, trainer: pl.Trainer, network: pl.LightningModule, batch: dict[str, torch.Tensor], n: int
    ) -> None:
        seen.append([trainer.current_epoch, int(batch["patch"].long().sum())])

    monkeypatch.setattr(EpochProgress, "on_train_batch_start", note)
    train(configured(root, "debug=overfit", "trainer.max_epochs=4", "model.lr=0.01"))
    assert [epoch for epoch, _ in seen] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len({content for _, content in seen}) == 2
    (run,) = root.glob("debug/*")
    losses = pd.read_csv(next(run.glob("metrics/version_0/metrics.csv")))["train_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0]
    assert json.loads((run / "result.json").read_text())["whole_validation"] is False


def test_a_run_starts_from_a_checkpoint_with_its_epochs_and_optimizer(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(configured(root))
    first = best_run(root, "floc") / "last.ckpt"
    train(configured(root, f"ckpt_path={first}", "group=more", "trainer.max_epochs=3"))
    assert "epoch 2 onwards" in capsys.readouterr().out
    train(configured(root, "group=whole", "trainer.max_epochs=3"))
    (more,), (whole,) = root.glob("more/*"), root.glob("whole/*")
    one, other = (torch.load(run / "last.ckpt", weights_only=True) for run in (more, whole))
    assert one["global_step"] == other["global_step"] == 12
    assert all(torch.equal(value, other["state_dict"][name]) for name, value in one["state_dict"].items())

    (more / "result.json").unlink()  # interrupted: it resumes from its own last checkpoint, not from ckpt_path
    train(configured(root, f"ckpt_path={first}", "group=more", "trainer.max_epochs=3"))
    assert torch.load(more / "last.ckpt", weights_only=True)["global_step"] == 12
    assert "epoch 2 onwards" not in capsys.readouterr().out
    assert [path.name for path in root.glob("more/*/result.json")] == ["result.json"]


def test_a_file_of_weights_alone_starts_a_run_at_its_first_epoch(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(configured(root))
    weights = torch.load(best_run(root, "floc") / "best.ckpt", weights_only=True)["state_dict"]
    torch.save({"state_dict": weights}, tmp_path / "weights.ckpt")
    train(configured(root, f"ckpt_path={tmp_path}/weights.ckpt", "group=more", "model.lr=1e-12"))
    assert capsys.readouterr().out.count("epoch 0 onwards") == 2
    (more,) = root.glob("more/*")
    again = torch.load(more / "last.ckpt", weights_only=True)["state_dict"]
    name = "classifier.weight"
    assert torch.allclose(again[name], weights[name], atol=1e-6)


def test_checkpoints_that_cannot_start_a_run_are_rejected(root: Path, tmp_path: Path) -> None:
    train(configured(root))
    run = best_run(root, "floc")
    with pytest.raises(MammoError, match=r"^ckpt_path=.*nowhere\.ckpt: no such file$"):
        train(configured(root, f"ckpt_path={tmp_path}/nowhere.ckpt"))
    with pytest.raises(MammoError, match=r"^model\.global_trunk=.*nowhere\.ckpt: no such file$"):
        train(configured(root, f"+model.global_trunk={tmp_path}/nowhere.ckpt"))
    with pytest.raises(MammoError, match=r"is a checkpoint of the run that the same request without ckpt_path resumes"):
        train(configured(root, f"ckpt_path={run}/last.ckpt"))
    with pytest.raises(MammoError, match=r"has trained 2 epochs already: give a larger trainer\.max_epochs than 2"):
        train(configured(root, f"ckpt_path={run}/last.ckpt", "seed=3"))
    other = ("seed=3", "backbone.arguments.widths=[8,8,8]", "trainer.max_epochs=3")
    with pytest.raises(MammoError, match=r"is of another network: \d+ of its weights do not fit, for example "):
        train(configured(root, f"ckpt_path={run}/last.ckpt", *other))
    torch.save({"state_dict": RunDir}, tmp_path / "code.ckpt")
    with pytest.raises(MammoError, match=r"code\.ckpt"):
        train(configured(root, f"ckpt_path={tmp_path}/code.ckpt", "seed=3"))
    for path in root.glob("runs/*"):
        assert (path == run) == (path / "result.json").is_file()
    shutil.rmtree(run)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("trainer.max_steps=1",), r"^trainer\.max_steps=1: training ended before the first validation, which selects"),
        (("trainer.max_steps=1", "callbacks=[]"), r"^floc-\S+: training ended before the first validation"),
        (("trainer.val_check_interval=100",), r"^trainer\.val_check_interval=100: Lightning rejects it \("),
        (("trainer.limit_val_batches=0.0001",), r"^trainer\.limit_val_batches=0\.0001: Lightning rejects it \("),
        (("callbacks.early_stopping.monitor=val_acu",), r"metric `val_acu` which is not available.*`val_auc`"),
        (("callbacks.early_stopping.mode=min",), r"^callbacks\.early_stopping\.mode=min: training would stop as the"),
    ],
)
def test_training_without_a_validated_checkpoint_is_an_error(words: tuple[str, ...], message: str, root: Path) -> None:
    with pytest.raises(MammoError, match=message):
        train(configured(root, *words))


def test_a_validation_every_second_epoch_selects_the_checkpoint(root: Path) -> None:
    auc = train(configured(root, "trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2", "test=false"))
    (metrics,) = root.glob("runs/*/metrics/*/metrics.csv")
    rows = pd.read_csv(metrics).dropna(subset=["val_auc"])
    assert rows["epoch"].tolist() == [1]
    assert rows["val_auc"].tolist() == pytest.approx([auc])
    (run,) = root.glob("runs/*")
    assert torch.load(run / "best.ckpt", weights_only=True)["epoch"] == 1
