"""Decode untrusted files in resource-limited child processes.

Decoders are C and C++: a damaged or malicious file can make one crash, hang or exhaust memory. Each child handles one
file after the other. If a child dies, the file that it was working on gets a rejection code, a new child replaces it,
and the other files go on. Children are forked from a server that has everything imported, so a start takes
milliseconds.
"""

import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Generic, TypeVar

import cv2

from mammo.intake.rejections import Code, RejectedError
from mammo.machine import JOB_END_SIGNALS, keep_memory, usable_cores, without_interrupts
from mammo.records import MammoError

Task = TypeVar("Task")
Result = TypeVar("Result")

Done = dict[int, Result | Code | MammoError]
"""Results by task number, kept until their turn comes."""

PER_PROCESS = 32
"""Tasks that justify starting a process."""

QUEUED = 8
"""Tasks sent to a child ahead of time, so that it never waits for the next one."""

KEPT_BLOCK, KEPT_SPARE = 1 << 24, 1 << 26
"""Freed memory that a child keeps (mammo.machine), bytes: arrays of full-size images, none larger, so that the largest
image finds as much room after a thousand others as at the start."""

WAITS_S = (0.0, 0.1, 1.0, 5.0)
"""Seconds before each attempt to start a child: a killed server (out of memory, perhaps) takes a moment to replace."""

PRELOAD = ("mammo.intake.gate", "mammo.intake.adapters.table")
"""Modules that the server always imports before it forks."""


@dataclass(frozen=True)
class Limits:
    """Resource limits of one task.

    Attributes:
        memory: bytes on top of what a child has at its start; an image of 64 million pixels needs most of them.
        cpu_s: processor time, s; an image of 64 million pixels in JPEG 2000 takes about half of it.
        wall_s: elapsed time, s, after which a child that hangs is killed.
    """

    memory: int = 600 << 20
    cpu_s: int = 12
    wall_s: float = 120.0


@dataclass(frozen=True)
class Workers:
    """How tasks are run in child processes.

    Attributes:
        processes: the largest number of children, None for one per core; few tasks get fewer.
        limits: resources of each task.
        wanted: whether this machine processes the file at a path; None for every file.
        preload: modules that the server imports before it forks, beside PRELOAD. The server starts with the first task
            of the program and keeps running: later values change nothing.
    """

    processes: int | None = None
    limits: Limits = Limits()
    wanted: Callable[[str], bool] | None = None
    preload: tuple[str, ...] = ()


DEFAULT_WORKERS = Workers()
"""One child per core, every file."""


@dataclass
class _Child(Generic[Task]):
    """One child process, our end of its pipe, and the tasks sent to it; it is working on the first."""

    process: ForkServerProcess
    pipe: Connection
    wall_s: float
    tasks: deque[tuple[int, Task]] = field(default_factory=deque)
    since: float = field(default_factory=monotonic)


def isolated(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: Workers = DEFAULT_WORKERS,
    path_of: Callable[[Task], str] | None = None,
) -> Iterator[Result | Code]:
    """Yield the result of each task in order, or a code: the task was rejected, or its child did not survive it.

    Tasks whose file this machine does not process (workers.wanted) yield Code.ELSEWHERE.

    Args:
        work: a module-level function, which a child can import.
        tasks: any objects that can be pickled.
        workers: how the tasks are run.
        path_of: path of a task's file; None where tasks are not about one file.

    Raises:
        MammoError: work raised it, or no child process can be started.
    """
    wanted = workers.wanted
    elsewhere = {number for number, task in enumerate(tasks) if wanted and path_of and not wanted(path_of(task))}
    todo = deque((number, task) for number, task in enumerate(tasks) if number not in elsewhere)
    done: Done[Result] = dict.fromkeys(elsewhere, Code.ELSEWHERE)
    start = partial(_start, work, workers)
    most = workers.processes or usable_cores()
    children = [start() for _ in range(min(most, -(-len(todo) // PER_PROCESS)))]
    try:
        for number in range(len(tasks)):
            while number not in done:
                for child in children:
                    _feed(child, todo)
                wait([child.pipe for child in children if child.tasks], timeout=1)
                children = [_collect(child, start, todo, done) for child in children]
            result = done.pop(number)
            if isinstance(result, MammoError):
                raise result
            yield result
    finally:
        for child in children:
            child.process.kill()
            child.process.join()


def _start(work: Callable[[Task], Result], workers: Workers) -> _Child[Task]:
    context = get_context("forkserver")
    context.set_forkserver_preload([*PRELOAD, *workers.preload])
    for wait_s in WAITS_S:
        sleep(wait_s)
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work, workers.limits), daemon=True)
        try:
            with _without_main(), without_interrupts():
                process.start()
            theirs.close()
            ours.recv()
        except (EOFError, OSError):
            theirs.close()
            ours.close()
        else:
            return _Child(process, ours, workers.limits.wall_s)
    raise MammoError("no child process can be started: check that memory and the process limit are not exhausted")


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep children from importing the main program, which they do not need and which may lack a main guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _feed(child: _Child[Task], todo: deque[tuple[int, Task]]) -> None:
    """Send the child more tasks once its queue is half empty."""
    if len(child.tasks) > QUEUED // 2:
        return
    if not child.tasks:
        child.since = monotonic()
    while todo and len(child.tasks) < QUEUED:
        child.tasks.append(todo.popleft())
        try:
            child.pipe.send(child.tasks[-1][1])
        except OSError:  # the child has died, which _collect notices
            return


def _collect(
    child: _Child[Task], start: Callable[[], _Child[Task]], todo: deque[tuple[int, Task]], done: Done[Result]
) -> _Child[Task]:
    """Receive the child's results; return the child, or its replacement if it died or hangs."""
    try:
        while child.tasks and child.pipe.poll():
            done[child.tasks.popleft()[0]] = child.pipe.recv()
            child.since = monotonic()
    except (EOFError, OSError):
        child.process.join()
        return _replaced(child, start, todo, done, _cause(child.process.exitcode))
    if child.tasks and monotonic() - child.since > child.wall_s:
        child.process.kill()
        child.process.join()
        return _replaced(child, start, todo, done, Code.TOO_SLOW)
    return child


def _replaced(
    child: _Child[Task],
    start: Callable[[], _Child[Task]],
    todo: deque[tuple[int, Task]],
    done: Done[Result],
    code: Code,
) -> _Child[Task]:
    """Return a new child; the dead one's current task ends with the code, its other tasks go back to the queue."""
    if child.tasks:
        done[child.tasks.popleft()[0]] = code
    todo.extendleft(reversed(child.tasks))
    return start()


def _cause(exit_code: int | None) -> Code:
    return Code.TOO_SLOW if exit_code == -signal.SIGXCPU else Code.CRASHED


def _serve(pipe: Connection, work: Callable[[Task], Result], limits: Limits) -> None:
    """Run tasks from the pipe, in the child, and send their results back until the pipe closes."""
    for signum in JOB_END_SIGNALS:  # a child that they kill would look like one that its file has crashed
        signal.signal(signum, signal.SIG_IGN)
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries print what they read
        os.dup2(silence, stream)
    cv2.setNumThreads(1)
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    _limit_memory(limits.memory)
    pipe.send(True)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        _limit_time(limits.cpu_s)
        pipe.send(_outcome(work, task))


def _outcome(work: Callable[[Task], Result], task: Task) -> Result | Code | MammoError:
    try:
        return work(task)
    except MammoError as error:
        return error
    except RejectedError as rejected:
        return rejected.code
    except MemoryError:
        return Code.TOO_LARGE
    except BaseException:  # some decoders panic with errors that are not an Exception
        return Code.CRASHED


def _limit_memory(more: int) -> None:
    """Limit the child's address space to its present size plus more bytes, where /proc states it (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    usage = Path("/proc/self/statm")
    if usage.exists():
        now = int(usage.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))


def _limit_time(seconds: int) -> None:
    """Let the child use this many more seconds of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
