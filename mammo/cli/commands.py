"""The commands of mammo: their list, and how the process of one ends.

Exit statuses: 0 done; 2 wrong use or wrong input; 3 done, but something was rejected or found, where the command's help
says so; 130 interrupted; 141 the reader of the output, such as head, has gone; 143 terminated; 1 a defect.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from platform import system
from threading import Timer
from types import FrameType
from typing import NoReturn

from mammo import NO_WINDOWS, __version__
from mammo.leftovers import use_temporary_folder
from mammo.text import print_text

COMMANDS = {
    "phantom": "draw a synthetic cohort as DICOM files",
    "ingest": "read images and lesions of any source into an image store",
    "split": "assign the patients of a store to training, validation and test",
    "verify": "check the data quality of a store",
    "train": "train f_loc, the context network or f_agg, once or as a sweep",
    "precompute": "compute the embeddings or saliency maps that f_agg reads",
    "sweep": "show the state of sweeps or the output of a job, or compare runs",
    "runs": "list the runs of a root, or delete what they need no more",
    "score": "score the lesions of a store with trained networks",
    "bundle": "pack finished runs into one file that scores lesions anywhere",
    "predict": "score the outlined lesions of new images with a bundle",
    "serve": "serve a bundle: a page in the browser, a reader study, or a DICOM node",
    "report": "write the report of finished runs",
    "compare": "evaluate and compare lesion scores of any models",
    "weights": "import or export GMIC checkpoints",
    "benchmark": "measure the speed of one part",
    "demo": "run the paper's experiment on a synthetic cohort",
}
"""The commands, in the order of a project, and what each does."""

AGAIN_S = 0.05
"""Time after which a signal is sent again."""

ENDINGS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
"""The signals that end a command, with 128 and their number as its exit status, and what it then prints."""

READER_GONE = 141
"""Exit status where standard output is a pipe whose reader has ended: 128 and the number of SIGPIPE."""


def usage() -> str:
    """The list of commands, one line each, and what holds for all of them."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: mammo NAME [arguments]",
            "",
            *(f"  {name:{width}}  {text}" for name, text in COMMANDS.items()),
            "",
            "mammo NAME --help explains a command; mammo --version prints the version.",
            "MAMMO_ROOT=FOLDER in the environment sets the default of root, which is runs/demo otherwise.",
            "python -m mammo NAME and python -m mammo.NAME are the same as mammo NAME.",
        ]
    )


def run(main: Callable[[], int | None]) -> None:
    """Run a command as this process and exit with its status; --version anywhere prints the version instead.

    Args:
        main: the command; it returns its exit status, None for 0, or raises SystemExit.
    """
    if system() == "Windows":
        sys.exit(f"error: {NO_WINDOWS}")
    if "--version" in sys.argv[1:]:
        main = _print_version
    if signal.getsignal(signal.SIGTERM) is stop:  # within `mammo NAME`, which ends as this one does
        sys.exit(main())
    _received.clear()
    _handle(stop)
    sys.unraisablehook = _stop_again
    use_temporary_folder()
    status = _status(main)
    _handle(_end_at_once)
    sys.exit(status)


_received: list[int] = []
"""The signals that have asked this process to end."""


def stop(signum: int, _: FrameType | None) -> NoReturn:
    """Handle SIGTERM or Ctrl-C: say so, and end through every `finally`, so that nothing half written stays.

    Raises:
        SystemExit: always; whatever becomes of it, the exit status is that of the signal.
    """
    if not _received:
        with suppress(OSError), suppress(KeyError):  # not print, which the signal may have interrupted
            os.write(2, f"{ENDINGS[signal.Signals(signum)]}\n".encode())
    _received.append(signum)
    raise SystemExit(128 + signum)


def _stop_again(error: "sys.UnraisableHookArgs") -> None:
    """Send a signal again that came where Python drops errors, as within __del__ and callbacks of weak references."""
    if not _received or not isinstance(error.exc_value, SystemExit):
        sys.__unraisablehook__(error)
        return

    def send() -> None:
        if signal.getsignal(_received[0]) is stop:  # the command has not ended meanwhile
            os.kill(os.getpid(), _received[0])

    later = Timer(AGAIN_S, send)  # here it would be dropped again
    later.daemon = True
    later.start()


def _end_at_once(signum: int, _: FrameType | None) -> NoReturn:
    """Handle a signal after the command's end, whose exit nothing must interrupt half-way."""
    os._exit(128 + signum)


def _handle(handler: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Set the handler of the signals that end a command, but for Ctrl-C in a command of the background (nohup, &)."""
    for signum in ENDINGS:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, handler)


def _status(main: Callable[[], int | None]) -> str | int | None:
    """Run a command; its exit status, or the message that it exits with."""
    status: str | int | None
    try:
        status = _called(main)
        sys.stdout.flush()
    except BrokenPipeError:
        gone = _pipes_without_reader()
        if not gone:
            raise  # a pipe of the program's own: a defect
        _discard(*gone)
        return READER_GONE
    except OSError as error:
        from mammo.cli.arguments import complain  # imports NumPy

        status = complain(error)
        try:
            sys.stdout.flush()
        except OSError:  # the file that the output goes to cannot be written
            _discard(1)
    return status


def _called(main: Callable[[], int | None]) -> str | int | None:
    """What a command returns or exits with; after a signal its status, whatever error that has become."""
    status: str | int | None = None
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    except BaseException:
        if not _received:
            raise
    return 128 + _received[0] if _received else status


def _discard(*streams: int) -> None:
    """Let what is still to be written to these streams go nowhere, instead of failing at the exit."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _print_version() -> None:
    print_text(f"mammo {__version__}")


def _pipes_without_reader() -> list[int]:
    """Those of standard output and standard error whose reader has gone."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return [stream for stream, event in poll.poll(0) if event & select.POLLERR]
