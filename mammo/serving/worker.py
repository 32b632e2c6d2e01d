"""Calls that take long, one after another in a thread, so that the server goes on answering."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.exceptions import HTTPException

Result = TypeVar("Result")

MOST_WAITING = 32
"""Requests that wait for a worker."""

BUSY = 503
"""HTTP status: too many wait."""


class Worker:
    """Runs one call after another in a thread of its own."""

    def __init__(self) -> None:
        self._thread, self._waiting = ThreadPoolExecutor(max_workers=1), 0

    async def run(self, call: Callable[..., Result], *arguments: object) -> Result:
        """The result of a call; HTTPException where too many wait."""
        if self._waiting >= MOST_WAITING:
            raise HTTPException(BUSY, f"{MOST_WAITING} requests wait already: try again in a minute.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
        finally:
            self._waiting -= 1
