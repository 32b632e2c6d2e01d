"""Errors in the rows of a user's tables, collected so that all are listed at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from mammo.intake.adapters._table_words import LISTED
from mammo.records import MammoError


class Problems:
    """Errors in the rows of tables found so far, collected so that all of them are listed at once."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Note one error, once."""
        if message not in self.messages:
            self.messages.append(message)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Note a MammoError that the block raises, and continue after the block."""
        try:
            yield
        except MammoError as error:
            self.add(str(error))

    def check(self) -> None:
        """Raise the errors found so far, the first LISTED of them in words.

        Raises:
            MammoError: there are any.
        """
        if not self.messages:
            return
        if len(self.messages) == 1:
            raise MammoError(self.messages[0])
        lines = [f"{len(self.messages)} rows are wrong:", *self.messages[:LISTED]]
        if len(self.messages) > LISTED:
            lines.append(f"and {len(self.messages) - LISTED} more")
        raise MammoError("\n  ".join(lines))
