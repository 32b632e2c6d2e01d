"""A job of several stages: each stage is a list of mammo commands that run side by side, told in one stream of lines.

A stage that was finished leaves a mark and is not run again; what a stage had begun, its commands find and continue.
Commands are forked from one server process that has imported the heavy libraries, which spares each of them the
seconds that importing takes.
"""

import hashlib
import json
import os
import runpy
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

from mammo.records import MammoError

KEPT_BLOCK, KEPT_SPARE = 1 << 26, 1 << 29
"""What such a command keeps of the memory that it frees, bytes (mammo.memory): f_agg scores twice as fast as when every
step faults in fresh pages."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # side by side, one thread each is faster than sharing
    "PYTHONUNBUFFERED": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(KEPT_BLOCK),
    "MALLOC_TRIM_THRESHOLD_": str(KEPT_SPARE),
}
"""What the commands of a stage run with; libraries read it as they load, so it is set before the server starts."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: what it does, in a few words.
        share: its share of the whole job's time, as measured once; only for telling what is left.
        commands: what follows `python -m` in each of the commands that run side by side.
    """

    name: str
    share: float
    commands: tuple[str, ...]

    def mark(self, root: Path) -> Path:
        """The file that says that exactly this stage is finished."""
        digest = hashlib.sha256(json.dumps([self.name, self.commands]).encode()).hexdigest()
        return root / ".stages" / digest[:16]


def run_pipeline(stages: Sequence[Stage], root: Path, preload: Sequence[str] = ()) -> bool:
    """Run the stages that are not finished, in order; whether there was any.

    Args:
        stages: the stages, in order.
        root: the folder that keeps the marks of finished stages.
        preload: modules that the server process imports once, for all commands.

    Raises:
        MammoError: a command failed; its own words are printed above.
    """
    started, total = time.monotonic(), sum(stage.share for stage in stages)
    done, run_here = 0.0, 0.0
    for number, stage in enumerate(stages, start=1):
        mark = stage.mark(root)
        if not mark.is_file():
            left = (total - done) * (time.monotonic() - started) / run_here if run_here else None
            told = "" if left is None else f", about {left:.0f} s left"
            print(f"\n== stage {number} of {len(stages)}: {stage.name} ({done / total:.0%} done{told})", flush=True)
            _run_side_by_side(stage, started, preload)
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            run_here += stage.share
        done += stage.share
    return run_here > 0


def _run_side_by_side(stage: Stage, started: float, preload: Sequence[str]) -> None:
    """Run a stage's commands, one thread of computation each, and stop all when one fails or the user interrupts."""
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
    """The commands' processes, with what they print being told; none is left, and all is told, at the end."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    children: list[BaseProcess] = []
    readers = []
    try:
        for command in commands:
            lines, out = context.Pipe(duplex=False)
            child: BaseProcess = context.Process(target=_execute, args=(command, out))
            child.start()
            out.close()
            children.append(child)
            readers.append(Thread(target=_tell, args=(lines, started), daemon=True))
            readers[-1].start()
        yield children
    finally:
        for child in children:
            child.terminate()
            child.join()
        for reader in readers:
            reader.join(timeout=5)


def _execute(command: str, out: Connection) -> None:
    """In the child: become `python -m command`, printing to out."""
    for stream in (1, 2):
        os.dup2(out.fileno(), stream)
    out.close()
    module, *arguments = command.split()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _tell(lines: Connection, started: float) -> None:
    """Pass on a command's lines with the time since the start."""
    with os.fdopen(os.dup(lines.fileno()), encoding="utf-8", errors="replace") as text:
        for line in text:
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            print(f"[{minutes:2d}:{seconds:02d}] {line.rstrip()}", flush=True)
