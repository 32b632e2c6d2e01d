"""Work on files that nobody vouches for, in child processes with a limit on memory and time.

Decoders are C and C++; a damaged or wicked file may make one crash, hang or take all memory. So a child does the work
of one file after the other, and where it dies the file it was at is the outcome, a new child takes its place, and the
others go on. Children are forked from a server that has everything imported, which costs milliseconds.
"""

import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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
from mammo.memory import keep_memory
from mammo.records import MammoError

Job = TypeVar("Job")
Result = TypeVar("Result")

Done = dict[int, Result | Code | MammoError]
"""What became of jobs, by number, until their turn comes."""


@dataclass(frozen=True)
class Limits:
    """What one file may take.

    Attributes:
        memory: bytes on top of what a child has at its start; an image of 64 million pixels needs most of them.
        cpu_s: processor time; an image of 64 million pixels in JPEG 2000 takes about half of it.
        wall_s: time after which a child that waits for something that never comes is given up.
    """

    memory: int = 600 << 20
    cpu_s: int = 12
    wall_s: float = 120.0


PER_PROCESS = 32
"""Jobs that are worth starting a process for."""

QUEUED = 8
"""Jobs given to a child ahead of time, so that it never waits for the next."""

KEPT_BLOCK, KEPT_SPARE = 1 << 24, 1 << 26
"""What a child keeps of the memory that it frees (mammo.memory): arrays of full-size images, none larger, so that the
largest image finds as much room after a thousand others as it does at first."""

_MOST: ContextVar[int | None] = ContextVar("most", default=None)
_OURS: ContextVar[Callable[[str], bool] | None] = ContextVar("ours", default=None)

WAITS_S = (0.0, 0.1, 1.0, 5.0)
"""Before each attempt to start a child: a server that was killed, for memory perhaps, is replaced once it is gone."""

PRELOAD = ["mammo.intake.gate", "mammo.intake.adapters.table"]


@contextmanager
def at_most(processes: int) -> Iterator[None]:
    """Bound the children of everything that is isolated meanwhile and names no number of its own."""
    token = _MOST.set(processes)
    try:
        yield
    finally:
        _MOST.reset(token)


@contextmanager
def only(ours: Callable[[str], bool]) -> Iterator[None]:
    """Leave alone, in everything that is isolated meanwhile, the files that other machines see to.

    Args:
        ours: whether the file of a path is for this one.
    """
    token = _OURS.set(ours)
    try:
        yield
    finally:
        _OURS.reset(token)


@dataclass
class _Child(Generic[Job]):
    """One child, its end of the pipe, and the jobs it holds, the one it works at first."""

    process: ForkServerProcess
    pipe: Connection
    wall_s: float
    jobs: deque[tuple[int, Job]] = field(default_factory=deque)
    since: float = field(default_factory=monotonic)


def isolated(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    processes: int | None = None,
    limits: Limits | None = None,
    of: Callable[[Job], str] | None = None,
) -> Iterator[Result | Code]:
    """What work makes of every job, in order; a code where it refused the job, or where its child did not survive.

    Of jobs whose file is not for this machine (only), the code is ELSEWHERE.

    Args:
        work: a function of a module, which a child can import.
        jobs: anything that can be pickled.
        processes: how many children at most, None for what at_most says, else one a core; fewer for few jobs.
        limits: for each.
        of: path of the file that a job is about; None where jobs are not about one.

    Raises:
        MammoError: work raised it.
    """
    ours = _OURS.get()
    elsewhere = {number for number, job in enumerate(jobs) if ours and of and not ours(of(job))}
    todo = deque((number, job) for number, job in enumerate(jobs) if number not in elsewhere)
    done: Done[Result] = dict.fromkeys(elsewhere, Code.ELSEWHERE)
    start = partial(_start, work, limits or Limits())
    most = processes or _MOST.get() or os.cpu_count() or 1
    children = [start() for _ in range(min(most, -(-len(todo) // PER_PROCESS)))]
    try:
        for number in range(len(jobs)):
            while number not in done:
                for child in children:
                    _feed(child, todo)
                wait([child.pipe for child in children if child.jobs], timeout=1)
                children = [_gather(child, start, todo, done) for child in children]
            result = done.pop(number)
            if isinstance(result, MammoError):
                raise result
            yield result
    finally:
        for child in children:
            child.process.kill()
            child.process.join()


def _start(work: Callable[[Job], Result], limits: Limits) -> _Child[Job]:
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    for wait_s in WAITS_S:
        sleep(wait_s)
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work, limits), daemon=True)
        try:
            with _without_main():
                process.start()
            theirs.close()
            ours.recv()
        except (EOFError, OSError):
            theirs.close()
            ours.close()
        else:
            return _Child(process, ours, limits.wall_s)
    raise MammoError("a child process cannot be started: see whether memory or processes have run out")


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep children from importing the program that was started, which they do not need and may have no guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _feed(child: _Child[Job], todo: deque[tuple[int, Job]]) -> None:
    """Give the child more to do while it holds less than half of what it may."""
    if len(child.jobs) > QUEUED // 2:
        return
    if not child.jobs:
        child.since = monotonic()
    while todo and len(child.jobs) < QUEUED:
        child.jobs.append(todo.popleft())
        try:
            child.pipe.send(child.jobs[-1][1])
        except OSError:  # it has died: _gather will see
            return


def _gather(
    child: _Child[Job], start: Callable[[], _Child[Job]], todo: deque[tuple[int, Job]], done: Done[Result]
) -> _Child[Job]:
    """Take the child's results; the child, or the one that replaces it."""
    try:
        while child.jobs and child.pipe.poll():
            done[child.jobs.popleft()[0]] = child.pipe.recv()
            child.since = monotonic()
    except (EOFError, OSError):
        child.process.join()
        return _replaced(child, start, todo, done, _cause(child.process.exitcode))
    if child.jobs and monotonic() - child.since > child.wall_s:
        child.process.kill()
        child.process.join()
        return _replaced(child, start, todo, done, Code.TOO_SLOW)
    return child


def _replaced(
    child: _Child[Job],
    start: Callable[[], _Child[Job]],
    todo: deque[tuple[int, Job]],
    done: Done[Result],
    code: Code,
) -> _Child[Job]:
    if child.jobs:
        done[child.jobs.popleft()[0]] = code
    todo.extendleft(reversed(child.jobs))
    return start()


def _cause(exit_code: int | None) -> Code:
    return Code.TOO_SLOW if exit_code == -signal.SIGXCPU else Code.CRASHED


def _serve(pipe: Connection, work: Callable[[Job], Result], limits: Limits) -> None:
    """The child's life: a job in, its result out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries print what they read
        os.dup2(silence, stream)
    cv2.setNumThreads(1)
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    _limit_memory(limits.memory)
    pipe.send(True)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        _limit_time(limits.cpu_s)
        pipe.send(_outcome(work, job))


def _outcome(work: Callable[[Job], Result], job: Job) -> Result | Code | MammoError:
    try:
        return work(job)
    except MammoError as error:
        return error
    except RejectedError as refused:
        return refused.code
    except MemoryError:
        return Code.TOO_LARGE
    except BaseException:  # some decoders panic with errors that are no Exception
        return Code.CRASHED


def _limit_memory(more: int) -> None:
    """Limit the child's address space to what it has now and so much more, where the system tells (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told = Path("/proc/self/statm")
    if told.exists():
        now = int(told.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))


def _limit_time(seconds: int) -> None:
    """Let the child live for so many more seconds of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
