"""Data-parallel training in several processes: which one writes, and gathering of metric states."""

from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(getattr(rank_zero_only, "rank", None) or 0) == 0


def gather_rows(rows: Tensor, group: Any = None) -> list[Tensor]:  # noqa: ANN401
    """Collect a tensor from every process; for `dist_sync_fn` of torchmetrics.

    Unlike its own function this one takes tensors on the CPU whatever the backend (NCCL has no CPU tensors), and a
    process that scored nothing, whose empty placeholder would change the type of the others' integers.

    Args:
        rows: [N, ...] on any device, N and the values differing between processes; a sum [...] likewise.
        group: the processes, all of them if None.

    Returns:
        The tensors that are not empty, on the CPU, in rank order; bits and types unchanged.
    """
    gathered: list[Tensor] = [rows] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(gathered, rows.cpu(), group)
    return [part for part in gathered if part.numel()]
