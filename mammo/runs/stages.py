"""A job of several stages: each stage is a list of mammo commands that run side by side, told in one stream of lines.

A stage that was finished leaves a mark and is not run again; what a stage had begun, its commands find and continue.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from mammo.records import MammoError

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # side by side, one thread each is faster than sharing
    "PYTHONUNBUFFERED": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 26),  # glibc keeps blocks of up to 64 MB, and 512 MB in all, instead of
    "MALLOC_TRIM_THRESHOLD_": str(1 << 29),  # faulting in fresh pages at every step: f_agg scores twice as fast
}
"""What the commands of a stage run with."""

POLL_S = 0.1
"""How soon a command that fails is noticed while its neighbours still run."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: what it does, in a few words.
        share: its share of the whole job's time, as measured once; only for telling what is left.
        commands: what follows `python -m mammo.` in each of the commands that run side by side.
    """

    name: str
    share: float
    commands: tuple[str, ...]

    def mark(self, root: Path) -> Path:
        """The file that says that exactly this stage is finished."""
        digest = hashlib.sha256(json.dumps([self.name, self.commands]).encode()).hexdigest()
        return root / ".stages" / digest[:16]


def run_stages(stages: Sequence[Stage], root: Path) -> bool:
    """Run the stages that are not finished, in order; whether there was any.

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
            _run_side_by_side(stage, started)
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            run_here += stage.share
        done += stage.share
    return run_here > 0


def _run_side_by_side(stage: Stage, started: float) -> None:
    """Run a stage's commands, one thread of computation each, and stop all when one fails or the user interrupts."""
    environment = {**os.environ, **ENVIRONMENT}
    children = [
        subprocess.Popen(
            [sys.executable, "-m", *f"mammo.{command}".split()],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in stage.commands
    ]
    readers = [Thread(target=_tell, args=(child.stdout, started), daemon=True) for child in children]
    for reader in readers:
        reader.start()
    try:
        while running := [child for child in children if child.poll() is None]:
            if any(child.returncode for child in children):
                break
            with suppress(subprocess.TimeoutExpired):
                running[0].wait(POLL_S)
    finally:
        failed = [command for child, command in zip(children, stage.commands, strict=True) if child.returncode]
        for child in children:
            child.terminate()
            child.wait()
        for reader in readers:
            reader.join(timeout=5)
    if failed:
        raise MammoError(f"stage {stage.name!r} stopped: python -m mammo.{failed[0]} failed, see above")


def _tell(lines: IO[str] | None, started: float) -> None:
    """Pass on a command's lines with the time since the start."""
    for line in lines or ():
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {line.rstrip()}", flush=True)
