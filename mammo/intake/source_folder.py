"""Files of a source folder: found by name at any depth, and opened only if they are regular files inside it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from mammo.intake.rejections import Code, RejectedError
from mammo.io import runtime_errors_as
from mammo.records import MammoError

JUNK = ("__MACOSX",)
"""Folders that macOS adds to archives; their files repeat the names of real ones."""

DOCUMENTS = (
    *(".csv", ".feather", ".json", ".jsonl", ".ods", ".parquet", ".pkl", ".sqlite", ".tab", ".tsv", ".xls", ".xlsb"),
    *(".xlsm", ".xlsx", ".xml"),
    *(".doc", ".docx", ".htm", ".html", ".md", ".odp", ".odt", ".pdf", ".ppt", ".pptx", ".rtf", ".tex", ".txt"),
    *(".avi", ".m4v", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpg", ".wav", ".webm", ".wmv"),
    *(".bat", ".css", ".db", ".dll", ".exe", ".inf", ".ini", ".ipynb", ".js", ".lnk", ".log", ".md5", ".py", ".roi"),
    *(".sh", ".sha1", ".sha256", ".tcia", ".url", ".yaml", ".yml"),
)
"""Suffixes of files that are never images: tables, documents, videos and files of programs and systems."""

IMAGES = (".dcm", ".dic", ".dicom", ".ima", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm")
"""Suffixes of images: such a file with other content is a damaged image."""

DIRECTORY = "DICOMDIR"
"""Name of the list of files that every medium with DICOM files has."""

HEAD = 512
"""Bytes at the start of a file by which it is recognized."""

SIGNATURES = (b"%PDF", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"SQLite format 3", b"\x1aE\xdf\xa3", b"MZ")
"""First bytes of documents, old office files (Thumbs.db among them), databases, videos and programs."""

SUFFIX = re.compile(r"\.[a-z][a-z0-9]*", re.IGNORECASE)
"""A file name suffix; the last number of a UID is not one."""

MAGIC_START = 128
MAGIC = b"DICM"
"""Position and bytes of the prefix of a DICOM file (PS3.10, 7.1)."""

MAX_BYTES = 1 << 28
"""Largest file, bytes: twice the size of 64 million pixels of 16 bits."""


@dataclass(frozen=True)
class Folder:
    """A data set's folder.

    Attributes:
        root: the folder that all paths are relative to.
    """

    root: Path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file below root, as sorted relative paths with forward slashes, without hidden files and JUNK."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[str]:
        for folder, inner, names in os.walk(self.root):
            inner[:] = sorted(name for name in inner if name not in JUNK and not name.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    yield (Path(folder) / name).relative_to(self.root).as_posix()

    def matching(self, pattern: str) -> list[str]:
        """Return the paths whose file name matches a shell pattern, ignoring case."""
        return [path for path in self.paths if fnmatchcase(PurePosixPath(path).name.lower(), pattern.lower())]

    def find(self, *patterns: str) -> Path:
        """Return the first file that matches the first pattern with any match.

        Raises:
            MammoError: no file matches.
        """
        for pattern in patterns:
            for path in self.matching(pattern):
                return self.root / path
        raise MammoError(f"{self.root} holds no {patterns[0]}: set data.source to the folder of the whole data set")

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Paths that can be images: all except files that are plainly something else, by suffix or by content."""
        return tuple(path for path in self.paths if not self._is_document(path))

    def _is_document(self, path: str) -> bool:
        suffix = suffix_of(path)
        if PurePosixPath(path).name.upper() == DIRECTORY:
            return True
        return suffix in DOCUMENTS or (suffix not in IMAGES and is_document(self._head(path)))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Candidates that are images by their suffix, or DICOM files without a suffix."""
        return tuple(path for path in self.candidates if suffix_of(path) or self._is_dicom(path))

    def _is_dicom(self, path: str) -> bool:
        return self._head(path).startswith(MAGIC, MAGIC_START)

    def _head(self, path: str) -> bytes:
        """The first bytes of a file; none where it cannot be read."""
        try:
            with regular_file(self.root, path).open("rb") as stream:
                return stream.read(HEAD)
        except (RejectedError, OSError):
            return b""


def is_document(head: bytes) -> bool:
    """Return whether a file is plainly a document, by its first bytes: a known signature, a video, or text alone."""
    if head.startswith(MAGIC, MAGIC_START):  # the preamble of a DICOM file can be anything
        return False
    is_text = bool(head) and not any(byte < 9 or (13 < byte < 32 and byte != 27) or byte == 127 for byte in head)
    return head.startswith(SIGNATURES) or head[4:8] in (b"ftyp", b"moov") or is_text


def standardized_path(text: str) -> str:
    """Return a path from a table, with slashes or backslashes, in the form of Folder.paths; empty for empty text."""
    return PureWindowsPath(text).as_posix() if text else ""


def suffix_of(path: str) -> str:
    """Return the suffix of a file name in lower case, empty if there is none."""
    suffix = PurePosixPath(path).suffix
    return suffix.lower() if SUFFIX.fullmatch(suffix) else ""


def stem_of(path: str) -> str:
    """Return a file name without its suffix."""
    name = PurePosixPath(path).name
    return name[: len(name) - len(suffix_of(path))]


def parts_matching(path: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Return the matches of those parts of a path that match a pattern entirely, outermost first."""
    return [match for part in PurePosixPath(path).parts if (match := pattern.fullmatch(part))]


def regular_file(root: Path, path: str) -> Path:
    """Return the file at a path below root.

    Raises:
        RejectedError: it is not a regular file (reading a pipe would hang), or it lies outside root.
    """
    try:
        with runtime_errors_as(OSError):
            resolved = (root / path).resolve()
            if resolved.is_relative_to(root.resolve()) and resolved.is_file():
                return resolved
    except OSError:  # a loop of symbolic links
        pass
    raise RejectedError(Code.NOT_REGULAR)


def read_file(file: Path) -> bytes:
    """Return all bytes of a file.

    Raises:
        RejectedError: it cannot be opened, or is larger than any mammogram.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RejectedError(Code.TOO_LARGE)
        return file.read_bytes()
    except OSError:
        raise RejectedError(Code.UNREADABLE) from None
