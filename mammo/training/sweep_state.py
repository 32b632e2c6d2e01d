"""A sweep on disk: the jobs that were requested, and the state of each.

    <root>/sweeps/<group>-<digest>/   jobs.json  <job number>/run  <job number>/error.txt  <job number>/left-out.txt
                                      <job number>/slurm.json

The digest is of the command's overrides, so that the same command finds its own sweep again. A job records its run
folder in the file `run`; whether it is done, running or failed is read from the run folder itself. slurm.json names the
Slurm job of a job that was submitted; Slurm says whether that runs or pends.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from mammo.io import atomic_write, is_locked, make_folder
from mammo.limits import read_json, read_text
from mammo.records import MammoError
from mammo.scoring.number_text import json_number
from mammo.training.results import finished_run
from mammo.training.slurm_queue import QUEUE, RECORD, Queued, SlurmJob, read_record, write_record

State = Literal["done", "running", "pending", "failed", "left out", "lost", "unknown", "missing"]

LEFT_OUT = "left-out.txt"
"""The file of a job that is left out; it says why."""

OUTCOMES = ("error.txt", LEFT_OUT, "done")
"""The files of a job that say how its last attempt ended."""

LOCATION_KEYS = ("root", "store")
"""Overrides that name a location; they do not change what a sweep is."""

JOB = re.compile(r"[0-9]{1,5}")
"""Name of a job's folder: its number."""

RUN = re.compile(r"(?!\.)[^/\0]+/(?!\.)[^/\0]+")
"""What a job records of its run: the names of its group and its folder, which lie below the root."""

JOB_BYTES = 1 << 16
"""Largest file of a job."""


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        overrides: those in which it differs from the sweep's other jobs.
        state: "missing" also for a job that was killed, or whose files have changed since it finished; "lost" for one
            whose Slurm job ended without a result; "left out" for one that cannot be trained, because it would start
            from weights that do not exist; "unknown" for one that was submitted where Slurm does not say what became of
            it, or where it is not known as which Slurm job.
        run: the run folder, once the job has started.
        val_auc: of a finished run, where it is defined.
        error: of a job that failed, is left out, lost or unknown, one sentence; of one that pends, why.
        slurm: the Slurm job that it was last submitted as; None without Slurm.
    """

    overrides: str
    state: State
    run: Path | None = None
    val_auc: float | None = None
    error: str = ""
    slurm: SlurmJob | None = None

    @property
    def slurm_id(self) -> str:
        """Slurm's name of the job that it was last submitted as; empty without Slurm."""
        return self.slurm.id if self.slurm else ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ("done", "left out")

    def in_queue(self, queue: Mapping[SlurmJob, Queued]) -> "Job":
        """The job as Slurm's queue shows it, where it was submitted and is not settled."""
        if self.is_settled or not self.slurm:
            return self
        if queued := queue.get(self.slurm):
            reason = f"Slurm job {self.slurm_id} pends: {queued.reason}" if queued.is_pending else ""
            return replace(self, state="pending" if queued.is_pending else "running", error=reason)
        if self.state != "missing":
            return self
        how = QUEUE.ended([self.slurm]).get(self.slurm, "killed, or cancelled")
        return replace(self, state="lost", error=f"Slurm job {self.slurm_id} ended without a result ({how})")

    def without_answer(self, why: str) -> "Job":
        """The job, where Slurm does not say what became of it."""
        return replace(self, state="unknown", error=why) if self.slurm and self.state == "missing" else self


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder and the overrides of its jobs, in Hydra's order; no jobs where the sweeper draws them."""

    folder: Path
    jobs: tuple[str, ...]

    @classmethod
    def of(cls, cfg: DictConfig) -> "Sweep":
        """The sweep of a composed configuration (hydra node included); writes the list of jobs into its folder."""
        params = cfg.hydra.sweeper.params or {}
        overrides = [f"{key}={value}" for key, value in params.items()] + list(cfg.hydra.overrides.task)
        overrides = without_locations(overrides)
        digest = hashlib.sha256(json.dumps([cfg.hydra.job.name, overrides]).encode()).hexdigest()
        group = cfg.get("group", cfg.hydra.job.name)
        sweep = cls(Path(cfg.root).absolute() / "sweeps" / f"{group}-{digest[:8]}", _planned(overrides))
        make_folder(sweep.folder)
        with atomic_write(sweep.folder / "jobs.json") as written:
            content = {"jobs": sweep.jobs, "sha256": _digest(sweep.jobs)}
            written.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")
        return sweep

    @classmethod
    def at(cls, folder: Path) -> "Sweep":
        """The sweep of a folder; MammoError where its list of jobs is damaged."""
        return cls(folder, _jobs(folder / "jobs.json"))

    @classmethod
    def below(cls, root: Path) -> "list[Sweep]":
        """Every sweep of a root, by name.

        Raises:
            MammoError: the root has no sweep, or a list of jobs is damaged.
        """
        sweeps, damages = cls.readable(root)
        if damages:
            raise damages[0]
        return sweeps

    @classmethod
    def readable(cls, root: Path) -> "tuple[list[Sweep], list[MammoError]]":
        """The sweeps of a root whose list of jobs is intact, by name, and what is wrong with the others.

        Raises:
            MammoError: the root has no sweep.
        """
        sweeps, damages = [], []
        for path in sorted((root / "sweeps").glob("*/jobs.json")):
            try:
                sweeps.append(cls.at(path.parent))
            except MammoError as damage:
                damages.append(damage)
        if not sweeps and not damages:
            raise MammoError(f"no sweep below {root}: start one, as in python -m mammo.train experiment=table3")
        return sweeps, damages

    def state(self) -> list[Job]:
        """The present state of every job; where the sweeper draws jobs, of those that have started."""
        started = sorted(int(path.name) for path in self.folder.iterdir() if JOB.fullmatch(path.name))
        planned = self.jobs or [f"job {number}" for number in range(max(started, default=-1) + 1)]
        jobs = [self._job(number, overrides) for number, overrides in enumerate(planned)]
        open_ = [number for number, job in enumerate(jobs) if job.slurm_id and not job.is_settled]
        queue = QUEUE.look() if open_ else None
        for number in open_:  # read again: it may have ended since, and left the queue
            job = self._job(number, planned[number])
            jobs[number] = job.in_queue(queue) if queue is not None else job.without_answer(QUEUE.silence)
        return jobs

    def recorded(self, number: int) -> tuple[SlurmJob, list[str]] | None:
        """The Slurm job that a job was last submitted as, and its overrides but locations; None where it was not.

        Raises:
            MammoError: the record is damaged.
        """
        return read_record(self.folder / str(number))

    def record(self, number: int, job: SlurmJob, overrides: Sequence[str]) -> None:
        """Record the Slurm job that a job was submitted as."""
        write_record(self.folder / str(number), job, without_locations(overrides))

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove what is recorded of the last attempts of jobs; their runs stay."""
        for number in numbers:
            for name in ("run", RECORD, *OUTCOMES):
                (self.folder / str(number) / name).unlink(missing_ok=True)

    def _job(self, number: int, overrides: str) -> Job:
        folder = self.folder / str(number)
        try:
            submitted = self.recorded(number)
            job = Job(overrides, "missing", slurm=submitted[0] if submitted else None)
        except MammoError as damage:
            job = Job(overrides, "unknown", error=str(damage))
        error = _text(folder / "error.txt")
        named = _text(folder / "run")
        if named and not RUN.fullmatch(named):
            reason = f"{folder / 'run'} does not name a run of this root: give the sweep's command again"
            return replace(job, error=reason)
        run = self.folder.parent.parent / named if named else None
        job = replace(job, run=run)
        finished = finished_run(run) if run else None
        if finished:
            return replace(job, state="done", error="", val_auc=json_number(finished.val_auc))
        if run is not None and is_locked(run / "lock"):
            return replace(job, state="running", error="")
        if error:
            return replace(job, state="failed", error=error)
        if reason := _text(folder / LEFT_OUT):
            return replace(job, state="left out", run=None, error=reason)
        return replace(job, state="done", error="") if run is None and (folder / "done").is_file() else job


def without_locations(overrides: Iterable[str]) -> list[str]:
    """The overrides that do not name a location."""
    return [text for text in overrides if text.lstrip("+").split("=")[0] not in LOCATION_KEYS]


def record_run(run: Path) -> None:
    """Record the run folder with the sweep's job of this process; outside a sweep, do nothing."""
    if in_sweep():
        folder = Path(HydraConfig.get().runtime.output_dir)
        with atomic_write(folder / "run") as written:
            written.write_text(f"{run.parent.name}/{run.name}\n", encoding="utf-8")


def in_sweep() -> bool:
    """Whether this process runs a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def check_experiments(cfg: DictConfig) -> None:
    """Reject a sweep over experiments that are sweeps themselves: each would be one job, without its own sweep.

    Args:
        cfg: composed, hydra node included; Hydra is running.

    Raises:
        MammoError: an experiment is a sweep; the message shows how to write the product.
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
                    f"experiment={name} is a sweep itself, over {', '.join(own)}, and would be a single job here: "
                    f"write 'experiment=[{','.join(names)}]' for the product, or run one command for each"
                )


def _planned(overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides that differ between the jobs of these overrides; empty where the sweeper draws the jobs."""
    axes: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if not override.is_sweep_override():
            axes[key] = [""]
        elif override.is_discrete_sweep():
            axes[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            return ()
    return tuple(" ".join(filter(None, job)) or "as configured" for job in itertools.product(*axes.values()))


def _jobs(path: Path) -> tuple[str, ...]:
    """The jobs that jobs.json lists; MammoError where it is damaged."""
    try:
        content = read_json(path)
        jobs = tuple(map(str, content["jobs"]))
        if content["sha256"] != _digest(jobs):
            raise ValueError("another SHA-256")
        return jobs
    except (ValueError, TypeError, KeyError) as error:
        raise MammoError(f"{path} is not a list of jobs: run the sweep's command again to rewrite it") from error


def _digest(jobs: Sequence[str]) -> str:
    """SHA-256 of a list of jobs, as hex."""
    return hashlib.sha256(json.dumps(list(jobs)).encode()).hexdigest()


def _text(path: Path) -> str:
    """The text of a job's file; empty where it is missing, too large or damaged."""
    try:
        return read_text(path, JOB_BYTES).strip()
    except (OSError, ValueError):
        return ""
