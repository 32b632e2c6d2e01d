"""Files that appear whole or not at all, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""How the name of a file ends that is not whole yet; it begins with a dot, so that nobody takes it for data."""


@contextmanager
def whole_file(path: Path, lasting: bool = True) -> Iterator[Path]:
    """Where to write what is to stand at path, which it does, for good, once the block has ended.

    After an error path is as it was. Several processes may write one path: the last to end counts.

    Args:
        path: the file.
        lasting: whether it shall survive a loss of power once this returns. A disk may take 10 ms to say so, too
            long for each of thousands of files that can be drawn again.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        if lasting:
            _settle(partial)
        partial.replace(path)
        if lasting:
            _settle(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _settle(path: Path) -> None:
    """Wait until the disk holds a file, or a folder's names."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
