"""Results that a few threads compute ahead, in order, with an end to waiting for one that does not come."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from mammo.records import MammoError

Result = TypeVar("Result")

JOIN_S = 1.0
"""How long the end waits for a thread, which is seldom in the middle of a result."""

Tasks = SimpleQueue[tuple[int, Future[Result]] | None]
"""Numbers to compute, and where each result goes; None ends a thread."""


def read_ahead(
    read: Callable[[int], Result], numbers: Sequence[int], threads: int, timeout_s: float, named: Callable[[int], str]
) -> Iterator[Result]:
    """Yield read(number) of each number, in order, computed by threads ahead of their use.

    A thread that hangs, as on a network drive that answers no more, does not keep the process from ending.

    Args:
        read: called with a number, in any of the threads.
        numbers: the numbers.
        threads: how many threads, at least 1; two more results than that are computed ahead.
        timeout_s: longest time to wait for one result.
        named: what a number stands for, for messages.

    Raises:
        MammoError: a result took too long. What `read` raises is raised here.
    """
    tasks: Tasks[Result] = SimpleQueue()
    workers = [Thread(target=_serve, args=(tasks, read), name=f"batches_{n}", daemon=True) for n in range(threads)]
    for worker in workers:
        worker.start()
    waiting: deque[tuple[int, Future[Result]]] = deque()
    try:
        for number in numbers:
            waiting.append((number, Future()))
            tasks.put(waiting[-1])
            if len(waiting) > threads + 1:
                yield _result(*waiting.popleft(), timeout_s, named)
        while waiting:
            yield _result(*waiting.popleft(), timeout_s, named)
    finally:
        for _, future in waiting:
            future.cancel()
        for _ in workers:
            tasks.put(None)
        for worker in workers:  # a hanging one ends with the process
            worker.join(JOIN_S)


def _serve(tasks: Tasks[Result], read: Callable[[int], Result]) -> None:
    while (task := tasks.get()) is not None:
        number, future = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(read(number))
            except BaseException as error:  # it belongs to the thread that waits for the result
                future.set_exception(error)


def _result(number: int, future: Future[Result], timeout_s: float, named: Callable[[int], str]) -> Result:
    try:
        return future.result(timeout_s)
    except TimeoutError:
        if future.done():  # the result's own error
            raise
        raise MammoError(
            f"{named(number)} was not read within {timeout_s:g} s: see whether the drive of the store answers, or give "
            "a larger workers_timeout_s"
        ) from None
