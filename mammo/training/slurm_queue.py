"""The jobs of sweeps on Slurm: which of them run or pend, how others ended, and the Slurm job of each job folder.

squeue answers which jobs run or pend; sacct, where the cluster has accounting, answers how others ended. Without
accounting a job that has left the queue has ended. Slurm uses the numbers of jobs again, and another cluster on the
same file system has the same ones, so that each job of ours is also known by a mark at the end of its name.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from mammo.io import atomic_write, make_folder
from mammo.limits import parse_json, read_text
from mammo.records import MammoError

RECORD = "slurm.json"
"""The file of a job folder that says which Slurm job it was submitted as, and with which overrides."""

RECORD_BYTES = 1 << 16
"""Largest such file."""

JOB_ID = re.compile(r"[0-9]{1,12}(_[0-9]{1,9})?")
"""Slurm's name of a job, or of a task of a job array."""

MARK = re.compile(r"[0-9a-f]{8}")
"""What the names of the jobs that one command submits end with, after a hyphen."""

QUEUE_EVERY_S = 5.0
"""Least time from one question to Slurm to the next: its controller serves a whole cluster."""

ANSWER_S = 30.0
"""Time after which a program of Slurm is given up; it then counts as not answering."""

PENDING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT")
"""Slurm's states of jobs that are in the queue and do not run."""

MAX_ARRAY = 1001
"""Slurm's own MaxArraySize: the tasks of an array at most."""


class SlurmJob(NamedTuple):
    """A job, or a task of a job array, that no other job of this or another cluster is taken for.

    Attributes:
        id: Slurm's name of it, as in 12_3.
        mark: the end of its job name.
    """

    id: str
    mark: str


@dataclass(frozen=True)
class Queued:
    """A job in Slurm's queue.

    Attributes:
        state: Slurm's, such as PENDING or RUNNING.
        reason: why it pends, in Slurm's word.
    """

    state: str
    reason: str

    @property
    def is_pending(self) -> bool:
        """Whether it does not run yet."""
        return self.state in PENDING


@dataclass
class Queue:
    """What Slurm said last; it is asked again after QUEUE_EVERY_S.

    Attributes:
        asked: when it was asked, in seconds of time.monotonic.
        jobs: the user's jobs that pend or run, array tasks apart; None where squeue does not answer.
        silence: why it does not.
        ends: how jobs ended, as far as it was asked.
    """

    asked: float = float("-inf")
    jobs: Mapping[SlurmJob, Queued] | None = None
    silence: str = ""
    ends: dict[SlurmJob, str] = field(default_factory=dict)

    def look(self, anew: bool = False) -> Mapping[SlurmJob, Queued] | None:
        """The jobs that pend or run.

        Args:
            anew: whether to ask even if the last answer is fresh.
        """
        if anew or time.monotonic() - self.asked >= QUEUE_EVERY_S:
            words = ("--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T|%r|%j")
            printed, self.silence = _answer("squeue", *words)
            self.jobs = None if printed is None else parse_queue(printed)
            self.asked = time.monotonic()
        return self.jobs

    def ended(self, jobs: Collection[SlurmJob]) -> Mapping[SlurmJob, str]:
        """How jobs ended, in Slurm's word such as OUT_OF_MEMORY; those that sacct does not know are left out."""
        if unknown := sorted({job.id for job in set(jobs) - self.ends.keys()}):
            printed, _ = _answer("sacct", "-nPX", "-o", "JobID,State,JobName", "-j", ",".join(unknown))
            self.ends |= parse_ends(printed or "")
        return self.ends


QUEUE = Queue()
"""The queue, as all of this process see it."""


def new_mark() -> str:
    """A mark for the names of the jobs that a command submits."""
    return uuid4().hex[:8]


def parse_queue(printed: str) -> dict[SlurmJob, Queued]:
    """The jobs in what squeue prints: a line of id, state, reason and name for each."""
    rows = [line.split("|", 3) for line in printed.splitlines()]
    return {_named(row[0], row[3]): Queued(row[1], row[2]) for row in rows if len(row) == 4}


def parse_ends(printed: str) -> dict[SlurmJob, str]:
    """States in what sacct prints, a line of id, state and name for each; those of jobs that may go on are left out."""
    rows = [line.split("|", 2) for line in printed.splitlines()]
    going = (*PENDING, "RUNNING", "COMPLETING", "SUSPENDED")
    return {
        _named(row[0], row[2]): word for row in rows if len(row) == 3 and (word := row[1].split(" ")[0]) not in going
    }


def _named(slurm_id: str, name: str) -> SlurmJob:
    return SlurmJob(slurm_id, name.rpartition("-")[2])


def max_array_size() -> int:
    """How many tasks a job array of this cluster has at most."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _answer("scontrol", "show", "config")[0] or "", re.MULTILINE)
    return max(int(found[1]), 1) if found else MAX_ARRAY


def cancel(ids: Sequence[str]) -> bool:
    """Cancel jobs; whether Slurm has taken the request."""
    return _answer("scancel", *ids)[0] is not None


def is_installed() -> bool:
    """Whether this machine has the programs of Slurm."""
    return shutil.which("sbatch") is not None


def ranges(ids: Sequence[str]) -> list[str]:
    """Names of jobs that scancel and sbatch --dependency read, the tasks of an array together, as in 12_[0-3,5]."""
    tasks: dict[str, list[int]] = {}
    for array, _, task in (each.partition("_") for each in ids):
        tasks.setdefault(array, []).extend([int(task)] if task else [])
    return [f"{array}_[{_spans(sorted(numbers))}]" if numbers else array for array, numbers in tasks.items()]


def _spans(numbers: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)


def write_record(folder: Path, job: SlurmJob, overrides: Sequence[str]) -> None:
    """Record with a job's folder that it was submitted, in place of what was recorded of an earlier attempt."""
    make_folder(folder)
    with atomic_write(folder / RECORD) as written:
        content = {**job._asdict(), "overrides": list(overrides)}
        written.write_text(json.dumps(content) + "\n", encoding="utf-8")


def read_record(folder: Path) -> tuple[SlurmJob, list[str]] | None:
    """The Slurm job of a job's folder and the overrides that it was submitted with; None where it was not submitted.

    Raises:
        MammoError: the record is damaged, so that the job may be in the queue under an unknown number.
    """
    path = folder / RECORD
    try:
        content = parse_json(read_text(path, RECORD_BYTES))
        job, overrides = SlurmJob(content["id"], content["mark"]), [str(each) for each in content["overrides"]]
        if JOB_ID.fullmatch(job.id) and MARK.fullmatch(job.mark):
            return job, overrides
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise MammoError(
        f"{path} does not say which Slurm job job {folder.name} was submitted as: cancel that job where squeue still "
        f"lists it (it is one of the numbers in {folder.parent / '.submitit'}), delete the file, and give the sweep's "
        "command again"
    )


def log_files(sweep: Path, job_id: str) -> tuple[Path, Path]:
    """The files of a job's standard output and standard error in the folder of its sweep, as submitit names them."""
    folder = sweep / ".submitit" / job_id
    return folder / f"{job_id}_0_log.out", folder / f"{job_id}_0_log.err"


def _answer(*words: str) -> tuple[str | None, str]:
    """What a program of Slurm prints; None, and why, where it is missing, fails or does not answer."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        return None, f"Slurm does not answer: {words[0]} takes longer than {ANSWER_S:.0f} s"
    except OSError:
        return None, f"{words[0]} is not on this machine"
    if done.returncode:
        return None, f"Slurm does not answer: {' '.join(done.stderr.split()) or f'{words[0]} fails'}"
    return done.stdout, ""
