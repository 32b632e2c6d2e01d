"""Limits of files that may come from elsewhere: sizes are checked before anything is read, unpacked or parsed.

A small file can stand for a large one: an archive by its compression, a table by repeated values, JSON and YAML by
nesting and by references. Each reader raises ValueError, whose text states what was found and the limit; its callers
name the file and the remedy.
"""

import json
import stat
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import yaml

TEXT_BYTES = 1 << 25
"""Largest JSON or YAML file where a reader has no limit of its own: 32 MiB."""

UNPACKED_BYTES = 1 << 30
"""Most bytes that an archive or a table may unpack to: 1 GiB."""

DEEPEST = 100
"""Most levels of nested lists and dictionaries in YAML."""


class _SafeWithoutReferences(yaml.SafeLoader):
    """YAML without references, of which a short file can build content that is too large for any memory."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it refers to another part of itself (*), which is not read")
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def check_size(path: Path, most: int) -> None:
    """Check that a path is a regular file of at most so many bytes.

    Raises:
        ValueError: it is larger, or is a pipe or device, which could have no end.
        OSError: it does not exist or cannot be read.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is not a regular file")
    if facts.st_size > most:
        raise ValueError(f"it has {facts.st_size:,} bytes, of which at most {most:,} are read")


def read_text(path: Path, most: int = TEXT_BYTES, encoding: str = "utf-8") -> str:
    """The text of a file of at most so many bytes; ValueError and OSError as check_size."""
    check_size(path, most)
    return path.read_text(encoding=encoding)


def read_json(path: Path, most: int = TEXT_BYTES, encoding: str = "utf-8") -> Any:  # noqa: ANN401
    """The content of a JSON file of at most so many bytes.

    Raises:
        ValueError: as check_size, or it is not JSON, or nested too deeply.
        OSError: it does not exist or cannot be read.
    """
    return parse_json(read_text(path, most, encoding))


def parse_json(text: str) -> Any:  # noqa: ANN401
    """The content of a JSON text; ValueError where it is not JSON, or nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_yaml(path: Path) -> Any:  # noqa: ANN401
    """The content of a YAML file without references.

    Raises:
        ValueError: as check_size, or it is not YAML, refers to itself, or is nested too deeply.
        OSError: it does not exist or cannot be read.
    """
    try:
        return yaml.load(read_text(path), _SafeWithoutReferences)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def check_archive(path: Path, most: int = UNPACKED_BYTES) -> None:
    """Check the sizes that a zip archive declares for its members; no reader unpacks more than these.

    Raises:
        ValueError: as check_size, together they are larger than `most`, or it is not an archive.
        OSError: it does not exist or cannot be read.
    """
    check_size(path, most)
    try:
        with ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except (BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is not an archive ({error})") from None
    if total > most:
        raise ValueError(f"it would unpack to {total:,} bytes, of which at most {most:,} are read")
