"""The launcher of sweeps on Slurm: submits only the jobs that are neither done nor in the queue, and waits for all.

It is submitit's launcher with a memory: each job folder of the sweep records the Slurm job that it was submitted as, so
that the same command, given again, finds it. The command waits until none of them is in Slurm's queue; what became of
each is read from its folder (sweep_state).
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import submitit
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as SubmititLauncher
from omegaconf import DictConfig, OmegaConf
from submitit.core.utils import FailedJobError

from mammo.cli.arguments import about_file
from mammo.io import file_lock
from mammo.machine import SlurmTask
from mammo.models.weight_keys import NoWeightsError
from mammo.records import MammoError
from mammo.text import print_text
from mammo.training.job_configs import JobConfigs
from mammo.training.results import finished_run
from mammo.training.slurm_queue import QUEUE, SlurmJob, is_installed, max_array_size, new_mark, ranges
from mammo.training.slurm_watch import Watched, leave, wait, what_goes_on
from mammo.training.sweep_callback import SweepCallback
from mammo.training.sweep_state import LEFT_OUT, Job, Sweep, without_locations
from mammo.training.train_config import check_pretrained

KILL = "--kill-on-bad-exit"
"""Option of srun: where one of several processes fails, Slurm ends the others, which may wait for it forever."""

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that end the command (mammo.cli.commands)."""

Jobs = Mapping[int, list[str]]
"""The overrides of jobs, by number."""


class SlurmLauncher(SubmititLauncher):  # type: ignore[misc]
    """The launcher; pickled into each job, which calls it."""

    def __call__(self, *arguments: Any) -> JobReturn:  # noqa: ANN401  (submitit's)
        """Run one job, in the job; exit with status 1 where it failed, so that it is FAILED for Slurm, too."""
        job: JobReturn = super().__call__(*arguments)
        assert job.hydra_cfg is not None
        folder = Path(job.hydra_cfg.hydra.runtime.output_dir)
        task = SlurmTask.of()
        is_quiet = task is not None and task.number > 0  # the first process says how the job has ended
        is_settled = is_quiet or (folder / "done").is_file() or (folder / LEFT_OUT).is_file()
        if not is_settled or (folder / "error.txt").is_file():  # of several processes each writes its own end
            sys.exit(1)  # an error would be printed once more by submitit, with its traceback
        return job

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Submit the jobs that are neither done nor in the queue, and wait until none of them is in the queue.

        Raises:
            MammoError: there is something to submit, and there is no Slurm, or it does not answer or rejects a job, or
                it is not known as which Slurm job it was submitted before; or the sweep's folder cannot be used.
            SystemExit: on a signal; jobs in the queue stay there, unless a user at a terminal asks to cancel them.
        """
        sweep = Sweep.at(Path(self.config.hydra.sweep.dir))
        jobs = {number: list(overrides) for number, overrides in enumerate(job_overrides, initial_job_idx)}
        watched = Watched(new_mark())
        try:
            with file_lock(sweep.folder / "submit.lock", sweep.folder.name):
                self._complete_queue(sweep, jobs, watched)
            self._start_progress()
            states = wait(sweep, watched)
        except SystemExit as end:
            leave(watched.alive(), end.code == 128 + signal.SIGINT)
            raise
        except OSError as error:
            raise MammoError(f"{about_file(error)}; {what_goes_on(watched.alive(), are_recorded=False)}") from error
        return [_returned(overrides, states[number]) for number, overrides in jobs.items()]

    def _start_progress(self) -> None:
        """Print progress from now on: before, jobs that are to be submitted anew would count as done."""
        for each in self.hydra_context.callbacks.callbacks:
            if isinstance(each, SweepCallback):
                each.begin()

    def _complete_queue(self, sweep: Sweep, jobs: Jobs, watched: Watched) -> None:
        """Submit the jobs that are neither done nor in the queue; all that are in it then are watched."""
        found, known = _in_queue(sweep, jobs), dict(enumerate(sweep.state()))
        queued = found or {}
        watched.jobs |= queued
        idle = {number: overrides for number, overrides in jobs.items() if number not in queued}
        configs = JobConfigs(self.hydra_context.config_loader, self.config)
        composed = {number: configs.of(overrides) for number, overrides in idle.items()}  # all, before one is submitted
        name = self.config.hydra.job.config_name
        rest = {n: each for n, each in idle.items() if n not in known or not _is_settled(known[n], composed[n], name)}
        if rest:
            _check(sweep, rest, is_silent=found is None)
        ids = self._submit(sweep, rest, watched) if rest else []
        names = f" ({' '.join(ranges(ids))})" if ids else ""
        text = f"sweep {sweep.folder.name}: {len(rest)} submitted to Slurm{names}, {len(queued)} in its queue already"
        print_text(f"{text}, {len(idle) - len(rest)} done", file=sys.stderr)

    def _submit(self, sweep: Sweep, jobs: Jobs, watched: Watched) -> list[str]:
        """Submit jobs, in as few job arrays as the cluster allows, and record each; their Slurm ids."""
        size = max_array_size()
        parts = [list(jobs)[start : start + size] for start in range(0, len(jobs), size)]
        executor = self._executor(len(parts), watched.mark)
        state, ids = Singleton.get_state(), list[str]()
        for part in parts:
            calls = [(jobs[number], "hydra.sweep.dir", number, str(number), state) for number in part]
            sweep.forget(part)
            try:
                with _uninterrupted():
                    submitted = executor.map_array(self, *zip(*calls, strict=True))
                    new = {n: SlurmJob(each.job_id, watched.mark) for n, each in zip(part, submitted, strict=True)}
                    watched.jobs |= new  # all, before a full disk keeps the first from being recorded
                    for number, job in new.items():
                        sweep.record(number, job, jobs[number])
                        ids.append(job.id)
            except FailedJobError as error:
                raise MammoError(_rejection(str(error), len(jobs) - len(ids))) from error
        return ids

    def _executor(self, n_arrays: int, mark: str) -> submitit.AutoExecutor:
        """Submitit's executor with the launcher's settings; arrays that run side by side share array_parallelism."""
        settings = {**self.params, "name": f"{self.params['name']}-{mark}"}
        folder, most = settings.pop("submitit_folder"), settings.pop("max_num_timeout")
        settings["array_parallelism"] = max(settings["array_parallelism"] // n_arrays, 1)
        shared = {str(key) for key in OmegaConf.structured(BaseQueueConf)}
        executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=most)
        executor.update_parameters(slurm_srun_args=[KILL])
        executor.update_parameters(
            **{key if key in shared else f"slurm_{key}": value for key, value in settings.items()}
        )
        return executor


def _is_settled(job: Job, cfg: DictConfig, command: str) -> bool:
    """Whether nothing is left to do for a job: its run is finished, and still the one that its configuration asks for.

    A job of mammo.precompute does not say what it has read, so that it is run again.
    """
    if not job.is_settled:
        return False
    if job.run is None and job.state == "done":
        from mammo.ingestion.shard_request import is_ingested  # heavy, and for ingest only

        return command == "ingest" and is_ingested(cfg)
    try:
        check_pretrained(cfg)
        run = finished_run(job.run) if job.run else None
        from mammo.training.request import is_finished  # heavy: torch and Lightning

        return run is not None and is_finished(cfg, run)
    except NoWeightsError:
        return True  # it is left out
    except MammoError:
        return False  # the job itself says so


def _in_queue(sweep: Sweep, jobs: Jobs) -> dict[int, SlurmJob] | None:
    """The jobs that run or pend, with the same overrides, by number; None where Slurm does not say."""
    known = {}
    for number, overrides in jobs.items():
        with suppress(MammoError):  # a damaged record: _check says so where the job is not done
            recorded = sweep.recorded(number)
            if recorded and recorded[1] == without_locations(overrides):
                known[number] = recorded[0]
    queue = QUEUE.look(anew=True) if known else {}
    return None if queue is None else {number: job for number, job in known.items() if job in queue}


def _returned(overrides: list[str], job: Job) -> JobReturn:
    """What a job returns to a sweeper: its validation AUC, NaN without one."""
    value = float("nan") if job.val_auc is None else job.val_auc
    return JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=value)


def _check(sweep: Sweep, jobs: Jobs, is_silent: bool) -> None:
    """MammoError where jobs cannot be submitted here, or may be in the queue already.

    Args:
        sweep: of the jobs.
        jobs: that are to be submitted.
        is_silent: whether Slurm did not say which of them are in its queue.
    """
    if not is_installed():
        raise MammoError(
            "this machine has no sbatch, which submits jobs to Slurm: start the command on a login node, or leave "
            "hydra/launcher= out to run the jobs here"
        )
    for number in jobs:
        sweep.recorded(number)
    if is_silent or QUEUE.look() is None:
        raise MammoError("squeue does not answer on this machine, so that Slurm takes no jobs: give the command later")


def _rejection(message: str, n_jobs: int) -> str:
    """What is wrong where sbatch fails, from what it printed."""
    reason = " ".join(message.replace("sbatch: error: ", "").split())
    return (
        f"sbatch rejects a job ({reason}): correct the settings hydra.launcher.*, or, where the limit is the number of "
        f"jobs, of which there are {n_jobs} to submit, give the command again when those in the queue have ended"
    )


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Handle signals that end the command after the block: between sbatch and the record of its job they lose the job.

    Child processes are started with these signals blocked, as Ctrl-C reaches them, too.
    """
    received: list[int] = []
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    for signum in ENDING:
        signal.signal(signum, lambda number, _: received.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for signum, handler in before.items():
            signal.signal(signum, handler)
        for number in received[:1]:
            os.kill(os.getpid(), number)
