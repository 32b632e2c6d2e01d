"""Progress of long work: a bar on a terminal, periodic lines in a log.

Both go to standard error, so that standard output holds only results.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mammo.text import print_text

T = TypeVar("T")

_INSIDE: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether progress is being reported: work inside it is part of it, and reports none of its own."""

LOG_EVERY_S = 5.0
"""Seconds between two lines when the output is not a terminal."""


def track(items: Iterable[T], what: str, total: int, unit: str = "images") -> Iterator[T]:
    """Yield items and report how many of total are done, at what rate, and the time left.

    Work that is tracked while another track waits for its item is a part of that item, and is not reported.

    Args:
        items: the work; each item is counted when the consumer asks for the next.
        what: the stage, in a word or two ("ingest").
        total: number of items.
        unit: what is counted.
    """
    if _INSIDE.get():
        yield from items
        return
    _INSIDE.set(True)
    try:
        yield from (_bar if sys.stderr.isatty() else _lines)(items, what, total, unit)
    finally:
        _INSIDE.set(False)


@contextmanager
def unreported() -> Iterator[None]:
    """Report no progress of the work in the block, which takes seconds and is one of many."""
    token = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(token)


def _bar(items: Iterable[T], what: str, total: int, unit: str) -> Iterator[T]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)


def _lines(items: Iterable[T], what: str, total: int, unit: str) -> Iterator[T]:
    started = time.monotonic()
    first, reported, done = started, started, 0
    for done, item in enumerate(items, start=1):
        if done == 1:  # what came before was the start of processes, which says nothing of the rate
            first = reported = time.monotonic()
        yield item
        now = time.monotonic()
        if now - reported >= LOG_EVERY_S and done < total:
            reported, rate = now, done / (now - first)
            _print(f"{what}: {done}/{total} {unit}, {rate:.1f}/s, {(total - done) / rate:.0f} s left")
    _print(f"{what}: {done}/{total} {unit} in {time.monotonic() - started:.0f} s")


def _print(line: str) -> None:
    print_text(line, file=sys.stderr)
