"""Numbers as text for people: rounded, and "undefined" where a metric has no value, in pages, messages and terminals.

JSON has null in such a place and CSV an empty cell (json_number, score_tables.safe_csv), so that programs can read
them.
"""

from collections.abc import Sequence
from math import isfinite

UNDEFINED = "undefined"


def number_text(value: float | None, digits: int = 3) -> str:
    """A number with this many decimals; "undefined" for None, NaN and infinity."""
    return UNDEFINED if value is None or not isfinite(value) else f"{value:.{digits}f}"


def signed_text(value: float | None, digits: int = 3) -> str:
    """A number with its sign, as in "+0.021"; "undefined" as in number_text."""
    return UNDEFINED if value is None or not isfinite(value) else f"{value:+.{digits}f}"


def range_text(bounds: Sequence[float | None] | None, is_signed: bool = False) -> str:
    """An interval (low, high), as in "0.512 to 0.833"; "undefined" if it or one of its bounds has no value."""
    text = signed_text if is_signed else number_text
    shown = [text(bound) for bound in bounds or ()]
    return UNDEFINED if UNDEFINED in shown or not shown else " to ".join(shown)


def p_text(value: float | None) -> str:
    """A p-value in [0, 1], as in "p = 0.021"; one that would round to 0 is given by its bound."""
    if value is None or not isfinite(value):
        return f"p {UNDEFINED}"
    return "p < 0.001" if value < 0.0005 else f"p = {value:.3f}"


def json_number(value: float) -> float | None:
    """A number for JSON; None, which is written as null, for NaN and infinity."""
    return value if isfinite(value) else None
