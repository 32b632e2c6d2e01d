"""Checkpoints of a training that survive kills, full disks, damage, and a move of the run folder."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from mammo.io import atomic_write, make_folder
from mammo.models.weight_files import archive_damage, read_weights, save_torch
from mammo.records import MammoError, is_number, is_whole
from mammo.training.metric_files import drop_rows, logged_names

LAST, BEST = "last.ckpt", "best.ckpt"
"""The state after the last epoch or the last minutes, and that of the epoch with the highest validation AUC."""

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
"""What ModelCheckpoint's state holds as paths of files."""


class DurableCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and verifies it; only then it replaces the old one, which is never lost.

    Lightning writes to the folder of temporary files and moves the result, which a kill can interrupt where that folder
    is on another file system.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: Any = None,  # noqa: ANN401
    ) -> None:
        """Write a checkpoint, with the arguments of Lightning's method.

        Raises:
            MammoError: a weight is NaN or infinite, or the file cannot be written; the old file stays as it was.
        """
        target = Path(path)
        _check_finite(checkpoint.get("state_dict", {}), target)
        try:
            make_folder(target.parent)
            with atomic_write(target) as partial:
                save_torch(checkpoint, partial)
                _verify(partial)
        except OSError as error:
            kept = f"; the {target.name} before is kept" if target.exists() else ""
            raise MammoError(
                f"{target} cannot be written ({error.strerror or error}){kept}: make room or give permission, then run "
                "the same command again"
            ) from error


def _verify(path: Path) -> None:
    """Read a checkpoint back against its checksums; OSError where it differs from what was written."""
    if damage := archive_damage(path):
        raise OSError(f"the disk holds something else than was written: {damage}")


def _check_finite(state: dict[str, Any], path: Path) -> None:
    for name, weight in state.items():
        if isinstance(weight, Tensor) and weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
            raise MammoError(
                f"{path.parent.name}: the weight {name} is NaN or infinite, so that {path.name} is not written: lower "
                "model.lr, or give trainer.precision=32-true or trainer.gradient_clip_val"
            )


class RunCheckpoint(ModelCheckpoint):
    """ModelCheckpoint whose state holds names within the run folder, so that a moved or copied run keeps its best.

    An undefined metric is never the best. Lightning logs the metrics of an epoch after its checkpoint, which therefore
    holds them, too: a training that was killed between logs them when it goes on.

    The checkpoint of an epoch is written at its end, also without a validation there (check_val_every_n_epoch), and one
    more after each validation within it (val_check_interval), when the loggers have written the metrics of that one.

    Attributes:
        row: metrics of the last epoch, with `epoch` and `step`; empty before its end.
        validated: whether the validation at the end of this epoch is done.
    """

    row: Mapping[str, float] = MappingProxyType({})
    validated: bool = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint of an epoch."""
        # Lightning keeps the metrics of the last validation, which can be one before the end of the epoch
        metrics = trainer.logged_metrics.items()
        numbers = {name: float(value) for name, value in metrics if self.validated or not name.startswith("val_")}
        step = trainer.fit_loop.epoch_loop._batches_that_stepped - 1  # the step that Lightning logs them with
        self.row = numbers | {"epoch": trainer.current_epoch, "step": step}
        if self.validated or not self.monitor:
            super().on_train_epoch_end(trainer, pl_module)
        self.validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint of a validation within an epoch."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.validated = self._should_save_on_train_epoch_end(trainer)
        if not self.validated:
            for logger in trainer.loggers:
                logger.save()
            super().on_validation_end(trainer, pl_module)

    def _should_save_on_train_epoch_end(self, trainer: pl.Trainer) -> bool:
        return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch or trainer.should_stop

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the metrics of the epoch before, which a kill can have kept from the loggers."""
        if self.row and not self.monitor:
            for logger in trainer.loggers:
                known = logged_names(Path(logger.root_dir), self.row) if isinstance(logger, CSVLogger) else set()
                if missing := self.row.keys() - known - {"epoch", "step"}:
                    values = {name: self.row[name] for name in (*sorted(missing), "epoch")}
                    logger.log_metrics(values, int(self.row["step"]))
                    logger.save()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Drop the metrics of steps after the checkpoint that an interrupted run goes on from: they are done again."""
        if trainer.is_global_zero and not self.monitor:
            # a validation within an epoch is logged with the number of steps before it, all others with one less
            first = trainer.fit_loop.epoch_loop._batches_that_stepped + 1
            for logger in trainer.loggers:
                if isinstance(logger, CSVLogger):
                    drop_rows(Path(logger.root_dir), first)

    def state_dict(self) -> dict[str, Any]:
        """The state, with names of files in place of paths."""
        state = super().state_dict()
        state |= {key: Path(state[key]).name for key in PATHS}
        scores = {Path(path).name: score for path, score in state["best_k_models"].items()}
        return {**state, "dirpath": "", "best_k_models": scores, "row": dict(self.row)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state of this run, wherever its folder was then; that of another run (ckpt_path) is left."""
        folder = Path(str(self.dirpath))
        names = [*state_dict["best_k_models"], *(state_dict[key] for key in PATHS if state_dict[key])]
        if not all(_is_checkpoint_name(name) for name in names):
            return  # of a checkpoint from elsewhere: Lightning deletes the file that it takes for the worst one
        if not all((folder / name).exists() for name in state_dict["best_k_models"]):
            return
        state = state_dict | {key: str(folder / state_dict[key]) for key in PATHS if state_dict[key]}
        scores = {str(folder / name): score for name, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state, "dirpath": self.dirpath, "best_k_models": scores})
        self.row = _row(state.get("row")) if Path(self.best_model_path).exists() else {}

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Whether a metric, float [], is better than the best so far; one that is not finite never is."""
        if current is not None and not bool(torch.isfinite(torch.as_tensor(current))):
            return False
        return super().check_monitor_top_k(trainer, current)


class TimeTaken(Callback):
    """Counts the seconds that a run takes, those before an interruption up to the checkpoint that it goes on from.

    Args:
        run: what identifies the run (RunDir.digest): a checkpoint of another one (ckpt_path) does not count.
    """

    def __init__(self, run: str) -> None:
        self.run, self.before, self.started = run, 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Until now."""
        return self.before + time.monotonic() - self.started

    def state_dict(self) -> dict[str, Any]:
        """The seconds until this checkpoint."""
        return {"run": self.run, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the seconds of the parts before."""
        seconds: Any = state_dict.get("seconds")
        if state_dict.get("run") == self.run and is_number(seconds) and seconds >= 0:
            self.before = float(seconds)


def _row(value: object) -> dict[str, float]:
    """The metrics in a checkpoint; none where it holds something else, as one that was made to harm may."""
    if not isinstance(value, dict) or not all(is_number(value.get(name)) for name in ("epoch", "step")):
        return {}
    is_row = all(isinstance(name, str) and name.isprintable() and type(value[name]) in (int, float) for name in value)
    return value if is_row else {}


def _is_checkpoint_name(name: object) -> bool:
    """Whether a value from a checkpoint is the name of a checkpoint within the run folder."""
    return isinstance(name, str) and Path(name).name == name and name.endswith(".ckpt")


def last_checkpoint(folder: Path) -> tuple[Path | None, str]:
    """The checkpoint that a run goes on from, and a sentence where it is not the last one that was written.

    Training is exact, so that a run which goes on from an earlier state, or from zero, has the same end.

    Args:
        folder: of the run.

    Returns:
        None to start from zero.
    """
    last, best = folder / LAST, folder / BEST
    content = _undamaged(last)
    if content is not None:
        if not _names_best(content) or _undamaged(best) is not None:
            return last, ""
        return None, f"{best} is damaged or missing: the run starts from epoch 1"
    if not last.exists():
        return None, ""
    if _undamaged(best) is not None:
        return best, f"{last} is damaged: the run goes on from its best epoch so far, {best.name}"
    return None, f"{last} is damaged, and there is no other checkpoint: the run starts from epoch 1"


def holds_training(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint has the state of a training: of each optimizer and callback, and of the loops over batches.

    Args:
        content: of a file that anyone can have made.
    """
    optimizers, callbacks = content.get("optimizer_states"), content.get("callbacks")
    return (
        is_whole(content.get("epoch"))
        and isinstance(content.get("loops"), dict)
        and isinstance(optimizers, list)
        and isinstance(callbacks, dict)
        and all(isinstance(state, dict) for state in (*optimizers, *callbacks.values()))
    )


def _names_best(content: dict[str, Any]) -> bool:
    return any(state.get("monitor") and state.get("best_model_path") for state in content["callbacks"].values())


def _undamaged(path: Path) -> dict[str, Any] | None:
    """The content of a training's checkpoint; None if it is missing or damaged."""
    try:
        content = read_weights(path)
    except (MammoError, OSError):
        return None
    return content if holds_training(content) else None
