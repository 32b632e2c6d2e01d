"""The processes of one training that Slurm starts at the same time: before training they wait, and leave, together.

Each prepares the training by itself. What fails in one of them ends all, and the first one says why; what the first one
finds, such as a run that is done already, holds for all. In training itself Lightning's process group joins them.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import Store, TCPStore
from torch.distributed import DistError, DistNetworkError

from mammo.machine import ReportedError, SlurmTask
from mammo.records import MammoError

JOIN = timedelta(minutes=5)
"""Longest time from the start of one process to that of another, which may have to import the libraries first."""

LEAVE_S = 30.0
"""How long the first process waits for the others to learn why all end."""

POLL_S = 0.1


def cluster_environments(environ: Mapping[str, str] = os.environ) -> Sequence[ClusterEnvironment]:
    """The plugin that a trainer needs inside a Slurm job: Slurm's processes, without Lightning's requeueing.

    A process that is alone gets Lightning's own, which does not advise to start it with srun. None outside a job.
    """
    if "SLURM_JOB_ID" not in environ:
        return []
    task = SlurmTask.of(environ)
    is_one_of_several = task is not None and task.n_tasks > 1
    return [SLURMEnvironment(auto_requeue=False) if is_one_of_several else LightningEnvironment()]


@dataclass
class Processes:
    """The processes of a training.

    Attributes:
        rank: number of this one.
        count: how many there are.
        store: words that the processes exchange; None where this process need not wait for others.
    """

    rank: int = 0
    count: int = 1
    store: Store | None = None
    _steps: int = field(default=0, init=False)

    @classmethod
    def of_task(cls) -> "Processes":
        """Those of this Slurm task; this process alone, where no srun has started several.

        Raises:
            MammoError: the first process cannot be reached, or its port is in use.
        """
        task = SlurmTask.of()
        if task is None or task.n_tasks == 1:
            return cls()
        place = SLURMEnvironment(auto_requeue=False)
        host, port = place.main_address, place.main_port
        try:
            store = TCPStore(  # shares its server with Lightning's process group, which has the same address
                host, port, None, task.number == 0, JOIN, wait_for_workers=False, multi_tenant=True
            )
        except DistNetworkError as error:
            raise MammoError(
                f"the {task.n_tasks} processes of this training cannot meet at {host}:{port} "
                f"({_first_line(error)}): set another MASTER_PORT, or MASTER_ADDR, in the job"
            ) from error
        return cls(task.number, task.n_tasks, store)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Do a part of the preparation, and wait for the others: where it fails in one process, all end.

        Raises:
            ReportedError: it has failed in another process, or with a MammoError in this one, which is not the first.
            MammoError: this is the first process, and the part has failed in another one.
        """
        if self.store is None:
            yield
            return
        self._steps += 1
        try:
            yield
        except BaseException as error:
            self._agree(self.store, str(error) if isinstance(error, MammoError) else f"{type(error).__name__}: {error}")
            if self.rank and isinstance(error, MammoError):
                raise ReportedError(str(error)) from error
            raise
        if reason := self._agree(self.store, ""):
            raise ReportedError(reason) if self.rank else MammoError(reason)

    def shared(self, value: bool) -> bool:
        """The value that the first process has."""
        if self.store is None:
            return value
        self._steps += 1
        if self.rank == 0:
            self.store.set(self._key("shared"), str(int(value)))
        return bool(int(_read(self.store, self._key("shared"))))

    def _agree(self, store: Store, reason: str) -> str:
        """Why all end, by the lowest rank that has a reason to; empty where none has."""
        store.set(self._key(self.rank), reason)
        if self.rank:
            found = _read(store, self._key("all"))
            store.set(self._key(f"left {self.rank}"), "")
            return found
        found = reason or self._reason_of_others(store)
        store.set(self._key("all"), found)
        if found:
            self._see_off(store)
        return found

    def _reason_of_others(self, store: Store) -> str:
        """Why another process than this first one ends; empty where each has done its part."""
        others = range(1, self.count)
        try:
            store.wait([self._key(rank) for rank in others], JOIN)
        except DistError:
            return f"not all of the {self.count} processes of this training have come within {JOIN}"
        reasons = {rank: _read(store, self._key(rank)) for rank in others}
        return next((f"process {rank} of this training: {text}" for rank, text in reasons.items() if text), "")

    def _see_off(self, store: Store) -> None:
        """Wait until the others know that all end: the store ends with this process."""
        end = time.monotonic() + LEAVE_S
        left = [self._key(f"left {rank}") for rank in range(1, self.count)]
        while not store.check(left) and time.monotonic() < end:
            time.sleep(POLL_S)

    def _key(self, name: object) -> str:
        return f"mammo {self._steps} {name}"


def _read(store: Store, key: str) -> str:
    """A word of another process, however long it takes: the first may wait for a run's lock.

    Raises:
        ReportedError: the first process has ended.
    """
    try:
        while not store.check([key]):
            time.sleep(POLL_S)
        return store.get(key).decode()
    except DistNetworkError:
        raise ReportedError("the first process of this training has ended") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
