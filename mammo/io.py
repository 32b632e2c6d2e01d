"""Folders, atomic writes and file locks."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from mammo.leftovers import locked_file, remove_leftovers
from mammo.records import MammoError, nearest_word
from mammo.text import print_text

PARTIAL = ".partial"
"""Suffix of a file that is still being written; its name starts with a dot, so that no reader takes it for data."""

FIRST_TRY_S, TRY_EVERY_S = 0.2, 0.01
"""Time after which a process that wants a lock says that it waits: is_locked holds the lock for less than 1 ms."""

PROBE_S, PROBE_EVERY_S = 0.02, 0.002
"""How long and how often is_locked tries, so that two probes at once do not take each other for the holder."""

CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)
"""Errors of a file system without locks, such as NFS without its lock service."""

LIKE = 0.7
"""Least similarity of a file's name to a misspelled one (difflib)."""


@contextmanager
def atomic_write(path: Path, durable: bool = True, mode: int = 0o666) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces path once the block has ended.

    After an error path is as it was. Several processes may write one path: the last to end counts. What killed
    processes have left half written in its folder is removed.

    Args:
        path: the file.
        durable: whether the file survives a loss of power once this returns. A disk may take 10 ms to confirm that, too
            long for each of thousands of files that can be drawn again.
        mode: permissions of the file, from which the system takes those of its umask; 0o600: its owner's alone.

    Raises:
        FileNotFoundError: the block has written nothing.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    _remove_partials_once(path.parent)
    try:
        with errors_about(path), locked_file(partial, mode):
            yield partial
            if partial.stat().st_size == 0:
                raise FileNotFoundError(errno.ENOENT, "nothing was written", str(path))
            if durable:
                sync(partial)
            partial.replace(path)
            if durable:
                sync(path.parent)
    except BaseException:
        with suppress(OSError):  # of a folder without permission: the error itself says enough
            partial.unlink(missing_ok=True)
        raise


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, where it is missing.

    Args:
        path: the folder.
        mode: permissions of the folder itself, from which the system takes those of its umask.

    Raises:
        MammoError: its place holds no folders that can be made, as /proc and a share that is not mounted.
        OSError: no permission, a full disk, or a file of that name; the path is named.
    """
    try:
        path.mkdir(mode, parents=True, exist_ok=True)
    except FileNotFoundError:  # in a folder that exists: others were made
        raise MammoError(f"{path} cannot be made, because its place takes no folders: name another") from None


@contextmanager
def errors_about(path: Path) -> Iterator[None]:
    """Let errors of the system name a file or folder: those of a write name none, or a temporary file."""
    try:
        yield
    except OSError as error:
        of_system = error.__cause__ if error.errno is None else error  # pydicom words it again, without its number
        if not isinstance(of_system, OSError) or of_system.errno is None:
            raise
        if of_system.filename is None or str(of_system.filename).endswith(PARTIAL):
            of_system.filename, of_system.filename2 = str(path), None
        raise of_system from of_system.__cause__


@contextmanager
def runtime_errors_as(kind: type[Exception]) -> Iterator[None]:
    """Turn a RuntimeError, which libraries raise for damaged data, into an error of this kind with its message.

    Those of its subclasses pass: they say something else, as that the memory of a GPU is full or that a job must end.
    """
    try:
        yield
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise kind(str(error)) from error


def remove_partials(folder: Path) -> None:
    """Remove the files of a folder that a killed process left half written; those of a living one stay."""
    remove_leftovers(folder.glob(f".*{PARTIAL}"))


_remove_partials_once = cache(remove_partials)
"""remove_partials, once for each folder that this process writes to: a folder may have thousands of files."""


@contextmanager
def file_lock(path: Path, what: str, wait: bool = True, remedy: str = "wait until it has ended") -> Iterator[None]:
    """Hold the lock file at path; the lock is released when the process exits, however it ends.

    Forked children do not share the lock. The file is created where it is missing and never removed.

    Args:
        path: the lock file.
        what: the work that the lock protects, for messages.
        wait: whether to wait, and say so, while another process holds the lock.
        remedy: what to do where wait is False.

    Raises:
        MammoError: another process holds the lock and wait is False, or the file system cannot lock files.
    """
    make_folder(path.parent)
    lock = FileLock(path, fallback_to_soft=False)
    try:
        try:
            lock.acquire(FIRST_TRY_S, TRY_EVERY_S)
        except Timeout:
            if not wait:
                raise MammoError(f"{what}: another process holds {path}: {remedy}") from None
            print_text(f"{what}: waiting for another process")
            lock.acquire()
    except OSError as error:
        if error.errno not in CANNOT_LOCK:
            raise
        raise MammoError(
            f"{path}: the file system cannot lock files ({error.strerror}), so two processes could overwrite each "
            "other's work: set root= to a folder on a file system that can"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether a process, this one included, holds the lock file at path; False where that cannot be determined."""
    if not path.is_file():
        return False
    try:
        with FileLock(path, fallback_to_soft=False).acquire(PROBE_S, PROBE_EVERY_S):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def sync(path: Path) -> None:
    """Wait until the disk holds a file, or a folder's names."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def did_you_mean_path(path: Path) -> str:
    """A question that names the existing path nearest to a misspelled one, as in " (did you mean runs/demo/store?)".

    One part of the path may be misspelled, a file's suffix may be missing, and the path need not be absolute.

    Args:
        path: of a file or folder that does not exist.

    Returns:
        An empty string where no path is near.
    """
    for count in range(1, len(path.parts) + 1):
        start = Path(*path.parts[:count])
        if start.exists():
            continue
        rest = path.parts[count:]
        try:
            names = [each.name for each in start.parent.iterdir() if each.joinpath(*rest).exists()]
        except OSError:  # no folder, or no permission to list it
            return ""
        nearest = nearest_word(start.name, names, LIKE)
        return f" (did you mean {start.parent.joinpath(nearest, *rest)}?)" if nearest else ""
    return ""
