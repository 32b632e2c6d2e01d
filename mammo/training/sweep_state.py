"""A sweep on disk: which jobs were asked for, and how far each of them is.

    <root>/sweeps/<group>-<digest>/   jobs.json  <job number>/run  <job number>/error.txt

The digest is of the command's words, so that the same command finds its own sweep again. A job knows its run folder by
the file `run`; whether it is done, running or failed is read from the run folder itself.
"""

import hashlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mammo.io import whole_file
from mammo.records import MammoError
from mammo.training.lock import is_held
from mammo.training.run_dir import read_result

State = Literal["done", "running", "failed", "missing"]
PLACES = ("root", "store")
"""Words that say where things lie, not what is asked for."""


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        words: what tells it from the sweep's other jobs.
        state: "missing" also for a job that was begun and killed, or whose files are no longer what it made.
        run: the run's folder, once the job has begun.
        val_auc: of a finished run, where it is defined.
        error: of a failed job, in one sentence.
    """

    words: str
    state: State
    run: Path | None = None
    val_auc: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder and the words of its jobs, in Hydra's order; none where the sweeper draws them as it goes."""

    folder: Path
    jobs: tuple[str, ...]

    @classmethod
    def of(cls, cfg: DictConfig) -> "Sweep":
        """The sweep of a composed configuration, hydra node included; its folder keeps the list of jobs."""
        params = cfg.hydra.sweeper.params or {}
        words = [f"{key}={value}" for key, value in params.items()] + list(cfg.hydra.overrides.task)
        words = [word for word in words if word.lstrip("+").split("=")[0] not in PLACES]
        digest = hashlib.sha256(json.dumps([cfg.hydra.job.name, words]).encode()).hexdigest()
        group = cfg.get("group", cfg.hydra.job.name)
        sweep = cls(Path(cfg.root).absolute() / "sweeps" / f"{group}-{digest[:8]}", _planned(words))
        sweep.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(sweep.folder / "jobs.json") as written:
            written.write_text(json.dumps(sweep.jobs, indent=0) + "\n", encoding="utf-8")
        return sweep

    @classmethod
    def below(cls, root: Path) -> "list[Sweep]":
        """Every sweep of a root, by name.

        Raises:
            MammoError: there is none, or the list of its jobs is damaged.
        """
        paths = sorted((root / "sweeps").glob("*/jobs.json"))
        if not paths:
            raise MammoError(f"no sweep below {root}: start one, as in python -m mammo.train experiment=table3")
        return [cls(path.parent, _jobs(path)) for path in paths]

    def state(self) -> list[Job]:
        """Every job as it is at this moment; of jobs that are not planned, those that were begun."""
        begun = sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())
        planned = self.jobs or [f"job {number}" for number in range(max(begun, default=-1) + 1)]
        return [self._job(number, words) for number, words in enumerate(planned)]

    def _job(self, number: int, words: str) -> Job:
        folder = self.folder / str(number)
        error = _text(folder / "error.txt")
        note = _text(folder / "run")
        run = self.folder.parent.parent / note if note else None
        result = read_result(run) if run else None
        if run and result:
            return Job(words, "done", run, result["val_auc"])
        if run is not None and is_held(run / "lock"):
            return Job(words, "running", run)
        if error:
            return Job(words, "failed", run, error=error)
        return Job(words, "done" if run is None and (folder / "done").is_file() else "missing", run)


def note_run(run: Path) -> None:
    """Keep the run's folder with the sweep's job that this process runs; nothing where it runs none."""
    if in_sweep():
        folder = Path(HydraConfig.get().runtime.output_dir)
        (folder / "run").write_text(f"{run.parent.name}/{run.name}\n", encoding="utf-8")


def in_sweep() -> bool:
    """Whether this process runs a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def check_devices(cfg: DictConfig) -> None:
    """Refuse a sweep whose jobs want several devices: Lightning's helpers would each run the whole sweep."""
    n_devices = len(cfg.trainer.devices) if not isinstance(cfg.trainer.devices, int | str) else cfg.trainer.devices
    if in_sweep() and (str(n_devices) != "1" or cfg.trainer.num_nodes != 1):
        raise MammoError(
            f"trainer.devices={cfg.trainer.devices} in a sweep: give every job one device (trainer.devices=1) and run "
            "the jobs side by side with hydra/launcher=v100; several devices are for single runs"
        )


def check_experiments(cfg: DictConfig) -> None:
    """Refuse a sweep over experiments that sweep themselves: each would be one job, without what it sweeps.

    Args:
        cfg: composed, hydra node included; Hydra is running.

    Raises:
        MammoError: one of them does; with the way out.
    """
    overrides = OverridesParser.create().parse_overrides(list(cfg.hydra.overrides.task))
    loader = GlobalHydra.instance().config_loader()
    for override in overrides:
        if override.key_or_group != "experiment" or not override.is_discrete_sweep():
            continue
        names = list(override.sweep_string_iterator())
        for name in names:
            own = loader.load_sweep_config(cfg, [f"experiment={name}"]).hydra.sweeper.params or {}
            if own:
                raise MammoError(
                    f"experiment={name} is a sweep of its own, over {', '.join(own)}, and would be one job here: write "
                    f"'experiment=[{','.join(names)}]' for the product, or give a command for each"
                )


def _planned(words: Sequence[str]) -> tuple[str, ...]:
    """What differs between the jobs that Hydra makes of these words; empty where the sweeper draws as it goes."""
    axes: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(list(words)):
        key = override.get_key_element()
        if not override.is_sweep_override():
            axes[key] = [""]
        elif override.is_discrete_sweep():
            axes[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            return ()
    return tuple(" ".join(filter(None, job)) or "as configured" for job in itertools.product(*axes.values()))


def _jobs(path: Path) -> tuple[str, ...]:
    """The words of the jobs that a sweep's folder lists."""
    try:
        return tuple(map(str, json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, TypeError) as error:
        raise MammoError(f"{path}: no list of jobs; give the sweep's command again, which writes it anew") from error


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


WIDE = 160
"""Columns of a table that is not printed on a terminal."""


def print_status(sweep: Sweep) -> int:
    """Print one sweep; 0 when all of it is done, else 1."""
    jobs = sweep.state()
    table = Table("job", "what", "state", "val AUC", "run, or why it failed", title=sweep.folder.name)
    for number, job in enumerate(jobs):
        auc = "" if job.val_auc is None else f"{job.val_auc:.3f}"
        table.add_row(str(number), job.words, job.state, auc, job.error or (job.run.name if job.run else ""))
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False).print(table)
    counts = Counter(job.state for job in jobs)
    print(", ".join(f"{counts[state]} {state}" for state in ("done", "running", "failed", "missing")))
    scored = [job for job in jobs if job.val_auc is not None]
    if scored:
        best: Job = max(scored, key=lambda job: job.val_auc or 0.0)
        print(f"best so far: {best.words}, val AUC {best.val_auc:.3f}, {best.run}")
    return int(counts["done"] < len(jobs))
