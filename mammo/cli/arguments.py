"""Command lines of the commands with argparse, which read results: help pages, values, and errors as one sentence."""

import argparse
import errno
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, NoReturn

from mammo.io import did_you_mean_path
from mammo.records import MammoError, did_you_mean
from mammo.text import LINES, print_text, printable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of the system that say that a disk, or the user's share of it, is full."""

UNUSABLE = (
    *FULL,
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST),  # the last where a folder is to be made
    *(errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV, errno.EMFILE, errno.ENFILE),
)
"""Error numbers of the system that the user can act on.

A full disk, no permission, a file in place of a folder or the other way round, a disk that fails or has gone, too many
open files.
"""

ROOT_VARIABLE, ROOT = "MAMMO_ROOT", "runs/demo"
"""The environment variable that sets the default of root, and the default without it."""

WIDTH = 100
"""Most columns of a help page."""

LEAST_SHARE = 1e-6

MOST_WINDOWS = 10_000
"""Of a lesion."""

PREVALENCE = "share of cancers among such lesions, for which the probability then holds"
"""Help of --prevalence."""


class Parser(argparse.ArgumentParser):
    """A command's parser; wrong use is one sentence with the nearest known word, and exit status 2.

    Its help page is at most WIDTH columns wide, and its description keeps its lines.
    """

    def __init__(self, **words: Any) -> None:  # noqa: ANN401  (those of argparse.ArgumentParser)
        super().__init__(**{"formatter_class": _help_format, **words})

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit with status 2."""
        self.exit(
            2, f"error: {printable(self._reworded(message), kept=LINES)}; {self.prog} --help explains the command\n"
        )

    def _reworded(self, message: str) -> str:
        if found := re.fullmatch(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.+)\)", message):
            known = found[3].replace("'", "")
            return f"{found[1]} {found[2]!r} does not exist{did_you_mean(found[2], known.split(', '))}: choose {known}"
        if found := re.fullmatch(r"unrecognized arguments: (\S+).*", message):
            hint = did_you_mean(found[1], self._options()) if found[1].startswith("-") else ""
            return f"{found[1]} is not an argument of this command{hint}"
        return message

    def _options(self) -> Iterator[str]:
        """The options of this parser and of its subcommands."""
        yield from self._option_string_actions
        for action in self._actions:
            for inner in (action.choices or {}).values() if isinstance(action.choices, dict) else ():
                yield from inner._options()


def parser(name: str, description: str | None) -> Parser:
    """The parser of a command, to which its arguments are added.

    Args:
        name: of the command.
        description: what it does, and examples: its module's docstring, whose lines are kept.
    """
    return Parser(prog=f"mammo {name}", description=description)


def _help_format(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=page_width())


def page_width() -> int:
    """Columns of a help page: those of the terminal, at most WIDTH."""
    return min(get_terminal_size((WIDTH, 24)).columns, WIDTH)


def default_root() -> Path:
    """The root where none is given: MAMMO_ROOT of the environment, or runs/demo."""
    return Path(os.environ.get(ROOT_VARIABLE) or ROOT)


def check_exists(*paths: Path) -> None:
    """Check that files or folders exist, before the modules that read them are imported.

    Raises:
        MammoError: one does not.
    """
    for path in paths:
        if not path.exists():
            raise MammoError(f"{path} does not exist{did_you_mean_path(path)}: name a file or folder that does")


def at_least_one(text: str) -> int:
    """The whole number of at least 1 that an argument gives; ArgumentTypeError where it gives none."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"give a whole number of at least 1, got {text!r}")
    return int(text)


def window_count(text: str) -> int:
    """The number of windows per lesion that an argument gives; ArgumentTypeError where it gives none, or too many."""
    if (count := at_least_one(text)) > MOST_WINDOWS:
        raise ArgumentTypeError(f"give at most {MOST_WINDOWS:,} windows, got {text}")
    return count


def at_least_zero(text: str) -> int:
    """The whole number of at least 0 that an argument gives; ArgumentTypeError where it gives none."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"give a whole number of at least 0, got {text!r}")
    return int(text)


def share(text: str) -> float:
    """The share above 0 and below 1 that an argument gives; ArgumentTypeError where it gives none."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not LEAST_SHARE <= value <= 1 - LEAST_SHARE:
        raise ArgumentTypeError(
            f"give a share between {LEAST_SHARE:g} and {1 - LEAST_SHARE:g}, as in 0.2, got {text!r}"
        )
    return value


def check_unused(given: Mapping[str, object], why: str) -> None:
    """Check that no argument is given that would be ignored; MammoError that names the first one.

    Args:
        given: values by argument; None, False and an empty list where one is not given.
        why: what they do not go with, as in "--show, which writes nothing".
    """
    for name, value in given.items():
        if value is not None and value is not False and value != []:
            raise MammoError(f"{name} does not go with {why}: leave it out")


def is_unusable(error: OSError) -> bool:
    """Whether the user can act on an error of the system: the file or folder is not the program's fault."""
    return error.errno in UNUSABLE


def about_file(error: OSError) -> str:
    """A sentence on a file or folder that cannot be used."""
    reason, file = error.strerror or type(error).__name__, error.filename or "a file"
    if error.errno in FULL:
        return f"{file} cannot be written ({reason}): make room, then give the same command again; older files are kept"
    return f"{file} cannot be used ({reason}): give another folder, or correct this one"


def complain(error: MammoError | OSError) -> int:
    """Print an error as one sentence and return the exit status of wrong use; an error of the program is raised."""
    if isinstance(error, OSError) and not is_unusable(error):
        raise error
    text = about_file(error) if isinstance(error, OSError) else str(error)
    print_text(f"error: {text}", file=sys.stderr)
    return 2
