"""The files of a source folder: found by name wherever a download put them, and opened only where that is safe."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath

from mammo.intake.refusals import Code, RefusedError
from mammo.records import MammoError

JUNK = ("__MACOSX",)
"""Folders that archives made on a Mac bring along; their files repeat the names of real ones."""

DOCUMENTS = (".csv", ".json", ".md", ".parquet", ".txt", ".xlsx", ".xml", ".yaml", ".yml")
"""Files beside the images that nobody takes for images."""

LARGEST_BYTES = 1 << 28
"""A file larger than this is no mammogram: 64 million pixels of 16 bits are half of it."""

IMAGES = (".dcm", ".dicom", ".png", ".tif", ".tiff", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Folder:
    """A data set's folder.

    Attributes:
        root: the folder that all paths are relative to.
    """

    root: Path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file below root, relative with forward slashes, in sorted order; hidden files and JUNK left out."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[str]:
        for folder, inner, names in os.walk(self.root):
            inner[:] = sorted(name for name in inner if name not in JUNK and not name.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    yield (Path(folder) / name).relative_to(self.root).as_posix()

    def named(self, pattern: str) -> list[str]:
        """Paths whose last part matches a pattern of the shell, in any case of letters."""
        return [path for path in self.paths if fnmatchcase(PurePosixPath(path).name.lower(), pattern.lower())]

    def one(self, *patterns: str) -> Path:
        """The first file that matches, the patterns tried in turn.

        Raises:
            MammoError: none does.
        """
        for pattern in patterns:
            for path in self.named(pattern):
                return self.root / path
        raise MammoError(f"{self.root} holds no {patterns[0]}: name the folder of the whole data set as data.source")

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Paths that look like images by their names."""
        return tuple(path for path in self.paths if path.lower().endswith(IMAGES))


def parts_matching(path: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The matches of the parts of a path that a pattern describes whole, outermost first."""
    return [match for part in PurePosixPath(path).parts if (match := pattern.fullmatch(part))]


def files(root: Path, leave_out: str = "") -> Iterator[str]:
    """Paths of the files below root that may be images, relative with forward slashes, in sorted order.

    Args:
        root: the source folder.
        leave_out: the name of a folder directly below root that holds no images.
    """
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not (Path(folder) == root and name == leave_out))
        for name in sorted(names):
            if not name.startswith(".") and not name.lower().endswith(DOCUMENTS):
                yield (Path(folder) / name).relative_to(root).as_posix()


def regular(root: Path, path: str) -> Path:
    """The file of a path below root.

    Raises:
        RefusedError: it is no regular file (a pipe would hang whoever opens it), or it lies outside of root.
    """
    try:
        resolved = (root / path).resolve()
        if resolved.is_relative_to(root.resolve()) and resolved.is_file():
            return resolved
    except (OSError, RuntimeError):  # a loop of links
        pass
    raise RefusedError(Code.NOT_REGULAR)


def read_file(file: Path) -> bytes:
    """All bytes of a file.

    Raises:
        RefusedError: it cannot be opened, or is larger than any mammogram.
    """
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise RefusedError(Code.TOO_LARGE)
        return file.read_bytes()
    except OSError:
        raise RefusedError(Code.UNREADABLE) from None
