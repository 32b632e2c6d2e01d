"""The settings of a reader study: the keys of STUDY.yaml, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mammo.limits import YAML_BYTES, read_text, read_yaml
from mammo.records import MammoError, Split, did_you_mean, is_number, is_whole

MOST_READERS = 64
MOST_DAYS = 3650
MOST_SEED = 2**63 - 1
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
"""A reader's code, which becomes the name of a file."""

CODE_RULE = "1 to 32 letters, digits, hyphens, dots and underscores, of which the first is a letter or digit"


class Design(StrEnum):
    """When a case is read with the score: at once after it was read without it, or in another session."""

    SEQUENTIAL = "sequential"
    INDEPENDENT = "independent"


@dataclass(frozen=True)
class Settings:
    """A reader study.

    Attributes:
        name: of the study, which readers see.
        store: folder of the image store.
        split: whose labeled lesions are the cases; None where lesions are listed.
        lesions: ids of the lesions; empty where a split is given.
        cases: number of cases, each of another patient, drawn from these lesions; None for all of them.
        design: sequential or independent.
        days: least number of days between the two sessions of an independent design; 0 for a sequential one.
        seed: of the draw and of every reader's order.
        readers: codes.
        output: folder of answers.
    """

    name: str
    store: Path
    split: Split | None
    lesions: tuple[str, ...]
    cases: int | None
    design: Design
    days: float
    seed: int
    readers: tuple[str, ...]
    output: Path

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """The settings of a file; relative paths in it are below its folder.

        Raises:
            MammoError: the file cannot be read, or a key is unknown, missing, or has a wrong value.
        """
        try:
            content = read_yaml(path)
        except (OSError, ValueError) as error:
            if tabs := _tabbed_line(path):
                raise MammoError(f"{path}, line {tabs}, begins with a tab: use spaces, as YAML asks for") from None
            raise MammoError(f"{path} cannot be read as YAML ({error}): see the how-to of reader studies") from None
        if not isinstance(content, dict):
            raise MammoError(f"{path} is not a table of keys and values: write KEY: VALUE lines, as in seed: 1")
        return cls._checked(_Keys(path, content))

    @classmethod
    def _checked(cls, keys: "_Keys") -> "Settings":
        keys.check_names()
        design = keys.choice("design", Design)
        split, lesions = keys.lesions()
        return cls(
            name=keys.text("name"),
            store=keys.folder("store"),
            split=split,
            lesions=lesions,
            cases=keys.whole("cases", 2, 100_000) if "cases" in keys.content else None,
            design=design,
            days=keys.days(design),
            seed=keys.whole("seed", 0, MOST_SEED),
            readers=keys.readers(),
            output=keys.folder("output"),
        )

    def fixed(self) -> dict[str, Any]:
        """What must not change once a study has begun, as JSON values; readers may join, and folders move."""
        return {
            "name": self.name,
            "split": self.split,
            "lesions": list(self.lesions),
            "cases": self.cases,
            "design": self.design,
            "days": self.days,
            "seed": self.seed,
        }


def _tabbed_line(path: Path) -> int:
    """Number of the first line whose indentation has a tab, from 1; 0 where none has, or the file cannot be read."""
    try:
        lines = read_text(path, YAML_BYTES).splitlines()
    except (OSError, ValueError):
        return 0
    return next((number for number, line in enumerate(lines, 1) if re.match(r" *\t", line)), 0)


REQUIRED = {
    "name": "demo study",
    "store": "runs/demo/store",
    "design": "sequential",
    "seed": "1",
    "readers": "[R1, R2]",
    "output": "runs/demo/study",
}
"""Keys that every study needs, each with an example."""

OPTIONAL = ("split", "lesions", "cases", "days")


def _unquoted(value: object) -> str:
    """What to do beside where a text stands for a number."""
    return ", without quotes or other text" if isinstance(value, str) else ""


@dataclass(frozen=True)
class _Keys:
    """The keys of a file, each read with a check; MammoError names file, key, value and remedy."""

    path: Path
    content: Mapping[Any, Any]

    def wrong(self, key: str, remedy: str) -> MammoError:
        """The error of a key."""
        return MammoError(f"{self.path}: {key} is {repr(self.content[key])[:100]}: {remedy}")

    def check_names(self) -> None:
        """Check that no key is unknown, and none is missing."""
        known = (*REQUIRED, *OPTIONAL)
        for key in self.content:
            if key not in known:
                hint = did_you_mean(str(key), known)
                raise MammoError(f"{self.path}: the key {key!s:.100} is unknown{hint}: use {', '.join(known)}")
        for key in REQUIRED:
            if key not in self.content:
                raise MammoError(f"{self.path}: the key {key} is missing: give it, as in {key}: {REQUIRED[key]}")

    def text(self, key: str) -> str:
        """A line of text."""
        value = self.content[key]
        if not isinstance(value, str) or not value.strip() or len(value) > 100 or not value.isprintable():
            raise self.wrong(key, "give a text of 1 to 100 characters in one line")
        return value

    def folder(self, key: str) -> Path:
        """A path; a relative one is below the folder of the file."""
        value = self.content[key]
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.wrong(key, "give the path of a folder")
        return self.path.parent / value

    def choice(self, key: str, kind: type[Design]) -> Design:
        """One of the values of a closed list."""
        try:
            return kind(self.content[key])
        except ValueError:
            raise self.wrong(key, f"give {' or '.join(kind)}") from None

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self.content[key]
        if not is_whole(value) or not low <= value <= high:
            raise self.wrong(key, f"give a whole number from {low} to {high}{_unquoted(value)}")
        return int(value)

    def lesions(self) -> tuple[Split | None, tuple[str, ...]]:
        """The split, or the lesions that are listed."""
        if ("split" in self.content) == ("lesions" in self.content):
            raise MammoError(f"{self.path}: give one of the keys split and lesions, as in split: test")
        if "split" in self.content:
            try:
                return Split(self.content["split"]), ()
            except ValueError:
                raise self.wrong("split", f"give {', '.join(Split)}, or a list of lesions in the key lesions") from None
        value = self.content["lesions"]
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise self.wrong("lesions", "give a list of lesion ids of the store, as in [a1b2c3]; quote numbers")
        if twice := [one for one in value if value.count(one) > 1]:
            raise MammoError(f"{self.path}: lesions has {twice[0]!r} twice: list every lesion once")
        return None, tuple(value)

    def days(self, design: Design) -> float:
        """The least days between two sessions."""
        if design is Design.SEQUENTIAL:
            if "days" in self.content:
                raise self.wrong("days", "a sequential design has one session: leave the key out")
            return 0.0
        if "days" not in self.content:
            raise MammoError(f"{self.path}: the key days is missing: give the days between sessions, as in days: 28")
        value = self.content["days"]
        if not is_number(value) or not 0 <= value <= MOST_DAYS:
            raise self.wrong("days", f"give a number of days from 0 to {MOST_DAYS}{_unquoted(value)}")
        return float(value)

    def readers(self) -> tuple[str, ...]:
        """The codes of the readers."""
        value = self.content["readers"]
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_READERS:
            raise self.wrong("readers", f"give a list of 1 to {MOST_READERS} codes, as in [R1, R2]")
        for code in value:
            if not isinstance(code, str) or not CODE.fullmatch(code):
                raise MammoError(f"{self.path}: readers has {str(code)[:100]!r}, which is not a code: give {CODE_RULE}")
        lowered = [code.lower() for code in value]  # names of files, which some systems take for equal
        if twice := [code for code in value if lowered.count(code.lower()) > 1]:
            raise MammoError(f"{self.path}: readers has {twice[0]!r} twice: give every reader a code of their own")
        return tuple(value)
