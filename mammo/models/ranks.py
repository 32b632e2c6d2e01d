"""Rows that several processes collected, brought together."""

from typing import TypeVar

import torch

Row = TypeVar("Row")


def of_every_rank(rows: list[Row]) -> list[Row]:
    """The rows of every process that trains together, by rank; just these where one trains alone."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return rows
    everyone: list[list[Row]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(everyone, rows)
    return [row for rank in everyone for row in rank]
