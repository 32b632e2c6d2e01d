"""Batches in order, read ahead by a few threads into memory that is used again.

What a batch holds depends on its rows alone, never on who reads it: the batches are the same for any number of threads.
Threads suffice, because copying, decompressing and resampling all leave the interpreter's lock.
"""

import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.data.dataset import PlanDataset
from mammo.records import Batch, MammoError


class Loader:
    """The batches of a plan; every pass over it gives the same ones.

    It tells how many batches the pass has given, and can begin a pass after so many: training that was interrupted
    within an epoch goes on with the batches that were left.

    Args:
        dataset: the plan and where its columns come from.
        batch_size: rows of a batch; the last one may be shorter.
        threads: how many read ahead; 0 reads when a batch is asked for.
        keep_bytes: memory for batches that are read once and kept for the next passes.
    """

    def __init__(self, dataset: PlanDataset, batch_size: int, threads: int = 0, keep_bytes: float = 0) -> None:
        if threads < 0 or batch_size < 1:
            raise MammoError(f"workers={threads} must be at least 0 and batch_size={batch_size} at least 1")
        self.dataset, self.batch_size, self.threads = dataset, batch_size, threads
        self._left, self._given, self._first = keep_bytes, 0, 0
        self._kept: dict[int, Batch] = {}
        self._memory = Memory(pinned=torch.cuda.is_available())

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def state_dict(self) -> dict[str, int]:
        """How many batches of this pass were given, as Lightning keeps it in a checkpoint."""
        return {"given": self._given}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass, and only this, begin after the batches that were given."""
        self._first = state["given"]

    def __iter__(self) -> Iterator[Batch]:
        self._given, self._first = self._first, 0
        for batch in self._batches(self._given):
            self._given += 1
            yield batch

    def _batches(self, first: int) -> Iterator[Batch]:
        """From the first on, read in this thread or ahead by others."""
        numbers = range(first, len(self))
        if self.threads == 0:
            yield from map(self._batch, numbers)
            return
        with ThreadPoolExecutor(self.threads, "batches") as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for number in numbers:
                    waiting.append(pool.submit(self._batch, number))
                    if len(waiting) > self.threads + 1:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _batch(self, number: int) -> Batch:
        if number in self._kept:
            return self._kept[number]
        start = number * self.batch_size
        batch = self.dataset.batch(range(start, min(start + self.batch_size, len(self.dataset))), self._memory)
        size = sum(column.nbytes for column in batch.values())
        if size <= self._left:
            self._left -= size
            self._kept[number] = batch
        return batch


class Memory:
    """Arrays for pixels that return when nobody holds them any more: fresh memory costs a page fault every 4 KB.

    Args:
        pinned: whether GPUs copy from them; torch then hands out and takes back page-locked memory itself, which it
            does not do before a copy that is under way has ended.
    """

    def __init__(self, pinned: bool = False) -> None:
        self.pinned = pinned
        self._free: dict[int, deque[NDArray[np.uint16]]] = {}

    def take(self, *shape: int) -> NDArray[np.uint16]:
        """An array [shape] of any content; it returns when it and every tensor that shares it are gone."""
        if self.pinned:
            pixels: NDArray[np.uint16] = torch.empty(shape, dtype=torch.uint16, pin_memory=True).numpy()
            return pixels
        free = self._free.setdefault(int(np.prod(shape)), deque())
        try:
            whole = free.pop()
        except IndexError:
            whole = np.empty(int(np.prod(shape)), np.uint16)
        lent = whole.reshape(shape)
        weakref.finalize(lent, free.append, whole)
        return lent
