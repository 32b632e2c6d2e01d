"""Hydra callback of sweeps (hydra.callbacks in conf/train.yaml), the same under every launcher.

A failed job is recorded and the others go on; progress is printed; the exit status says whether all jobs are done. A
job that would start from ImageNet weights that do not exist is left out, with its reason; this is no failure.
"""

import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict, read_write

from mammo.cli.arguments import about_file, is_unusable
from mammo.cli.hydra_errors import WRONG, sentence
from mammo.machine import ReportedError, submitit_executor
from mammo.models.weight_keys import NoWeightsError
from mammo.text import print_text
from mammo.training.slurm_queue import RECORD
from mammo.training.sweep_state import LEFT_OUT, OUTCOMES, Job, State, Sweep, check_experiments

SUBMITIT = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
"""The class that a launcher for Slurm names. Hydra builds launchers of its own package hydra_plugins only, so that ours
takes the place of this one."""

SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""The class of the sweeper of all combinations; with our launcher ours takes its place."""

POLL_S = 2.0
"""Seconds between two looks at the state of the jobs."""

SHOWN: tuple[State, ...] = ("running", "pending", "failed", "left out", "lost", "unknown")
"""States that a line of progress counts, beside done."""


class SweepCallback(Callback):
    """The callback; in a job's own process it only knows the job's folder."""

    def __init__(self) -> None:
        self.progress: SweepProgress | None = None

    def __getstate__(self) -> dict[str, None]:
        return {"progress": None}  # progress is printed by the sweep's process only

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Set the sweep's folder, and start printing progress; on Slurm the launcher does that."""
        try:
            check_experiments(config)
            sweep = Sweep.of(config)
        except WRONG as error:  # Hydra would only warn
            print_text(f"error: {sentence(error)}", file=sys.stderr)
            sys.exit(2)
        except OSError as error:
            print_text(f"error: the sweep's folder cannot be made: {about_file(error)}", file=sys.stderr)
            sys.exit(2)
        with read_write(config), open_dict(config):
            config.hydra.sweep.dir = str(sweep.folder)
            quoted = str(sweep.folder).replace("\\", "\\\\").replace("'", "\\'")
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{quoted}'")  # jobs are composed from overrides
        if config.hydra.launcher._target_ == SUBMITIT:
            from mammo.training.slurm_launcher import SlurmLauncher  # needs the extra slurm
            from mammo.training.slurm_sweeper import SlurmSweeper

            Plugins.instance().class_name_to_class |= {SUBMITIT: SlurmLauncher, SWEEPER: SlurmSweeper}
        self.progress = SweepProgress(sweep)
        if config.hydra.launcher._target_ != SUBMITIT:  # whose launcher begins once all jobs are submitted
            self.begin()

    def begin(self) -> None:
        """Start printing progress, unless that was done."""
        if self.progress is not None and self.progress.ident is None:
            self.progress.start()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Delete the record of the job's previous attempt."""
        if config.hydra.mode == RunMode.MULTIRUN:
            is_submitted = submitit_executor() == "slurm"
            for name in OUTCOMES if is_submitted else (RECORD, *OUTCOMES):
                Path(config.hydra.runtime.output_dir, name).unlink(missing_ok=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:  # noqa: ANN401
        """Record the job's outcome; print a failure and report it to Hydra as completed, so that the sweep goes on."""
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        folder = Path(config.hydra.runtime.output_dir)
        if job_return.status == JobStatus.COMPLETED:
            (folder / "done").touch()
            return
        error = job_return._return_value
        if isinstance(error, ReportedError):
            job_return.status, job_return.return_value = JobStatus.COMPLETED, float("nan")
            return
        is_known = isinstance(error, WRONG) or (isinstance(error, OSError) and is_unusable(error))
        message = sentence(error) if is_known else f"{type(error).__name__}: {error}"
        is_left_out = isinstance(error, NoWeightsError)
        with suppress(OSError):  # on a full disk the message itself says enough
            (folder / (LEFT_OUT if is_left_out else "error.txt")).write_text(message + "\n", encoding="utf-8")
            if not is_known:
                (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
                message += f" (traceback in {folder / 'traceback.txt'})"
        outcome = "is left out" if is_left_out else "failed"
        print_text(f"job {config.hydra.job.num} {outcome}: {message}", file=sys.stderr)
        job_return.status, job_return.return_value = JobStatus.COMPLETED, float("nan")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Print the final state and list the failed jobs; exit status 1 where a job is not done."""
        assert self.progress is not None
        try:
            self.progress.stop()
            jobs = self.progress.sweep.state()
        except OSError as error:
            print_text(f"error: {about_file(error)}", file=sys.stderr)
            sys.exit(2)
        if not jobs:
            print_text(
                "error: the sweep has no job, because a value of it is an empty list: give it a value",
                file=sys.stderr,
            )
            sys.exit(2)
        for number, job in enumerate(jobs):
            if job.state in ("failed", "left out", "lost", "unknown"):
                print_text(f"{job.state}: job {number} ({job.overrides}): {job.error}", file=sys.stderr)
        if not all(job.is_settled for job in jobs):
            print_text(
                "run the same command again for the jobs that are not done; python -m mammo.sweep status lists all"
            )
            sys.exit(1)


class SweepProgress(Thread):
    """Prints on standard error how many jobs are done, running and failed, whenever that changes.

    Args:
        sweep: the sweep to watch.
    """

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(daemon=True)
        self.sweep = sweep
        self.started_at, self.started = time.time(), time.monotonic()
        self.over = Event()
        self.last_line = ""

    def run(self) -> None:
        """Look at the jobs again and again, until stop; a folder that is away for a moment is looked at again."""
        is_away = False
        while not self.over.wait(POLL_S):
            try:
                self._print()
                is_away = False
            except OSError as error:
                if not is_away:
                    reason = error.strerror or type(error).__name__
                    print_text(f"sweep: {self.sweep.folder} is away ({reason}): trying again", file=sys.stderr)
                is_away = True

    def stop(self) -> None:
        """End the thread and print the final state; OSError where the folder cannot be read."""
        self.over.set()
        if self.ident is not None:
            self.join()
        self._print()

    def _print(self) -> None:
        jobs = self.sweep.state()
        states = Counter(job.state for job in jobs)
        line = f"sweep: {states['done']} of {len(jobs)} jobs done"
        line += "".join(f", {states[state]} {state}" for state in SHOWN if states[state])
        if jobs and line != self.last_line:
            self.last_line = line
            print_text(line + self._time_left(jobs), file=sys.stderr)

    def _time_left(self, jobs: list[Job]) -> str:
        """The time left, estimated from the jobs that ran during this sweep."""
        ran = sum(_modified(job) >= self.started_at for job in jobs if job.state == "done")
        left = sum(not job.is_settled for job in jobs)
        elapsed = time.monotonic() - self.started
        return f", about {elapsed / ran * left:.0f} s left" if ran and left else f", {elapsed:.0f} s"


def _modified(job: Job) -> float:
    """When the job's run finished, in seconds since 1970; 0 where it did not."""
    path = job.run / "result.json" if job.run else None
    return path.stat().st_mtime if path and path.is_file() else 0.0
