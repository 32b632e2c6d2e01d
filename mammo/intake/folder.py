"""The files of a downloaded data set, found by name wherever the download put them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath

from mammo.records import MammoError

JUNK = ("__MACOSX",)
"""Folders that archives made on a Mac bring along; their files repeat the names of real ones."""

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
