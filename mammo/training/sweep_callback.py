"""What a sweep does around its jobs, under any launcher (hydra.callbacks in conf/train.yaml).

A job that fails is noted and the others go on; progress is told; at the end the exit status tells whether all is done.
"""

import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict, read_write

from mammo.cli.hydra_errors import WRONG, sentence
from mammo.training.sweep_state import Job, Sweep, check_experiments

POLL_S = 2.0
"""How soon a finished job is told of."""


class SweepCallback(Callback):
    """Hydra's callback; in the process of a job it knows nothing but the job's folder."""

    def __init__(self) -> None:
        self.progress: SweepProgress | None = None

    def __getstate__(self) -> dict[str, None]:
        return {"progress": None}  # a job's process watches nothing

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Give the sweep its folder, and begin to tell how far it is."""
        try:
            check_experiments(config)
            sweep = Sweep.of(config)
        except WRONG as error:  # Hydra would only warn of it
            print(f"error: {sentence(error)}", file=sys.stderr)
            sys.exit(2)
        except OSError as error:
            print(f"error: the sweep's folder below root={config.root} cannot be made ({error})", file=sys.stderr)
            sys.exit(2)
        with read_write(config), open_dict(config):
            config.hydra.sweep.dir = str(sweep.folder)
            quoted = str(sweep.folder).replace("\\", "\\\\").replace("'", "\\'")
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{quoted}'")  # what a job is composed from
        self.progress = SweepProgress(sweep)
        self.progress.start()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Forget what became of the job the last time."""
        if config.hydra.mode == RunMode.MULTIRUN:
            for name in ("error.txt", "done"):
                Path(config.hydra.runtime.output_dir, name).unlink(missing_ok=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:  # noqa: ANN401
        """Note what became of the job; a failure is told here, so that the sweep goes on."""
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        folder = Path(config.hydra.runtime.output_dir)
        if job_return.status == JobStatus.COMPLETED:
            (folder / "done").touch()
            return
        error = job_return._return_value
        told = sentence(error) if isinstance(error, WRONG) else f"{type(error).__name__}: {error}"
        (folder / "error.txt").write_text(told + "\n", encoding="utf-8")
        if not isinstance(error, WRONG):
            (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            told += f" (traceback in {folder / 'traceback.txt'})"
        print(f"job {config.hydra.job.num} failed: {told}", file=sys.stderr, flush=True)
        job_return.status, job_return.return_value = JobStatus.COMPLETED, float("nan")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Tell what is done and list what failed; exit status 1 where anything did."""
        assert self.progress is not None
        self.progress.stop()
        jobs = self.progress.sweep.state()
        if not jobs:
            print(
                "error: a value of the sweep is an empty list, so that there is no job: give it a value",
                file=sys.stderr,
            )
            sys.exit(2)
        for number, job in enumerate(jobs):
            if job.state == "failed":
                print(f"failed: job {number} ({job.words}): {job.error}", file=sys.stderr)
        if any(job.state != "done" for job in jobs):
            print("the same command runs again what is not done; python -m mammo.sweep status shows all", flush=True)
            sys.exit(1)


class SweepProgress(Thread):
    """Tells on standard error how many jobs are done, running, failed and left, whenever that changes.

    Args:
        sweep: the sweep to watch.
    """

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(daemon=True)
        self.sweep = sweep
        self.begun, self.started = time.time(), time.monotonic()
        self.over = Event()
        self.told = ""

    def run(self) -> None:
        """Look again and again, until stop."""
        while not self.over.wait(POLL_S):
            self._tell()

    def stop(self) -> None:
        """Tell how it ended."""
        self.over.set()
        self.join()
        self._tell()

    def _tell(self) -> None:
        jobs = self.sweep.state()
        states = Counter(job.state for job in jobs)
        told = f"sweep: {states['done']} of {len(jobs)} jobs done"
        told += "".join(f", {states[state]} {state}" for state in ("running", "failed") if states[state])
        if jobs and told != self.told:
            self.told = told
            print(told + self._left(jobs), file=sys.stderr, flush=True)

    def _left(self, jobs: list[Job]) -> str:
        """The time expected for what is left, from the jobs that were really run here."""
        ran = sum(_modified(job) >= self.begun for job in jobs if job.state == "done")
        left = sum(job.state != "done" for job in jobs)
        elapsed = time.monotonic() - self.started
        return f", about {elapsed / ran * left:.0f} s left" if ran and left else f", {elapsed:.0f} s"


def _modified(job: Job) -> float:
    """When the job's run was finished, in seconds since 1970; 0 where it has none."""
    path = job.run / "result.json" if job.run else None
    return path.stat().st_mtime if path and path.is_file() else 0.0
