"""Files and folders that killed processes leave behind: a process locks what it makes, and the system ends the lock.

A half-written file, and the folder of a command's temporary files, is locked as long as its process lives. What is not
locked was left behind, and the next process removes it. Where a file system has no locks, nothing is removed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from pathlib import Path

TEMPORARY = "mammo-tmp-"
"""How the name of the folder of a command's temporary files begins."""

FOLDER = "/tmp"
"""Where temporary files are without TMPDIR in the environment."""

LONGEST = 72
"""Longest path of that folder: multiprocessing has sockets below it, whose paths Linux limits to 107 characters."""

LAST = -1000
"""Priority at the end of a process: after multiprocessing's own folder, which has -100."""


def lock_new(path: Path) -> int | None:
    """Lock a file or folder that this process has just made, until it ends or closes the descriptor.

    Returns:
        The descriptor; None if another process had removed it, so that it must be made again.
    """
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        with suppress(OSError):  # no locks on this file system
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
    return None


@contextmanager
def locked_file(path: Path, mode: int = 0o666) -> Iterator[None]:
    """Make an empty file, and keep it locked during the block, in which it may be written, renamed or deleted.

    Args:
        path: the file.
        mode: its permissions, if it is new, from which the system takes those of its umask.
    """
    descriptor = None
    while descriptor is None:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode))
        descriptor = lock_new(path)
    try:
        yield
    finally:
        os.close(descriptor)


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the files and folders of this user whose processes have ended; what cannot be removed stays."""
    for path in paths:
        with suppress(OSError):
            flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(descriptor)


def use_temporary_folder() -> None:
    """Let this process have its temporary files in a folder of its own, which is removed at its end or after it.

    Those of commands that were killed are removed first. Without permission to make the folder, or where its path is
    long, nothing changes.
    """
    try:
        parent = Path(tempfile.gettempdir())
    except FileNotFoundError:  # not one file can be written: the first one that is needed is named in a message
        tempfile.tempdir = os.environ.get("TMPDIR", FOLDER)
        parent = Path(tempfile.tempdir)
    if parent.name.startswith(TEMPORARY):  # a second command in one process
        return
    remove_leftovers(parent.glob(f"{TEMPORARY}*"))
    descriptor = None
    while descriptor is None:
        try:
            folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
        except OSError:
            return
        if len(os.fsencode(folder)) > LONGEST:
            folder.rmdir()
            return
        descriptor = lock_new(folder)
    tempfile.tempdir = str(folder)
    # Not by atexit: what multiprocessing has there may be removed by itself only later, and must be the first to go.
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=LAST)
