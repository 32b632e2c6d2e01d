"""Waiting for the Slurm jobs of a sweep, and what becomes of them where the command ends before they do."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mammo.text import print_text
from mammo.training.slurm_queue import QUEUE, SlurmJob, cancel, ranges
from mammo.training.sweep_state import Job, Sweep

GRACE_S = 10.0
"""Time for which the files of a job that has left the queue may still be on their way from its node."""

POLL_S = 1.0
"""Seconds between two looks at what Slurm said last."""


@dataclass
class Watched:
    """The Slurm jobs that the command waits for.

    Attributes:
        mark: of those that it submits.
        jobs: by number, as far as they are known; where a submission fails halfway, Slurm may have others of the mark.
    """

    mark: str
    jobs: dict[int, SlurmJob] = field(default_factory=dict)

    def alive(self) -> list[str]:
        """Slurm's names of those in the queue; of all that are known where Slurm does not answer."""
        queue = QUEUE.look(anew=True)
        known = set(self.jobs.values())
        return sorted(job.id for job in (known if queue is None else queue) if job in known or job.mark == self.mark)


def wait(sweep: Sweep, watched: Watched) -> list[Job]:
    """Wait until none of the jobs is in the queue, and their files have arrived; the state of all.

    Raises:
        OSError: the folder of the sweep cannot be read.
    """
    left, is_silent = set(watched.jobs.values()), False
    queue = QUEUE.look(anew=True)  # the last answer may be older than a job
    while left and (queue is None or left & queue.keys()):
        if queue is None and not is_silent:
            print_text(f"{QUEUE.silence}: its jobs may have ended; waiting until it answers", file=sys.stderr)
        is_silent = queue is None
        time.sleep(POLL_S)
        queue = QUEUE.look()
    end = time.monotonic() + GRACE_S
    while watched.jobs and time.monotonic() < end:
        with suppress(OSError):  # the folder of the sweep is away for a moment
            states = sweep.state()
            if not any(states[number].state == "lost" for number in watched.jobs):
                return states
        time.sleep(POLL_S)
    return sweep.state()


def leave(ids: Sequence[str], may_ask: bool) -> None:
    """Leave jobs in the queue and say how to cancel them, or cancel them at once where a user at a terminal says so.

    Args:
        ids: of Slurm.
        may_ask: whether the command was interrupted, not terminated.
    """
    if not ids:
        return
    names = " ".join(ranges(ids))
    if (
        may_ask
        and sys.stdin.isatty()
        and sys.stderr.isatty()
        and _is_confirmed(f"cancel {len(ids)} Slurm jobs, {names}")
    ):
        if cancel(ids):
            print_text(f"cancelled: {names}", file=sys.stderr)
            return
        print_text("scancel does not answer", file=sys.stderr)
    print_text(what_goes_on(ids), file=sys.stderr)


def what_goes_on(ids: Sequence[str], are_recorded: bool = True) -> str:
    """What becomes of jobs when the command ends.

    Args:
        ids: of Slurm.
        are_recorded: whether the same command is certain to find them in the sweep's folder.
    """
    if not ids:
        return "no Slurm job of the sweep is in the queue"
    text = f"{len(ids)} Slurm jobs {'may still run' if QUEUE.jobs is None else 'go on'}"
    if not are_recorded:
        return f"{text}, and the same command may submit them again: cancel them first: scancel {' '.join(ranges(ids))}"
    return f"{text}, and the same command waits for them again; this cancels them: scancel {' '.join(ranges(ids))}"


def _is_confirmed(question: str) -> bool:
    print_text(f"{question}? [y/N]", file=sys.stderr)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except SystemExit:  # Ctrl-C once more
        return False
