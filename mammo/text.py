"""Text from files, made safe to write: nothing that controls a terminal or runs in a spreadsheet; words."""

from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TextIO

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet run a cell as a formula; the last four are the full-width = + - @."""

BEGINNING = 3
"""Letters by which words begin alike."""

LINES = "\n"
"""What separates the lines of a message."""

BLANKS = "\u00a0\u2009\u202f"
"""Blanks that do not break a line, or are narrow, as between a number and its unit."""

UNSTATED = frozenset({"", "-", "--", "?", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "none", "null"}) | {
    "missing",
    "unknown",
    "not known",
    "not available",
}
"""Cells of free text that state nothing, in lower case."""


def printable(text: str, kept: str = "") -> str:
    r"""A text with everything that cannot be printed as an escape, as in \x1b: control and direction characters.

    Args:
        text: the text.
        kept: characters that stay as they are, such as LINES and BLANKS.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else repr(char)[1:-1] for char in text)


def print_text(text: object, file: TextIO | None = None) -> None:
    """Print lines at once, with an escape for every character that could act in the terminal.

    Every command prints through this function only, because a line may hold a name from a file.

    Args:
        text: the lines.
        file: sys.stderr, or None for standard output.
    """
    print(printable(str(text), kept=LINES + BLANKS), file=file, flush=True)


def print_event(text: str) -> None:
    """Print a line of a log, which begins with the time in UTC, as in 2026-11-29T18:05:09Z."""
    print_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")


def counted(number: int, noun: str) -> str:
    """A number of things, as in 1 lesion and 2 lesions, of a noun that takes an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent with so many digits after the point, as in 42.9 %."""
    return f"{100 * share:.{digits}f} %"


def csv_cell(text: str) -> str:
    """A text that a spreadsheet shows and does not run: printable, with an apostrophe before a formula."""
    shown = printable(text)
    return f"'{shown}" if _runs(shown) else shown


def without_apostrophe(cell: str) -> str:
    """The printable text of a cell of csv_cell."""
    return cell[1:] if cell.startswith("'") and _runs(cell[1:]) else cell


def _runs(text: str) -> bool:
    """Whether a spreadsheet would run a printable text as a formula, also behind blanks."""
    return text.lstrip(" ").startswith(FORMULA_STARTS)


def nearest_words(word: str, known: Iterable[str], n: int, cutoff: float = 0.6) -> list[str]:
    """Up to n known words, the one nearest to a misspelled word first, upper or lower case.

    Among the words above the similarity cutoff (difflib) those that begin as it does come first: convnext_tiny, and not
    test_convnext, for ConvNeXt.
    """
    names, typed = {name.lower(): name for name in known}, word.lower()
    near = get_close_matches(typed, list(names), n=len(names) or 1, cutoff=cutoff)
    near.sort(key=lambda name: name[:BEGINNING] != typed[:BEGINNING])  # stable: otherwise by similarity
    return [names[name] for name in near[:n]]
