"""Use of the machine: the cores that this process may use, its Slurm task, memory that it keeps, its child processes.

os.cpu_count() counts the machine's cores, of which a container or a Slurm job has only some. As many processes as that
in a container of two cores wait for one another and need many times the memory.
"""

import ctypes
import math
import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mammo.records import MammoError

TASKS = re.compile(r"([0-9]+)(?:\(x([0-9]+)\))?")
"""Tasks of a node in Slurm's notation, and of how many nodes: 2(x3) is 2, 2, 2."""

JOB_END_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that Slurm sends to all processes of a job before its end; a command decides what they mean for its children.
"""

CGROUPS = "sys/fs/cgroup"
"""Where control groups are mounted."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), from malloc.h."""


def usable_cores(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> int:
    """The cores that this process may use, at least 1: the least of its affinity, its cgroups' quotas and Slurm's.

    Args:
        root: the folder that holds proc and sys.
        environ: the environment variables.
    """
    return max(1, min([_affinity(), *_quotas(root), *_slurm(environ)]))


def _affinity() -> int:
    """The cores that the scheduler gives this process; those of the machine where the system has no affinity."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def submitit_executor(environ: Mapping[str, str] = os.environ) -> str:
    """The kind of submitit's executor whose job this process is: slurm, or local on one machine; empty in no job."""
    return environ.get("SUBMITIT_EXECUTOR", "")


@dataclass(frozen=True)
class SlurmTask:
    """This process as one of the tasks that an srun has started.

    Attributes:
        number: of the task, from 0 on.
        tasks: how many tasks each node has.
    """

    number: int
    tasks: tuple[int, ...]

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "SlurmTask | None":
        """The task of these environment variables; None in a process that no srun has started."""
        nodes = TASKS.findall(environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
        if not nodes or not environ.get("SLURM_PROCID", "").isdecimal():
            return None
        tasks = tuple(int(count) for count, times in nodes for _ in range(int(times or 1)))
        return cls(int(environ["SLURM_PROCID"]), tasks)

    @property
    def n_tasks(self) -> int:
        """How many tasks there are on all nodes."""
        return sum(self.tasks)


class ReportedError(MammoError):
    """The end of a process of several that run one command together: another one of them reports why.

    The process exits with status 0, so that a launcher that ends all processes as soon as one fails (srun
    --kill-on-bad-exit) leaves the other one the time to report it; the command has the status of that one.
    """


def _slurm(environ: Mapping[str, str]) -> Iterator[int]:
    """Yield the cores of this task of a Slurm job; nothing outside a job.

    Without --cpus-per-task Slurm counts the cores of all tasks of a node together.
    """
    of_task, of_node = (environ.get(name, "") for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"))
    if of_task.isdecimal():
        yield int(of_task)
    elif of_node.isdecimal():
        task = SlurmTask.of(environ)
        yield int(of_node) // (max(task.tasks) if task else 1)


def _quotas(root: Path) -> Iterator[int]:
    """Yield the quota of each control group of this process, versions 1 and 2, in cores rounded up."""
    for folder in _groups(root):
        quota, period = (
            _words(folder / "cpu.max", 2)
            or (
                *_words(folder / "cpu.cfs_quota_us", 1),
                *_words(folder / "cpu.cfs_period_us", 1),
            )
            or ("", "")
        )
        if quota.isdecimal() and period.isdecimal() and int(quota) > 0 and int(period) > 0:
            yield math.ceil(int(quota) / int(period))


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that limit this process's cores, each with all that contain it."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / CGROUPS / controllers
        group = mount / path.strip("/")
        yield from [group, *(parent for parent in group.parents if parent.is_relative_to(mount))]


def _words(path: Path, count: int) -> tuple[str, ...]:
    """The words of a file; none where it does not exist or holds another number of words."""
    try:
        words = tuple(path.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return ()
    return words if len(words) == count else ()


@contextmanager
def without_interrupts(*more: signal.Signals) -> Iterator[None]:
    """Start child processes in the block, which Ctrl-C will not reach.

    A terminal sends it to all processes of a command, and the parent decides what it means for its children. One that
    comes during the block reaches the parent at its end.

    Args:
        more: signals that are not to reach them either, as those of a Slurm job's end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *more})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def keep_memory(block: int, spare: int) -> None:
    """Make this process keep freed memory, if its C library is glibc, which would return it and fault in fresh pages.

    Args:
        block: size in bytes; larger blocks are still returned to the system.
        spare: maximum of unused bytes at the end of the heap.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, block)
        libc.mallopt(M_TRIM_THRESHOLD, spare)
