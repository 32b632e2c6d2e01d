"""Training in several processes: which process writes, and how they gather the states of a metric."""

from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(getattr(rank_zero_only, "rank", None) or 0) == 0


def gather_rows(rows: Tensor, group: Any = None) -> list[Tensor]:  # noqa: ANN401
    """Gather a tensor from every process, as `dist_sync_fn` of a torchmetrics metric.

    Unlike torchmetrics' own function it accepts CPU tensors with every backend, NCCL included, and leaves out the empty
    float placeholder of a process without rows, which would turn the integers of the others into floats.

    Args:
        rows: [N, ...] on any device; N may differ between processes.
        group: the process group, or None for all processes.

    Returns:
        The tensors [N, ...] that are not empty, on the CPU, in rank order, values and types unchanged.
    """
    gathered: list[Tensor] = [rows] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(gathered, rows.cpu(), group)
    return [part for part in gathered if part.numel()]
