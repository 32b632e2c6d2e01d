"""Commands of mammo in forks of this process, which has imported what they need."""

import atexit
import importlib
import multiprocessing.forkserver
import multiprocessing.util
import os
import select
import signal
import sys
import tempfile
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mammo.__main__ import main

LIMIT_S = 300.0
"""Longest time of a command, after which it is killed and the test fails."""

HEAVY = (
    "mammo.training.fit",
    "mammo.inference.store_scores",
    "mammo.reporting.report_folder",
    "mammo.reporting.external_page",
    "mammo.reporting.quality_page",
    "mammo.ingestion.run",
    "mammo.phantoms.cohort",
    "mammo.quality.audit",
    "mammo.training.sweep_callback",
    "mammo.benchmarks.evaluation_speed",
)
"""Modules of mammo that commands import late, which import all libraries."""

SERVED = ("mammo.intake.gate", "mammo.intake.adapters.table", "mammo.ingestion.worker")
"""Modules that the server of the decoding processes imports (mammo.intake.sandbox)."""


@dataclass(frozen=True)
class Ended:
    """How a command has ended.

    Attributes:
        status: its exit status; -9 for SIGKILL and the like.
        out: what it printed.
        err: what it printed to standard error.
        seconds: its duration, s.
    """

    status: int
    out: str
    err: str
    seconds: float


@dataclass
class Launched:
    """A command that was started.

    Attributes:
        pid: of its process, and of its process group.
        pipes: our ends of its standard output and standard error: pipes, which no limit on file sizes holds for.
        started: time.monotonic() at its start.
    """

    pid: int
    pipes: tuple[int, int]
    started: float
    printed: list[bytes] = field(default_factory=lambda: [b"", b""])

    def wait(self) -> Ended:
        """Wait for the end of the process; AssertionError after LIMIT_S."""
        ended, status = 0, 0
        while not ended:
            select.select(self.pipes, [], [], 0.01)
            self._read()
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if not ended and time.monotonic() - self.started > LIMIT_S:
                self.kill()
                raise AssertionError(f"a command takes more than {LIMIT_S:.0f} s:\n{b''.join(self.printed).decode()}")
        seconds = time.monotonic() - self.started
        self._read()
        for pipe in self.pipes:
            os.close(pipe)
        out, err = (text.decode(errors="replace") for text in self.printed)
        return Ended(os.waitstatus_to_exitcode(status), out, err, seconds)

    def kill(self) -> None:
        """Kill the command and all processes that it has started."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _read(self) -> None:
        """Take what is in the pipes, which processes that outlive the command may keep open."""
        for number, pipe in enumerate(self.pipes):
            with suppress(BlockingIOError):
                while content := os.read(pipe, 1 << 16):
                    self.printed[number] += content


def launch(words: Sequence[str], root: Path, before: Callable[[], object] = lambda: None) -> Launched:
    """Start `mammo WORDS` in a fork, as a process group of its own; temporary files are in `root`.tmp, beside the root.

    Args:
        words: what follows `mammo`.
        root: an existing folder, which the command runs in.
        before: called in the fork first; it may set limits, the user, or file systems of its own.
    """
    _import_all()
    temporary = root.with_name(f"{root.name}.tmp")
    temporary.mkdir(exist_ok=True)
    pipes = [os.pipe(), os.pipe()]
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, (_, ours) in enumerate(pipes, start=1):
            os.dup2(ours, stream)
        os._exit(_run(words, root, temporary, before))
    with suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)  # whichever process comes first
    for ours, theirs in pipes:
        os.close(theirs)
        os.set_blocking(ours, False)
    return Launched(pid, (pipes[0][0], pipes[1][0]), started)


def _run(words: Sequence[str], root: Path, temporary: Path, before: Callable[[], object]) -> int:
    """Be the command, with nothing of the test left; the exit status, after a traceback where there is an error."""
    status: object = 1
    try:
        _forget_parent(keeps_server=words[0] != "demo")
        os.environ.update(TMPDIR=str(temporary), MPLBACKEND="agg", COLUMNS="100")
        tempfile.tempdir = None
        os.chdir(root)
        before()
        sys.argv = ["mammo", *words]
        main()
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException:
        traceback.print_exc()
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    return status if isinstance(status, int) else 1


def _forget_parent(keeps_server: bool) -> None:
    """Give the fork streams and signals of its own, and keep it from what the test would do at its end.

    Args:
        keeps_server: whether decoding processes come from the server of the test, which starts them in 20 ms; a server
            of its own has the limits and the process group of the command.
    """
    atexit._clear()
    atexit.register(multiprocessing.util._exit_function)  # type: ignore[attr-defined]
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", 1)
    for signum, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(signum, handler)
    if not keeps_server:
        multiprocessing.forkserver._forkserver.__init__()  # type: ignore[attr-defined,misc]
        return
    waitpid = os.waitpid
    server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]

    def wait_or_sibling(pid: int, options: int) -> tuple[int, int]:
        """The server is a child of the test, so that this fork cannot wait for it; it runs as long as the test."""
        return (0, 0) if pid == server else waitpid(pid, options)

    os.waitpid = wait_or_sibling


@cache
def _import_all() -> None:
    """Import what commands import late, and start the server of the decoding processes."""
    for module in HEAVY:
        importlib.import_module(module)
    multiprocessing.set_forkserver_preload([*SERVED])
    multiprocessing.forkserver.ensure_running()
