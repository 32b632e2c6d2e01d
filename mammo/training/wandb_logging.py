"""A run on Weights & Biases: the values of metrics.csv, and curves, confusion and patches that a table cannot hold.

Nothing that identifies a patient is logged: lesions get new numbers, without ids, paths, host or command line. A run
never depends on its dashboard: where the server cannot be reached, it goes on offline.
"""

import os
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import WandbLogger

from mammo.data.datamodule import MammoDataModule
from mammo.machine import JOB_END_SIGNALS, without_interrupts
from mammo.models.epoch_metrics import ScoredImages, ScoredLesions
from mammo.models.floc import PatchClassifier
from mammo.records import FULL_SCALE, MammoError, PatchClass, Split
from mammo.scoring.metrics import roc, why_undefined
from mammo.text import print_text
from mammo.training.export_scores import image_table, lesion_table
from mammo.training.run_dir import RunDir

if TYPE_CHECKING:
    import wandb

N_LESIONS = 24
"""Lesions in the table with patches: those with the largest errors."""

TAGS = ("backbone", "init", "maps", "context", "seed", "fold", "trial")
"""Facts of a run that become tags, where it has them."""


class PrivateWandbLogger(WandbLogger):
    """The logger of one run, without anything that identifies a patient, a user or a machine.

    Its offline files are in the run folder, and a resumed run continues its dashboard.

    Args:
        run: the run.
        group: the run's group, the experiment on the dashboard.
        facts: what the run is (build.facts_of), the only configuration that is logged.
        timeout_s: longest time that the server may take to begin a run, and at its end to receive what is left of it.
        options: arguments of WandbLogger and wandb.init: project, entity, offline, ...

    Raises:
        MammoError: the run is logged online, without a key or with one that no server would take.
    """

    def __init__(
        self,
        run: RunDir,
        group: str,
        facts: Mapping[str, Any],
        timeout_s: float = 30.0,
        **options: Any,  # noqa: ANN401
    ) -> None:
        import wandb  # heavy: only where it is configured

        os.environ["WANDB_DATA_DIR"] = str((run.path / "wandb").absolute())  # images too, instead of the home folder
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # wandb reports its own use to its server, offline too
        os.environ["WANDB_SILENT"] = "true"
        quiet = wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            host="",
            save_code=False,
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            init_timeout=timeout_s,
            finish_timeout=timeout_s,
            finish_timeout_raises=True,
        )
        super().__init__(
            name=run.name,
            save_dir=run.path,
            id=run.digest[:16],
            group=group,
            job_type=facts["model"],
            tags=[f"{key}={facts[key]}" for key in TAGS if facts[key] not in (None, "")],
            settings=quiet,
            **options,
        )
        self._wandb_init.pop("anonymous")  # wandb warns about it
        self._is_lost = False
        with without_interrupts(*JOB_END_SIGNALS) if "SLURM_JOB_ID" in os.environ else nullcontext():
            self._begin(run, {"run": dict(facts)})

    def _begin(self, run: RunDir, facts: dict[str, Any]) -> None:
        """Open the dashboard and log the run's facts: offline where the server does not answer."""
        from wandb import errors

        earlier = set(run.path.glob("wandb/run-*"))
        try:
            super().log_hyperparams(facts)
        except (errors.UsageError, errors.AuthenticationError) as error:
            raise MammoError(
                f"logger.wandb.offline=false: {_reason(error)}: set WANDB_API_KEY, or give logger.wandb.offline=true"
            ) from error
        except errors.CommError as error:
            _forget()  # the process keeps the run's id in use
            for attempt in set(run.path.glob("wandb/run-*")) - earlier:
                shutil.rmtree(attempt, ignore_errors=True)
            print_text(
                f"{run.name}: the dashboard cannot be opened ({_reason(error)}), so the run goes on offline: the wandb "
                "sync command after its result uploads it",
            )
            self._wandb_init["mode"] = "offline"
            super().log_hyperparams(facts)

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """Log what a network was built of, as log_metrics does."""
        with self._going_on():
            super().log_hyperparams(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics. The training goes on without those that wandb does not take."""
        with self._going_on():
            super().log_metrics(metrics, step)

    def log_charts(self, content: Mapping[str, Any]) -> None:
        """Log charts, tables and pictures by name, as log_metrics does."""
        with self._going_on():
            for name, value in content.items():
                _keep_as_file(name, value, self.experiment)
            self.experiment.log(dict(content))

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of any kind: a run never fails for its dashboard
            if not self._is_lost:
                print_text(
                    f"{self._name}: wandb does not answer ({_reason(error)}), so that the dashboard lacks values: "
                    "metrics.csv and the run's tables have them",
                )
            self._is_lost = True


def _keep_as_file(name: str, value: object, run: "wandb.Run") -> None:
    """Write a table, or that of a chart, into a run's files: wandb would make an artifact of it.

    An artifact holds absolute paths, and waits for the server.
    """
    import wandb

    table = getattr(value, "table", value)
    if isinstance(table, wandb.Table):
        table.bind_to_run(run, name if table is value else f"{name}_table", run.step)  # type: ignore[no-untyped-call]


def _reason(error: Exception) -> str:
    """The first line of an error of wandb's, which may have none; advice follows in the others."""
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def closed_dashboard() -> Iterator[None]:
    """Close the run's dashboard, if it has one, so that the next job of a sweep in this process opens its own."""
    failed = True
    try:
        yield
        failed = False
    finally:
        if "wandb" in sys.modules and (run := sys.modules["wandb"].run) is not None:
            _finish(run, int(failed))


def _forget() -> None:
    """End wandb's process and forget its run, so that the next job of a sweep begins anew."""
    import wandb
    from wandb.sdk.lib import module

    with suppress(Exception):  # of a process that has ended
        wandb.teardown()
    module.unset_globals()  # type: ignore[no-untyped-call]


def _finish(run: "wandb.Run", exit_code: int) -> None:
    """End a run's dashboard; where its server does not receive the rest in time, the files on this machine have all."""
    folder = Path(run.dir).parent
    try:
        run.finish(exit_code=exit_code)
        _remove_logs(folder)
    except Exception as error:  # of any kind: a run never fails for its dashboard
        command = shlex.join(["wandb", "sync", os.path.relpath(folder)])
        print_text(f"the dashboard is not complete ({_reason(error)}): this uploads it: {command}")
        _forget()


def _remove_logs(folder: Path) -> None:
    """Remove wandb's own logs of a run that has ended as it should: they hold absolute paths, and no result."""
    shutil.rmtree(folder / "logs", ignore_errors=True)
    for link in folder.parent.glob("debug*.log"):
        link.unlink()


def sync_command(run: Path) -> str:
    """The command that uploads the offline dashboards of a run folder; empty if it has none that are not uploaded."""
    folders = [path for path in sorted(run.glob("wandb/offline-run-*/")) if not list(path.glob("*.wandb.synced"))]
    return shlex.join(["wandb", "sync", *map(str, folders)]) if folders else ""


class Dashboard(Callback):
    """Logs the confusion of the patch classes after every epoch, and curves and lesions after the test.

    Args:
        logger: the run's logger.
    """

    def __init__(self, logger: PrivateWandbLogger) -> None:
        self.logger = logger

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the confusion of the patch classes in training, after EpochMetrics has gathered it from all processes."""
        if trainer.is_global_zero and isinstance(pl_module, PatchClassifier):
            import wandb

            names = [number.name.lower() for number in PatchClass]
            confusion = pl_module.class_stats.compute().confusion
            true, predicted = np.divmod(np.repeat(np.arange(len(names) ** 2), confusion.flatten()), len(names))
            chart = wandb.plot.confusion_matrix(y_true=true.tolist(), preds=predicted.tolist(), class_names=names)
            self._log(trainer, {"confusion": chart})

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log curves over the test lesions or images, and the lesions with the largest errors."""
        if not trainer.is_global_zero:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        manifest = data.split_data(Split.TEST).manifest
        scored = getattr(pl_module, "scored", None)
        if isinstance(scored, ScoredImages):
            images = image_table(scored, manifest, data.fold)
            self._log(trainer, _curves(images["malignant"].to_numpy(), images["score_malignant"].to_numpy(), "images"))
        elif isinstance(scored, ScoredLesions):
            lesions = lesion_table(scored, manifest, data.fold)
            self._log(trainer, _curves(lesions["malignant"].to_numpy(), lesions["score"].to_numpy(), "lesions"))
            self._log(trainer, _worst_lesions(scored, lesions, data))

    def _log(self, trainer: pl.Trainer, content: dict[str, Any]) -> None:
        self.logger.log_charts({**content, "trainer/global_step": trainer.global_step})


def _curves(malignant: NDArray[np.int64], score: NDArray[np.float64], what: str) -> dict[str, Any]:
    """ROC and TNR-FNR charts over the test split's lesions or images; empty if a class is missing."""
    import wandb

    if why_undefined(malignant):
        return {}
    false_positive, true_positive = roc(malignant, score)
    axes = {
        "roc": ("false positive rate", "true positive rate", false_positive, true_positive),
        "tnr_fnr": ("false negative rate", "true negative rate", 1 - true_positive, 1 - false_positive),
    }
    charts = {}
    for name, (x, y, xs, ys) in axes.items():
        table = wandb.Table(columns=[x, y], data=np.stack([xs, ys], axis=1).tolist())
        charts[name] = wandb.plot.line(table, x, y, title=f"{name}, test {what}")
    return charts


def _worst_lesions(scored: ScoredLesions, table: pd.DataFrame, data: MammoDataModule) -> dict[str, Any]:
    """A table of the lesions with the largest errors, the worst first, and the worst and best window of each."""
    import wandb

    error = np.abs(table["malignant"].to_numpy() - table["score"].to_numpy())
    plan, reader = data.evaluation_plan(Split.TEST), data.split_data(Split.TEST).reader
    facts: list[str | int] = ["lesion", "label", "view", "score", "windows"]
    shown = wandb.Table(columns=[*facts, "worst window's score", "best window's score"])
    pictures: dict[str, list[wandb.Image]] = {"worst window": [], "best window": []}
    for number in np.argsort(-error, kind="stable")[:N_LESIONS]:
        lesion = table.iloc[number]
        own = scored.scores.lesion == number
        scores, windows = scored.scores.window_score[own], scored.scores.window[own]
        order = np.argsort(np.abs(lesion["malignant"] - scores), kind="stable")
        ends = (order[-1], order[0])
        for place, images in zip(ends, pictures.values(), strict=True):
            row = np.flatnonzero((plan.lesion == int(scored.row[number])) & (plan.repeat == windows[place]))
            patch = _gray_8bit(reader.patches(plan.take(row))[0])
            images.append(wandb.Image(patch, caption=f"lesion {number}, {lesion['label']}, {scores[place]:.3f}"))
        values = (lesion["label"], lesion["view"], float(lesion["score"]), int(own.sum()))
        shown.add_data(int(number), *values, *(float(scores[place]) for place in ends))
    return {"lesions": shown, **pictures}


def _gray_8bit(patch: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return (patch.astype(np.float64) * (255 / FULL_SCALE)).round().astype(np.uint8)
