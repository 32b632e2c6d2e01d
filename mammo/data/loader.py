"""Loader that reads batches ahead in a few threads, in order, into reused memory.

A batch depends only on its rows, so the batches are the same for any number of threads. Threads are enough because
copying, decompressing and resampling all release the interpreter lock. Processes that train together have the same
batches, too: each reads its part of every batch.
"""

import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from mammo.data.dataset import PlanDataset
from mammo.data.read_ahead import read_ahead
from mammo.records import Batch, MammoError, Pixels

NAMED = 3
"""Images that a message names."""

Rows = TypeVar("Rows", range, Tensor)


def dealt(rows: Rows, rank: int, n_processes: int) -> Rows:
    """The rows [B] of a whole batch that fall to one of the processes that train together, dealt in turn."""
    return rows[rank::n_processes]


class Loader:
    """The batches of a plan; every pass gives the same ones.

    In training with several processes each reads its part of every batch. The batch also has the column whole_target,
    the targets of all its rows in all processes. A process to which no row of a short last batch falls repeats the
    batch's first row, because every process must compute a gradient in every step.

    Its state is the number of batches given in the current pass, so that training interrupted within an epoch resumes
    with the remaining batches.

    Args:
        dataset: the plan and the sources of its columns.
        batch_size: rows of a batch in all processes together; the last batch can be shorter.
        threads: number of threads that read ahead; 0 reads each batch when it is requested.
        keep_bytes: memory for batches that are kept for the next passes.
        timeout_s: longest time that a thread may take for a batch.
        rank: number of this process.
        n_processes: number of processes that train together.

    Raises:
        MammoError: batch_size or threads is too small.
    """

    def __init__(
        self,
        dataset: PlanDataset,
        batch_size: int,
        threads: int = 0,
        keep_bytes: float = 0,
        timeout_s: float = 60.0,
        rank: int = 0,
        n_processes: int = 1,
    ) -> None:
        if threads < 0:
            raise MammoError(f"workers must be >= 0, got {threads}")
        if batch_size < 1:
            raise MammoError(f"batch_size must be >= 1, got {batch_size}")
        self.dataset, self.batch_size, self.threads, self.timeout_s = dataset, batch_size, threads, timeout_s
        self.rank, self.n_processes = rank, n_processes
        self._keep_bytes_left, self._given, self._first = keep_bytes, 0, 0
        self._kept: dict[int, Batch] = {}
        self._memory = PixelPool(pinned=torch.cuda.is_available())

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def image_ids(self, number: int) -> list[str]:
        """The image of each row of a whole batch, by the batch's number."""
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        return [self.dataset.reader.ids[row] for row in self.dataset.images[rows]]

    def state_dict(self) -> dict[str, int]:
        """Number of batches given in this pass, as Lightning stores it in a checkpoint."""
        return {"given": self._given}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Start the next pass, and only that one, after the batches that were given before."""
        self._first = state["given"]

    def __iter__(self) -> Iterator[Batch]:
        self._given, self._first = self._first, 0
        for batch in self._batches(self._given):
            self._given += 1
            yield batch

    def _batches(self, first: int) -> Iterator[Batch]:
        """Batches from number first on, read in this thread or ahead by others."""
        numbers = range(first, len(self))
        if self.threads == 0:
            return map(self._batch, numbers)
        return read_ahead(self._batch, numbers, self.threads, self.timeout_s, self.named)

    def named(self, number: int) -> str:
        """A batch by its number and images, for messages."""
        names = list(dict.fromkeys(self.image_ids(number)))
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return f"batch {number + 1} (images {', '.join(names[:NAMED])}{more})"

    def _batch(self, number: int) -> Batch:
        if number in self._kept:
            return self._kept[number]
        try:
            batch = self._read(range(len(self.dataset))[number * self.batch_size :][: self.batch_size])
        except MammoError:
            raise
        except Exception as error:
            raise MammoError(f"{self.named(number)}: {type(error).__name__}: {error}") from error
        size = sum(column.nbytes for column in batch.values())
        if size <= self._keep_bytes_left:
            self._keep_bytes_left -= size
            self._kept[number] = batch
        return batch

    def _read(self, rows: range) -> Batch:
        """This process's part of a whole batch of these rows."""
        batch = self.dataset.batch(dealt(rows, self.rank, self.n_processes) or rows[:1], self._memory)
        if self.n_processes > 1:
            batch["whole_target"] = torch.from_numpy(self.dataset.targets[rows.start : rows.stop].copy())
        return batch


class PixelPool:
    """Pool of pixel arrays that are reused once they are garbage-collected; new memory costs a page fault per 4 KB.

    Args:
        pinned: whether to allocate page-locked memory for copies to a GPU. Torch then pools it itself and reuses no
            array before a pending copy has finished.
    """

    def __init__(self, pinned: bool = False) -> None:
        self.pinned = pinned
        self._free: dict[int, deque[Pixels]] = {}

    def allocate(self, *shape: int) -> Pixels:
        """An uninitialized uint16 array [*shape]; it returns to the pool when no array or tensor uses its memory."""
        if self.pinned:
            pixels: Pixels = torch.empty(shape, dtype=torch.uint16, pin_memory=True).numpy()
            return pixels
        free = self._free.setdefault(int(np.prod(shape)), deque())
        try:
            buffer = free.pop()
        except IndexError:
            buffer = np.empty(int(np.prod(shape)), np.uint16)
        array = buffer.reshape(shape)
        weakref.finalize(array, free.append, buffer)
        return array
