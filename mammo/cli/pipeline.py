"""A pipeline of stages: each stage is a list of mammo commands that run in parallel, printing one stream of lines.

A finished stage leaves a marker file and is not run again; commands of an interrupted stage resume their own work.
Commands are forked from one server process that has imported the heavy libraries, so that none of them spends seconds
on imports.
"""

import hashlib
import json
import os
import runpy
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Thread

from mammo.io import make_folder
from mammo.machine import without_interrupts
from mammo.records import MammoError
from mammo.text import print_text

KEPT_BLOCK, KEPT_SPARE = 1 << 26, 1 << 29
"""Memory, in bytes, that a command keeps instead of returning it to the system (mammo.machine): f_agg scores twice as
fast as when every step faults in fresh pages."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # in parallel, one thread each is faster than sharing
    "PYTHONUNBUFFERED": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(KEPT_BLOCK),
    "MALLOC_TRIM_THRESHOLD_": str(KEPT_SPARE),
}
"""Environment of the commands; libraries read it as they load, so it is set before the server starts."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: a short description.
        share: its share of the pipeline's time, measured once; used to estimate the time left.
        commands: what follows `python -m`, one for each command that runs in parallel; quoted as in a shell.
    """

    name: str
    share: float
    commands: tuple[str, ...]

    def mark(self, root: Path) -> Path:
        """The marker file of this stage with these commands."""
        digest = hashlib.sha256(json.dumps([self.name, self.commands]).encode()).hexdigest()
        return root / ".stages" / digest[:16]


def run_pipeline(stages: Sequence[Stage], root: Path, preload: Sequence[str] = ()) -> bool:
    """Run the stages that are not finished, in order; return whether any was run.

    Args:
        stages: the stages, in order.
        root: the folder of the marker files.
        preload: modules that the server process imports once, for all commands.

    Raises:
        MammoError: a command failed; its own message is printed above.
    """
    started, total = time.monotonic(), sum(stage.share for stage in stages)
    done, run_here = 0.0, 0.0
    for number, stage in enumerate(stages, start=1):
        mark = stage.mark(root)
        if not mark.is_file():
            left = (total - done) * (time.monotonic() - started) / run_here if run_here else None
            estimate = "" if left is None else f", about {left:.0f} s left"
            print_text(f"\n== stage {number} of {len(stages)}: {stage.name} ({done / total:.0%} done{estimate})")
            _run_in_parallel(stage, started, preload)
            make_folder(mark.parent)
            mark.touch()
            run_here += stage.share
        done += stage.share
    return run_here > 0


def _run_in_parallel(stage: Stage, started: float, preload: Sequence[str]) -> None:
    """Run a stage's commands, one computing thread each; stop all when one fails or the user interrupts."""
    os.environ.update(ENVIRONMENT)
    with _children(stage.commands, started, preload) as children:
        running = list(children)
        while running and not any(child.exitcode for child in children):
            wait([child.sentinel for child in running])
            running = [child for child in running if child.exitcode is None]
        failed = [command for child, command in zip(children, stage.commands, strict=True) if child.exitcode]
    if failed:
        raise MammoError(f"stage {stage.name!r} stopped: python -m {failed[0]} failed, see above")


@contextmanager
def _children(commands: Sequence[str], started: float, preload: Sequence[str]) -> Iterator[list[BaseProcess]]:
    """The processes of the commands, whose output is printed; at the end all have stopped and all output is printed."""
    _check_room()
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    children: list[BaseProcess] = []
    readers = []
    try:
        for command in commands:
            lines, out = context.Pipe(duplex=False)
            child: BaseProcess = context.Process(target=_execute, args=(command, out))
            try:
                with without_interrupts():
                    child.start()
            except EOFError:  # the server process has ended instead
                raise MammoError(
                    f"no process can be started for python -m {command}: check that the disk of temporary files is not "
                    "full, and that memory and the limit of processes are not exhausted"
                ) from None
            out.close()
            children.append(child)
            readers.append(Thread(target=_print_lines, args=(lines, started), daemon=True))
            readers[-1].start()
        yield children
    finally:
        for child in children:
            child.terminate()
            child.join()
        for reader in readers:
            reader.join(timeout=5)


def _check_room() -> None:
    """MammoError where no temporary file can be written: in the server process this would be a traceback."""
    try:
        with TemporaryFile() as file:
            file.write(b"0")
            file.flush()
    except OSError as error:
        raise MammoError(f"{gettempdir()}: {error.strerror}: make room for temporary files") from error


def _execute(command: str, out: Connection) -> None:
    """Run `python -m command` in this process, with its output going to out."""
    for stream in (1, 2):
        os.dup2(out.fileno(), stream)
    out.close()
    module, *arguments = shlex.split(command)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _print_lines(lines: Connection, started: float) -> None:
    """Print a command's lines with the time since the start."""
    with os.fdopen(os.dup(lines.fileno()), encoding="utf-8", errors="replace") as text:
        for line in text:
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            print_text(f"[{minutes:2d}:{seconds:02d}] {line.rstrip()}")
