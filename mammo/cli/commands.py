"""The commands of mammo: their list, and how the process of one ends.

Exit statuses: 0 done; 2 wrong use or wrong input; 3 done, but something was rejected or found, where the command's help
says so; 130 interrupted; 141 the reader of the output, such as head, has gone; 143 terminated; 1 a defect.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from platform import system

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
    "sweep": "show the state of sweeps, or compare their runs",
    "runs": "list the runs of a root, or delete what they need no more",
    "score": "score the lesions of a store with trained networks",
    "bundle": "pack finished runs into one file that scores lesions anywhere",
    "predict": "score the outlined lesions of new images with a bundle",
    "serve": "serve a bundle as a DICOM node that scores what it receives",
    "report": "write the report of finished runs",
    "compare": "evaluate and compare lesion scores of any models",
    "weights": "import or export GMIC checkpoints",
    "benchmark": "measure the speed of one part",
    "demo": "run the paper's experiment on a synthetic cohort",
}
"""The commands, in the order of a project, and what each does."""

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal."""

TERMINATED = 143
"""Exit status after SIGTERM."""

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
    signal.signal(signal.SIGTERM, _terminate)  # else nothing half written would be removed
    use_temporary_folder()
    sys.exit(_status(main))


def _status(main: Callable[[], int | None]) -> str | int | None:
    """Run a command; its exit status, or the message that it exits with."""
    status: str | int | None
    try:
        try:
            status = main()
        except SystemExit as stop:
            status = stop.code
        sys.stdout.flush()
    except KeyboardInterrupt:
        print_text("interrupted", file=sys.stderr)
        return INTERRUPTED
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


def _discard(*streams: int) -> None:
    """Let what is still to be written to these streams go nowhere, instead of failing at the exit."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _terminate(*_: object) -> None:
    raise SystemExit(TERMINATED)


def _print_version() -> None:
    print_text(f"mammo {__version__}")


def _pipes_without_reader() -> list[int]:
    """Those of standard output and standard error whose reader has gone."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return [stream for stream, event in poll.poll(0) if event & select.POLLERR]
