"""Limits of pickles, which are scanned before they are loaded: a short one can stand for more than any memory or time.

A tuple that holds itself twice in its memory of parts, thirty times over, takes an hour where it becomes a key of a
dictionary, and running code is not needed for that. The scan follows the sizes of the values that each operation takes
and makes, and builds none of them.
"""

import mmap
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickletools import genops, markobject
from typing import Any

from mammo.limits import TABLE_BYTES, check_size

OPERATIONS = 50_000_000
"""Most operations of a pickle that are read."""

VALUES, TIMES = 2_000_000, 100
"""Most values that all operations take together, and further ones for each operation: content is some ten levels deep.
A value counts as often as it is referred to."""

DEEPEST = 200
"""Most levels of nested values."""

CHANGING = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
"""Operations that add to the first of the values that they take."""

PUTS, GETS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"}), frozenset({"GET", "BINGET", "LONG_BINGET"})


@dataclass(slots=True, eq=False)
class _Value:
    """A value on the stack: how many values it holds, itself included, and their levels."""

    size: int = 1
    depth: int = 1


def check_pickle(stream: BytesIO | mmap.mmap) -> None:
    """Check one pickle, up to its end, which is where the stream then is.

    Args:
        stream: at the start of a pickle; a file on a disk would allocate what a damaged length asks for.

    Raises:
        ValueError: it is damaged, nested too deeply, or stands for more than it holds.
    """
    scan = _Scan()
    for operation, argument, _ in genops(stream):  # type: ignore[arg-type]  # a map has what it needs
        scan.take(operation, argument)


def check_pickle_file(path: Path, count: int = 1) -> None:
    """Check the pickles at the start of a file.

    Args:
        path: the file.
        count: how many pickles follow one another; fewer where the file ends.

    Raises:
        ValueError: as check_pickle, or the file is empty, or larger than any table.
        OSError: it cannot be read.
    """
    check_size(path, TABLE_BYTES)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for _ in range(count):
            if content.tell() < len(content):
                check_pickle(content)


class _Scan:
    """The machine that reads a pickle, with sizes in the place of values."""

    def __init__(self) -> None:
        self.stack: list[_Value] = []
        self.marks: list[int] = []  # lengths of the stack
        self.memory: dict[object, _Value] = {}
        self.operations = self.taken = 0

    def take(self, operation: Any, argument: object) -> None:  # noqa: ANN401
        """Follow one operation; ValueError as check_pickle."""
        name = operation.name
        self.operations += 1
        if name in GETS:
            if argument not in self.memory:
                raise ValueError("it refers to a value that it has not made")
            self.stack.append(self.memory[argument])
        elif name in PUTS or name == "MEMOIZE":
            place = len(self.memory) if name == "MEMOIZE" else argument
            if not isinstance(place, int) or place > self.operations:  # memory is taken up to this number
                raise ValueError(f"it numbers a value {place}")
            self.memory[place] = self._top()
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name == "DUP":
            self.stack.append(self._top())
        else:
            self._make(name, self._popped(operation.stack_before), len(operation.stack_after))
        if self.operations > OPERATIONS:
            raise ValueError(f"it has more than {OPERATIONS:,} operations")

    def _make(self, name: str, taken: list[_Value], made: int) -> None:
        """Count the values that an operation takes, and put those that it makes on the stack."""
        changed = taken.pop(0) if name in CHANGING else None
        size, depth = sum(each.size for each in taken), max((each.depth for each in taken), default=0)
        self.taken += size
        if self.taken > VALUES + TIMES * self.operations:
            raise ValueError("it refers to the same values so often that they would take hours, or any memory")
        if depth >= DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if changed is not None:
            changed.size, changed.depth = changed.size + size, max(changed.depth, 1 + depth)
            self.stack.append(changed)
        else:
            self.stack += [_Value(1 + size, 1 + depth) for _ in range(made)]

    def _popped(self, kinds: list[Any]) -> list[_Value]:
        """The values that an operation takes, the lowest first."""
        if markobject in kinds and self.marks:
            start = self.marks.pop() - kinds.index(markobject)
        else:
            start = len(self.stack) - len(kinds)
        if start < (self.marks[-1] if self.marks else 0) or (markobject in kinds and start > len(self.stack)):
            raise ValueError("it takes values that it has not made")
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def _top(self) -> _Value:
        if not self.stack:
            raise ValueError("it takes values that it has not made")
        return self.stack[-1]
