"""Numbers and errors of commands with argparse, which read results; files that no command can use."""

import errno
import sys
from argparse import ArgumentTypeError

from mammo.records import MammoError

UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Error numbers of the system that the user can act on: no permission, a full disk, a file in place of a folder."""


def at_least_one(text: str) -> int:
    """The whole number of at least 1 that an argument gives; ArgumentTypeError where it gives none."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"give a whole number of at least 1, got {text!r}")
    return int(text)


def is_unusable(error: OSError) -> bool:
    """Whether the user can act on an error of the system: the file or folder is not the program's fault."""
    return error.errno in UNUSABLE


def about_file(error: OSError) -> str:
    """A sentence on a file or folder that cannot be used."""
    reason = error.strerror or type(error).__name__
    return f"{error.filename or 'a file'} cannot be used ({reason}): give another folder, or correct this one"


def complain(error: MammoError | OSError) -> int:
    """Print an error as one sentence and return the exit status of wrong use; an error of the program is raised."""
    if isinstance(error, OSError) and not is_unusable(error):
        raise error
    print(f"error: {about_file(error) if isinstance(error, OSError) else error}", file=sys.stderr)
    return 2
