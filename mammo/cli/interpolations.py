"""References (${key}) in configurations: how many values a file stands for, counted without resolving any.

Thirty lines of which each refers twice to the next one stand for 10 ** 9 values, and Hydra resolves some of them while
it composes. What a reference means depends on all files of a composition; here it is taken for every key of its last
name, so that the count is never too small.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mammo.limits import YAML_VALUES
from mammo.records import MammoError

TOKEN = re.compile(r"[^\s${}:,'\"()\\]+")
"""A dotted name in the text of a reference, or another word."""

OPENED = re.compile(r"\$\{\s*([\w.]*)\s*(:?)|\}")
"""The beginning of a reference, with the name of a function where there is a colon, and the end of one."""

DECODED = re.compile(r"\$\{oc\.(decode|create):\s*\$\{oc\.env:[^${}]*\}\s*\}")
"""A variable of the environment that is read as YAML."""

PLAIN = ("oc.env", "log_uniform", "full_px")
"""Functions that take references as values, and not as names of others."""

PACKAGE = re.compile(r"@(?:package\s+)?([\w.]+)")
"""Where a file or a choice of the defaults list says where its content goes."""

CHARACTERS = 100
"""Characters of a text that count as one value; of a text with references each character does."""

MOST = YAML_VALUES + 1
"""Counts are not followed above this."""


@dataclass(frozen=True)
class Part:
    """A value of a file, or a list or dictionary with all that it holds.

    Attributes:
        cost: values in it, references aside.
        names: the last name of each reference, and each name before it with a dot behind.
    """

    cost: int
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Sequence["Part"]) -> "Part":
        """The values of several parts together."""
        return cls(sum(part.cost for part in parts), tuple(name for part in parts for name in part.names))


class Names:
    """What files hold under each name: values, of which a reference means one, and what lists and dictionaries hold."""

    def __init__(self) -> None:
        self._values: dict[str, list[Part]] = defaultdict(list)
        self._held: dict[str, list[Part]] = defaultdict(list)

    def add(self, node: object, name: str = "") -> Part:
        """Add a value and what it holds; ValueError where a reference makes a name of other values."""
        if isinstance(node, Mapping):
            return self.hold(name, [self.add(value, _last(str(key)) or name) for key, value in node.items()])
        if isinstance(node, Sequence) and not isinstance(node, str):
            return self.hold(name, [self.add(value) for value in node])
        if isinstance(node, str) and "${" in node:
            part = Part(len(node), _names(node))
            self._values[f"{name}."].append(part)
        else:
            part = Part(1 + (len(node) // CHARACTERS if isinstance(node, str) else 0))
        self._values[name].append(part)
        return part

    def hold(self, name: str, parts: Sequence[Part]) -> Part:
        """Add the values of a list or dictionary of this name, which files may add to; all of them together."""
        whole = Part.of(parts)
        self._held[name].append(whole)
        return whole

    def meanings(self) -> dict[str, list[Part]]:
        """What a reference to each name may mean: one of its values, or all that is held under it."""
        held = {name: Part.of(parts) for name, parts in self._held.items()}
        return {
            name: [*self._values.get(name, []), *([held[name]] if name in held else [])]
            for name in {**self._values, **held}
        }


def check_references(files: Mapping[Path, object], ours: Iterable[object]) -> None:
    """Check how many values files of configurations stand for, counted as often as they are referred to.

    Args:
        files: the content of each file.
        ours: the content of the files of conf/, to which they may refer.

    Raises:
        MammoError: a file stands for more than YAML_VALUES, or makes a name or text of references to others.
    """
    names, wholes = Names(), {}
    for content in ours:
        names.add(content)
    for path, content in files.items():
        try:
            wholes[path] = names.add(content)
        except ValueError as error:
            raise MammoError(f"{path} {error}") from None
    for path, whole in wholes.items():
        for name in _places(path):
            names.hold(name, [whole])
    counts = _counts(names.meanings())
    for path, whole in wholes.items():
        if _count(whole, counts) > YAML_VALUES:
            raise MammoError(
                f"{path} stands for more than {YAML_VALUES:,} values, with what its ${{...}} refer to: write values "
                "out instead, or remove it"
            )


def _places(path: Path) -> set[str]:
    """The names under which the content of a file may be placed: of its folders, and those that it says."""
    said = PACKAGE.findall(path.read_text(encoding="utf-8"))
    return {*path.parts[:-1], *(name for place in said for name in place.split("."))}


def _counts(meanings: Mapping[str, Sequence[Part]]) -> dict[str, int]:
    """How many values a reference to each name stands for, at most MOST.

    Names that refer to one another, such as model.lr, which is ${lr}, form a group. What can be resolved comes by no
    name twice, so that its ways through a group are at most those of choosing one reference at each name.
    """
    numbers = {name: number for number, name in enumerate(meanings)}
    pairs = [
        (numbers[name], numbers[other])
        for name, parts in meanings.items()
        for other in {each for part in parts for each in part.names if each in numbers}
    ]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array((np.ones(len(pairs), np.int8), (rows, columns)), shape=(len(numbers), len(numbers)))
    labels = connected_components(graph, connection="strong")[1] if numbers else []
    groups: dict[int, list[str]] = defaultdict(list)
    order: TopologicalSorter[int] = TopologicalSorter({int(label): set() for label in labels})
    for name, label in zip(meanings, labels, strict=True):
        groups[int(label)].append(name)
    for row, column in pairs:
        if labels[row] != labels[column]:
            order.add(int(labels[row]), int(labels[column]))
    counts: dict[str, int] = {}
    for label in order.static_order():
        counts |= dict.fromkeys(groups[label], _count_of_group({n: meanings[n] for n in groups[label]}, counts))
    return counts


def _count_of_group(group: Mapping[str, Sequence[Part]], counts: Mapping[str, int]) -> int:
    """How many values a reference to a name of a group stands for, from the counts of the names outside."""
    total, ways = 0, 1
    for parts in group.values():
        inside = [[name for name in part.names if name in group] for part in parts]
        ways = min(ways * max(1, *map(len, inside)), MOST)
        total += max(_count(part, counts) - len(names) for part, names in zip(parts, inside, strict=True))
    return min(total * ways, MOST)


def _count(part: Part, counts: Mapping[str, int]) -> int:
    """How many values a part stands for; a name that is not counted is of one value, or of Hydra's own."""
    return part.cost + sum(counts.get(name, 1) for name in part.names)


def _names(text: str) -> tuple[str, ...]:
    """The names that a text refers to, or could; ValueError where it makes one of other values."""
    opened: list[str] = []
    for match in OPENED.finditer(DECODED.sub("", text)):
        if match[0] == "}":
            opened[-1:] = []
            continue
        if opened and opened[-1] not in PLAIN:
            raise ValueError("has a ${...} within another one, whose name or text it would make: write it out")
        opened.append(match[1] if match[2] else "")
    tokens = [_split(token) for token in TOKEN.findall(text)]
    names = [name for parts in tokens for name in (*(f"{part}." for part in parts[:-1]), *parts[-1:])]
    return (*names, *([""] if len(tokens) < text.count("${") else []))


def _last(key: str) -> str:
    """The last name in a key."""
    tokens = TOKEN.findall(key)
    return (_split(tokens[-1]) or [""])[-1] if tokens else ""


def _split(token: str) -> list[str]:
    """The names of a dotted name, without the numbers of a list's values."""
    return [part for part in re.split(r"[.\[\]]+", token) if part and not part.isdigit()]
