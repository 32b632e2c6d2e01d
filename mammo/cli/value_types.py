"""Types and ranges of configuration values, with the words that an error message needs."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import fsencode
from pathlib import Path
from typing import Any

from mammo.io import runtime_errors_as
from mammo.records import did_you_mean, is_number, is_whole

MOST = 2**31 - 1
"""Largest whole number where a key has no limit of its own."""

LONGEST_NAME = 255
"""Longest file name that common file systems take, bytes."""

DEEPEST, LONGEST_LIST = 4, 1000
"""Most levels and values of lists and dictionaries whose keys are not known."""

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

CONTROL = re.compile(r"[\x00-\x1f\x7f]")

SHOWN = 120
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class ValueType:
    """What a key of the configuration takes.

    Attributes:
        wanted: what to give, as in "a whole number of at least 1".
        example: a value that fits; empty where `wanted` says it all.
        fits: whether a plain value (number, string, list, dictionary, None) is of this type.
        hint: what to say of a value that does not fit, behind it in brackets; empty for nothing.
        is_text: whether a command line's text is taken as it is typed: 2024_11_28 is no number there.
        is_path: whether that text is a path.
        verb: what to do with `wanted`, in a message.
    """

    wanted: str
    example: str
    fits: Callable[[Any], bool]
    hint: Callable[[Any], str] = lambda _: ""
    is_text: bool = False
    is_path: bool = False
    verb: str = "give"

    def problem(self, key: str, value: object) -> str | None:
        """What is wrong with a value of a key and what to give instead; None where it fits."""
        if self.fits(value):
            return None
        example = f", as in {key}={self.example}" if self.example else ""
        return f"{key}={shown(value)}{self.hint(value)}: {self.verb} {self.wanted}{example}"


def shown(value: object) -> str:
    """A value as it would be typed on the command line, shortened."""
    match value:
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case list():
            text = f"[{','.join(map(shown, value))}]"
        case dict():
            text = f"{{{', '.join(f'{name}: {shown(each)}' for name, each in value.items())}}}"
        case _:
            text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def whole(least: int, most: int = MOST) -> ValueType:
    """A whole number from least to most."""
    limit = f" and at most {most}" if most != MOST else ""
    wanted = f"a whole number of at least {least}{limit}"
    return ValueType(wanted, str(min(least + 1, most)), lambda value: is_whole(value) and least <= value <= most)


def number(wanted: str, example: str, fits: Callable[[float], bool] = lambda _: True) -> ValueType:
    """A finite number in a range, which `wanted` describes, as in "above 0"."""
    text = f"a number {wanted}".strip()
    return ValueType(text, example, lambda value: is_number(value) and fits(value))


def switch() -> ValueType:
    """True or false; Python would take any word for true."""
    return ValueType("true or false", "", lambda value: isinstance(value, bool))


def choice(*known: str | int) -> ValueType:
    """One of a few words or numbers."""
    return ValueType(
        ", ".join(map(str, known)),
        "",
        lambda value: not isinstance(value, bool) and value in known,
        lambda value: did_you_mean(str(value), map(str, known)),
        verb="choose from",
    )


def word(example: str, wanted: str = "a word") -> ValueType:
    """A name, taken as it is typed; it can be part of a file name."""
    return ValueType(wanted, example, _is_word, is_text=True)


def path(wanted: str = "a path of this machine", example: str = "runs/mine") -> ValueType:
    """A path, taken as it is typed, or a word that stands for one (best)."""
    return ValueType(wanted, example, _is_path, _about_path, is_text=True, is_path=True)


def folder(example: str = "runs/mine") -> ValueType:
    """A folder that exists or can be created."""
    return replace(
        path("a folder of this machine", example), fits=lambda value: _is_path(value) and not _blocked(value)
    )


def or_null(inner: ValueType) -> ValueType:
    """A value of this type, or null."""
    return replace(inner, wanted=f"{inner.wanted}, or null", fits=lambda value: value is None or inner.fits(value))


def either(*types: ValueType) -> ValueType:
    """A value of one of several types; the message shows the first one's example."""
    wanted = " or ".join(each.wanted for each in types)
    return replace(types[0], wanted=wanted, verb="give", fits=lambda value: any(each.fits(value) for each in types))


def listed(inner: ValueType, example: str, least: int = 0, most: int = MOST, wanted: str = "") -> ValueType:
    """A list of least to most values of a type; `wanted` describes it where the type's own words would not."""
    count = f"{least} values" if least == most else "values"
    wanted = wanted or f"a list of {count}, each {inner.wanted}"

    def fits(value: object) -> bool:
        return isinstance(value, list) and least <= len(value) <= most and all(map(inner.fits, value))

    def hint(value: object) -> str:
        wrong = [each for each in value if not inner.fits(each)] if isinstance(value, list) else []
        return f", where {shown(wrong[0])} is wrong{inner.hint(wrong[0])}" if wrong else ""

    return ValueType(wanted, example, fits, hint)


def shares(count: int, names: str, example: str) -> ValueType:
    """A list of shares of at least 0 that sum to 1."""
    each = number("of at least 0", "0.5", lambda value: value >= 0)

    def fits(value: object) -> bool:
        if not isinstance(value, list) or len(value) != count or not all(map(each.fits, value)):
            return False
        return abs(sum(value) - 1) <= 1e-6

    return ValueType(f"a list of {count} numbers ({names}) of at least 0 that sum to 1", example, fits)


def mapping(
    example: str, wanted: str = "keys with values in braces", fits: Callable[[dict[str, Any]], bool] = lambda _: True
) -> ValueType:
    """A dictionary that fits."""
    return ValueType(wanted, example, lambda value: isinstance(value, dict) and fits(value))


def simple(example: str) -> ValueType:
    """Numbers, switches, words and null, in lists and dictionaries of at most DEEPEST levels; no path or address."""
    wanted = f"numbers, words, true, false or null, or lists and dictionaries of them, at most {DEEPEST} deep"
    return ValueType(wanted, example, _is_simple)


def _is_simple(value: object, depth: int = 0) -> bool:
    if isinstance(value, list | dict):
        inner = value if isinstance(value, list) else [*value, *value.values()]
        return depth < DEEPEST and len(inner) <= LONGEST_LIST and all(_is_simple(each, depth + 1) for each in inner)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return is_number(value) and abs(value) <= MOST
    return value is None or isinstance(value, bool) or _is_word(value)


def free() -> ValueType:
    """Any value: what reads it checks it."""
    return ValueType("", "", lambda _: True)


def normalized_path(text: str) -> str:
    """A path as typed, with ~ expanded and in the Unicode form of the files that exist.

    macOS writes an umlaut as a letter and an accent (NFD), where most keyboards give one character (NFC): of a name
    that does not exist, the other form is taken if a file or folder has it.
    """
    try:
        with runtime_errors_as(OSError):
            expanded = Path(text).expanduser()
    except OSError:  # the home of a user who does not exist
        return text
    if text.isascii():
        return str(expanded) if text.startswith("~") else text
    found = Path(expanded.anchor)
    for part in expanded.relative_to(expanded.anchor).parts:
        forms = (part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD")))
        found = next((found / form for form in forms if (found / form).exists()), found / part)
    return str(found)


def _is_word(value: object) -> bool:
    """Whether a value can be the name of a file or folder."""
    is_name = isinstance(value, str) and _is_path(value) and "/" not in value and value not in (".", "..")
    return is_name and not str(value).startswith("-")


def _is_path(value: object) -> bool:
    """Whether a value is text that a file system takes as a local path."""
    if not isinstance(value, str) or not value.strip() or CONTROL.search(value) or value.startswith("~"):
        return False
    return not URL.match(value) and all(len(fsencode(part)) <= LONGEST_NAME for part in Path(value).parts)


def _about_path(value: object) -> str:
    """Why a text is not a usable path, where that is not plain."""
    if not isinstance(value, str):
        return ""
    if URL.match(value):
        return " (an address: download it first)"
    if value.startswith("~"):
        return " (write the home folder out)"
    blocked = _blocked(value) if _is_path(value) else None
    return f" ({blocked} is a file)" if blocked else ""


def _blocked(text: str) -> Path | None:
    """The file that stands where a folder of the path should be; None where there is none."""
    for part in (Path(text), *Path(text).parents):
        try:
            if part.exists():
                return None if part.is_dir() else part
        except OSError:  # no permission to look
            return None
    return None
