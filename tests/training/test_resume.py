"""Interrupted runs resume to the same end and never look finished."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, open_dict
from pytorch_lightning.callbacks import Callback

from mammo.cli.hydra_app import composed
from mammo.models.epoch_metrics import LesionAUROC
from mammo.models.floc import PatchClassifier
from mammo.records import Batch, MammoError
from mammo.training import resume
from mammo.training.fit import train
from mammo.training.progress_lines import EpochProgress
from mammo.training.resume import SubmititSignals, job_callbacks
from mammo.training.steps import SeededSteps
from mammo.training.train_config import store_defaults
from tests.training.run_content import RunContent

EMA = "pytorch_lightning.callbacks.EMAWeightAveraging"
DROPOUT = "+backbone.arguments.drop_path_rate=0.5"
QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=6",
    "callbacks.early_stopping.patience=1",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 2, test: 2}",
    "window_epochs=2",
    "batch_size=10",
    "model.lr=1e-9",  # nothing is learned: the second epoch is no better than the first, and patience runs out
    "maps=[loc]",
)


@pytest.fixture
def cfg(small_root: Path, tmp_path: Path) -> DictConfig:
    shutil.copytree(small_root / "store", tmp_path / "store")
    return composed("train", [f"root={tmp_path}", *QUICK], store_defaults)


def epochs(folder: Path) -> int:
    return int(torch.load(folder / "last.ckpt", weights_only=True)["epoch"]) + 1


def test_a_run_that_had_stopped_early_trains_no_further_epoch(cfg: DictConfig) -> None:
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    best, n_epochs = (folder / "best.ckpt").read_bytes(), epochs(folder)
    assert n_epochs < cfg.trainer.max_epochs
    (folder / "result.json").unlink()  # as if it had been killed in its test
    train(cfg)
    assert epochs(folder) == n_epochs
    assert (folder / "best.ckpt").read_bytes() == best
    assert (folder / "result.json").is_file()


def cut(path: Path) -> None:
    os.truncate(path, 1000)


def bent(path: Path) -> None:
    """Change one bit of a weight, which torch reads without an error."""
    content = bytearray(path.read_bytes())
    place = content.index(torch.load(path, weights_only=True)["state_dict"]["conv1.weight"].numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "said"),
    [("last.ckpt", "last.ckpt is damaged: the run goes on from its best"), ("best.ckpt", "starts from epoch 1")],
)
@pytest.mark.parametrize("damage", [cut, bent, Path.unlink])
def test_a_run_with_a_damaged_checkpoint_says_so_and_has_the_same_end(
    cfg: DictConfig, capsys: pytest.CaptureFixture[str], name: str, said: str, damage: Callable[[Path], None]
) -> None:
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    weights = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    scores = pd.read_parquet(folder / "lesions.parquet")
    (folder / "result.json").unlink()
    damage(folder / name)
    capsys.readouterr()
    train(cfg)
    assert (said in capsys.readouterr().out) == (damage is not Path.unlink or name == "best.ckpt")
    again = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert pd.read_parquet(folder / "lesions.parquet").equals(scores)


@pytest.mark.parametrize(("accumulate", "decay"), [(1, None), (2, None), (1, 0.9)])
def test_training_resumes_within_an_epoch_to_the_same_weights(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, accumulate: int, decay: float | None
) -> None:
    if decay is not None:
        with open_dict(cfg):
            cfg.callbacks.weight_averaging = {"_target_": EMA, "decay": decay}
    cfg.model.lr, cfg.batch_size, cfg.trainer.max_epochs = 1e-2, 3, 3
    cfg.callbacks.early_stopping.patience = 9
    cfg.trainer.accumulate_grad_batches, cfg.test = accumulate, False
    cfg.windows_per_lesion.train, cfg.workers = 3, 2
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    whole = torch.load(folder / "last.ckpt", weights_only=True)
    shutil.rmtree(folder)
    monkeypatch.setattr(resume, "CHECKPOINT_INTERVAL_S", 0.0)
    seen: list[tuple[int, int]] = []

    def killed(_: Callback, trainer: pl.Trainer, network: pl.LightningModule, batch: object, number: int) -> None:
        seen.append((trainer.current_epoch, number))
        if (trainer.current_epoch, number) == (1, 5) and seen.count((1, 5)) == 1:
            raise RuntimeError("killed")

    monkeypatch.setattr(EpochProgress, "on_train_batch_start", killed)
    with pytest.raises(RuntimeError, match="killed"):
        train(cfg)
    n_before = len(seen)
    train(cfg)
    resumed = torch.load(folder / "last.ckpt", weights_only=True)
    assert seen[n_before] == (1, 5 - 5 % accumulate)
    assert resumed["global_step"] == whole["global_step"]
    assert all(torch.equal(value, resumed["state_dict"][name]) for name, value in whole["state_dict"].items())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("hook", ["on_train_batch_start", "on_validation_batch_end", "on_test_batch_end"])
def test_a_signal_saves_the_state_and_ends_with_its_status(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, hook: str, signum: signal.Signals
) -> None:
    cfg.model.lr, cfg.batch_size, cfg.trainer.max_epochs = 1e-2, 3, 2
    cfg.callbacks.early_stopping.patience = 9
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    whole = RunContent(folder)
    shutil.rmtree(folder)
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as once:
        once.setattr(EpochProgress, hook, lambda *_: os.kill(os.getpid(), signum))
        with pytest.raises(SystemExit) as left:
            train(cfg)
    assert left.value.code == 128 + signum
    assert not (folder / "result.json").exists()
    state = torch.load(folder / "last.ckpt", weights_only=True)
    assert state["global_step"] == {"on_train_batch_start": 1, "on_validation_batch_end": 7}.get(hook, 14)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    train(cfg)
    assert not RunContent(folder).differences(whole)


@pytest.mark.parametrize("model", ["floc", "context"])
def test_an_interruption_changes_neither_dropout_nor_the_means_of_its_epoch(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    words = {
        "floc": ("model=floc", "backbone=timm", "backbone.name=test_resnet", "batch_size=5", DROPOUT),
        "context": ("model=context", "batch_size=4", "trainer.limit_train_batches=4"),
    }
    quick = [word for word in QUICK if not word.startswith(("maps", "batch_size", "window_epochs", "model.lr"))]
    cfg = composed("train", [f"root={cfg.root}", *quick, *words[model], "trainer.max_epochs=2"], store_defaults)
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    whole = RunContent(folder)
    assert whole.metrics["train_loss"].notna().all()
    shutil.rmtree(folder)
    with monkeypatch.context() as once:
        once.setattr(SeededSteps, "on_train_batch_start", lambda *_: None)
        train(cfg)
    assert bool(RunContent(folder).differences(whole)) == (model == "floc"), "random numbers are drawn"
    shutil.rmtree(folder)

    def interrupted(_: Callback, trainer: pl.Trainer, network: object, batch: object, number: int) -> None:
        if (trainer.current_epoch, number) == (1, 2):
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as once:
        once.setattr(EpochProgress, "on_train_batch_start", interrupted)
        with pytest.raises(SystemExit):
            train(cfg)
    torch.manual_seed(99)
    train(cfg)
    assert not RunContent(folder).differences(whole)


def test_a_moved_run_keeps_its_best(cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its best epoch is the first; a run that forgot it would take a later one."""
    aucs = iter([0.9, 0.5, 0.6, 0.7])
    cfg.callbacks.early_stopping.patience, cfg.trainer.max_epochs, cfg.test = 9, 4, False
    monkeypatch.setattr(LesionAUROC, "compute", falling(aucs))
    with monkeypatch.context() as once:
        once.setattr(EpochProgress, "on_train_epoch_start", killed_in(2))
        with pytest.raises(RuntimeError, match="killed"):
            train(cfg)
    shutil.move(cfg.root, tmp_path.parent / "moved")
    cfg.root = cfg.root.replace(str(tmp_path), str(tmp_path.parent / "moved"))
    cfg.store = str(Path(cfg.root) / "store")
    assert train(cfg) == pytest.approx(0.9)
    (folder,) = Path(cfg.root).glob("runs/*")
    assert torch.load(folder / "best.ckpt", weights_only=True)["epoch"] == 0


def test_an_undefined_auc_is_never_the_best(cfg: DictConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg.callbacks.early_stopping.patience, cfg.trainer.max_epochs, cfg.test = 9, 3, False
    with open_dict(cfg):
        cfg.callbacks.early_stopping.check_finite = False  # else it would stop at the first
    monkeypatch.setattr(LesionAUROC, "compute", falling(iter([float("nan"), 0.5, float("nan")])))
    assert train(cfg) == pytest.approx(0.5)
    (folder,) = Path(cfg.root).glob("runs/*")
    assert torch.load(folder / "best.ckpt", weights_only=True)["epoch"] == 1


def falling(aucs: Iterator[float]) -> Callable[[LesionAUROC], torch.Tensor]:
    """A stand-in for LesionAUROC.compute that gives these AUCs, one a validation."""
    original = LesionAUROC.compute

    def compute(metric: LesionAUROC) -> torch.Tensor:
        if metric._scored is None:  # its own call, to keep the scores
            original(metric)
            return torch.tensor(next(aucs), dtype=torch.float64)
        return original(metric)

    return compute


def killed_in(epoch: int) -> Callable[..., None]:
    def start(_: Callback, trainer: pl.Trainer, network: object) -> None:
        if trainer.current_epoch == epoch:
            raise RuntimeError("killed")

    return start


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_number_that_is_not_finite_ends_the_step_before_it_changes_a_weight(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    cfg.batch_size, cfg.trainer.max_epochs = 3, 2
    whole = PatchClassifier.training_step

    def broken(network: PatchClassifier, batch: Batch, number: int) -> torch.Tensor:
        loss = whole(network, batch, number)
        if network.current_epoch == 1 and number == 2:
            finite = torch.sqrt((loss - loss).abs()) if what == "gradient" else loss * float("nan")
            return loss + finite
        return loss

    monkeypatch.setattr(PatchClassifier, "training_step", broken)
    with pytest.raises(
        MammoError, match=r"NaN or infinite in epoch 2, step 3, batch 3 \(images \w+.*before it is kept"
    ):
        train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    state = torch.load(folder / "last.ckpt", weights_only=True)
    assert state["epoch"] == 0
    assert all(torch.isfinite(weight).all() for weight in state["state_dict"].values())
    monkeypatch.setattr(PatchClassifier, "training_step", whole)
    train(cfg)
    assert (folder / "result.json").is_file()


class Net(pl.LightningModule):
    """A minimal network that sends SIGTERM to its own process in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        os.kill(os.getpid(), signal.SIGTERM)
        return self.layer(batch).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_in_a_submitit_job_sigterm_is_left_to_submitit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    bypassed: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: bypassed.append(number))
    try:
        callbacks: list[Callback] = job_callbacks()
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=2,
            callbacks=callbacks,
            default_root_dir=tmp_path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Net(), torch.utils.data.DataLoader(torch.zeros(3, 1)))
        assert isinstance(callbacks[0], SubmititSignals)
        assert bypassed == [signal.SIGTERM] * 6
        assert trainer.current_epoch == 2
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("killed", [2, 3])
def test_validations_within_an_epoch_change_no_mean_of_it(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, killed: int
) -> None:
    """The checkpoint of such a validation holds what the epoch has gathered before it."""
    cfg.model.lr, cfg.batch_size, cfg.trainer.max_epochs, cfg.trainer.val_check_interval = 1e-2, 5, 2, 2
    cfg.callbacks.early_stopping.patience = 9
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    whole = RunContent(folder)
    shutil.rmtree(folder)

    def kill(_: Callback, trainer: pl.Trainer, network: object, batch: object, number: int) -> None:
        if (trainer.current_epoch, number) == (1, killed):
            raise RuntimeError("killed")

    with monkeypatch.context() as once:
        once.setattr(EpochProgress, "on_train_batch_start", kill)
        with pytest.raises(RuntimeError, match="killed"):
            train(cfg)
    train(cfg)
    assert not RunContent(folder).differences(whole)
