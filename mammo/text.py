"""Text that comes from files, made safe to write: no control sequence for a terminal, no formula for a spreadsheet."""

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet run a cell as a formula; the last four are the full-width = + - @."""

LINES = "\n"
"""What separates the lines of a message."""


def printable(text: str, kept: str = "") -> str:
    r"""A text with everything that cannot be printed as an escape, as in \x1b: control and direction characters.

    Args:
        text: the text.
        kept: characters that stay as they are, such as LINES.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else repr(char)[1:-1] for char in text)


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
