"""The comments of conf/: the meaning of each key, as the files of a composed configuration give it.

A comment explains the key in front of it; further lines of it start below its #. A comment in lines of its own explains
the key below it, and that at the head of a file explains the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

SKIPPED = ("defaults", "hydra")
"""Keys of a file that are no keys of the command's configuration."""

PACKAGE = "# @package"
"""How Hydra's own line at the head of a file begins."""


@dataclass(frozen=True)
class ConfFile:
    """A file of a configuration, with its comments.

    Attributes:
        head: the lines of the comment at its head.
        keys: the comment of each key, by its dotted name in the configuration; a mapping of several lines has one where
            a comment stands above it.
    """

    head: tuple[str, ...]
    keys: dict[str, str]

    @classmethod
    def read(cls, path: Path, package: str) -> "ConfFile":
        """Read a file.

        Args:
            path: the file.
            package: the part of the configuration that it is, as in "trainer"; empty for all of it.
        """
        lines = path.read_text(encoding="utf-8").splitlines()
        head = _block(lines, 0, 1, 0)
        node = yaml.compose("\n".join(lines), Loader=yaml.CSafeLoader)
        found = _comments(_own(node), lines, package) if isinstance(node, yaml.MappingNode) else ()
        return cls(tuple(line for line in head if not f"# {line}".startswith(PACKAGE)), dict(found))


def _comments(node: yaml.MappingNode, lines: Sequence[str], place: str) -> Iterator[tuple[str, str]]:
    """Yield each key below a mapping, and its comment."""
    for key, value in node.value:
        name = f"{place}.{key.value}".lstrip(".")
        row = key.start_mark.line
        is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        above = " ".join(_block(lines, row - 1, -1, key.start_mark.column))
        comment = _behind(lines, key if is_block else value) or above
        if isinstance(value, yaml.MappingNode) and value.value:
            if is_block:
                yield name, comment
                yield from _comments(value, lines, name)
            else:
                yield from ((each, comment) for each in _names(value, name))
        else:
            yield name, comment


def _own(node: yaml.MappingNode) -> yaml.MappingNode:
    """A file's mapping without the keys that are Hydra's."""
    pairs = [pair for pair in node.value if pair[0].value not in SKIPPED]
    return yaml.MappingNode(node.tag, pairs, node.start_mark, node.end_mark, node.flow_style)


def _names(node: yaml.MappingNode, place: str) -> Iterator[str]:
    """Yield the keys below a mapping in braces that hold no further ones."""
    for key, value in node.value:
        name = f"{place}.{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _names(value, name)
        else:
            yield name


def _behind(lines: Sequence[str], value: yaml.Node) -> str:
    """The comment behind a value, with the lines that continue it."""
    row, column = value.end_mark.line, value.end_mark.column
    start = lines[row].find("#", column) if row < len(lines) else -1
    if start < 0:
        return ""
    parts = [lines[row][start:]]
    for line in lines[row + 1 :]:
        if line.find("#") != start or line[:start].strip():
            break
        parts.append(line[start:])
    return " ".join(map(_text, parts))


def _block(lines: Sequence[str], row: int, step: int, column: int) -> list[str]:
    """The texts of the lines from a row on, upward or downward, that hold nothing but a comment from a column on.

    Upward there are none where the lines reach the head of the file, which explains the file.
    """
    found: list[str] = []
    while 0 <= row < len(lines) and lines[row].find("#") == column and not lines[row][:column].strip():
        found.append(_text(lines[row]))
        row += step
    return [] if row < 0 else found[::step]


def _text(line: str) -> str:
    """A line of comment without its #, which keeps its indentation behind it."""
    return line.strip().removeprefix("#").removeprefix(" ").rstrip()


def all_comments(files: Iterable[ConfFile]) -> dict[str, str]:
    """The comment of each key; of several files the last with a comment counts, as the last value does."""
    return {key: text for file in files for key, text in file.keys.items() if text}
