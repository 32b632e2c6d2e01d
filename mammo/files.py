"""Files that appear whole or not at all, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""How the name of a file ends that is not whole yet; it begins with a dot, so that nobody takes it for data."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what is to stand at path, which it does, for good, once the block has ended.

    It then survives a loss of power. After an error path is as it was. Several processes may write one path: the last
    to end counts.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        _settle(partial)
        partial.replace(path)
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
