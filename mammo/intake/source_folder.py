"""The files of a source folder: found by name wherever a download put them, and opened only where that is safe."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from mammo.intake.rejections import Code, RejectedError
from mammo.records import MammoError

JUNK = ("__MACOSX",)
"""Folders that archives made on a Mac bring along; their files repeat the names of real ones."""

DOCUMENTS = (
    *(".csv", ".json", ".md", ".parquet", ".pdf", ".pkl", ".roi", ".sha256", ".txt", ".xls", ".xlsx", ".xml"),
    *(".html", ".ini", ".log", ".tcia", ".yaml", ".yml"),
)
"""Files beside the images that nobody takes for images, by the ends of their names."""

SUFFIX = re.compile(r"\.[a-z][a-z0-9]*", re.IGNORECASE)
"""What names a kind of file; the last number of a UID does not."""

MAGIC_START = 128
MAGIC = b"DICM"
"""Where and how a DICOM file says that it is one (PS3.10, 7.1)."""

LARGEST_BYTES = 1 << 28
"""A file larger than this is no mammogram: 64 million pixels of 16 bits are half of it."""


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
    def candidates(self) -> tuple[str, ...]:
        """Paths that may be images: all but DOCUMENTS."""
        return tuple(path for path in self.paths if not path.lower().endswith(DOCUMENTS))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Candidates that are taken for images: by their names, or as DICOM files where the name tells no kind."""
        return tuple(path for path in self.candidates if suffix_of(path) or self._says_dicom(path))

    def _says_dicom(self, path: str) -> bool:
        try:
            with regular(self.root, path).open("rb") as stream:
                return stream.read(MAGIC_START + len(MAGIC)).endswith(MAGIC)
        except (RejectedError, OSError):
            return False


def path_in(text: str) -> str:
    """A path that somebody wrote, with slashes or backslashes, as Folder.paths have it; empty where the text is."""
    return PureWindowsPath(text).as_posix() if text else ""


def suffix_of(path: str) -> str:
    """The end of a file's name that tells what kind it is, in lower case; empty where there is none."""
    suffix = PurePosixPath(path).suffix
    return suffix.lower() if SUFFIX.fullmatch(suffix) else ""


def stem_of(path: str) -> str:
    """The name of a file without the end that tells its kind."""
    name = PurePosixPath(path).name
    return name[: len(name) - len(suffix_of(path))]


def parts_matching(path: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The matches of the parts of a path that a pattern describes whole, outermost first."""
    return [match for part in PurePosixPath(path).parts if (match := pattern.fullmatch(part))]


def regular(root: Path, path: str) -> Path:
    """The file of a path below root.

    Raises:
        RejectedError: it is no regular file (a pipe would hang whoever opens it), or it lies outside of root.
    """
    try:
        resolved = (root / path).resolve()
        if resolved.is_relative_to(root.resolve()) and resolved.is_file():
            return resolved
    except (OSError, RuntimeError):  # a loop of links
        pass
    raise RejectedError(Code.NOT_REGULAR)


def read_file(file: Path) -> bytes:
    """All bytes of a file.

    Raises:
        RejectedError: it cannot be opened, or is larger than any mammogram.
    """
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise RejectedError(Code.TOO_LARGE)
        return file.read_bytes()
    except OSError:
        raise RejectedError(Code.UNREADABLE) from None
