"""Several processes that train together: who is the first of them, and rows that they collected brought together."""

from typing import TypeVar

import torch
from pytorch_lightning.utilities import rank_zero_only

Row = TypeVar("Row")


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(getattr(rank_zero_only, "rank", None) or 0) == 0


def of_every_rank(rows: list[Row]) -> list[Row]:
    """The rows of every process that trains together, by rank; just these where one trains alone."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return rows
    everyone: list[list[Row]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(everyone, rows)
    return [row for rank in everyone for row in rank]
