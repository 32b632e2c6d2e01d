"""What training saw of the four patch classes in one epoch: the loss of each, and their confusion."""

import torch
from torch import Tensor
from torch.nn import functional

from mammo.models.distributed import of_every_rank
from mammo.records import PatchClass

N = len(PatchClass)


class PatchTally:
    """Sums over the batches since the last `close`, on the network's own device, so that nothing waits for them."""

    def __init__(self) -> None:
        self._sums: tuple[Tensor, Tensor] | None = None
        self.loss = torch.full((N,), torch.nan, dtype=torch.float64)
        self.confusion = torch.zeros(N, N, dtype=torch.int64)

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Count one batch: logits [B, 4], target int64 [B]."""
        with torch.no_grad():
            each = functional.cross_entropy(logits, target, reduction="none").double()
            losses = torch.zeros(N, dtype=torch.float64, device=each.device).index_add_(0, target, each)
            confused = torch.bincount(target * N + logits.argmax(dim=1), minlength=N * N)
            before = self._sums
            self._sums = (losses, confused) if before is None else (before[0] + losses, before[1] + confused)

    def close(self) -> None:
        """End the epoch, over all processes.

        `loss` [4] becomes the mean cross-entropy of each class, NaN where it did not occur; `confusion` [4, 4] the
        number of patches by true class (row) and by the class of the largest logit (column).
        """
        mine = [] if self._sums is None else [tuple(part.cpu() for part in self._sums)]
        rows = of_every_rank(mine)
        self._sums = None
        losses = sum((row[0] for row in rows), torch.zeros(N, dtype=torch.float64))
        self.confusion = sum((row[1] for row in rows), torch.zeros(N * N, dtype=torch.int64)).reshape(N, N)
        self.loss = losses / self.confusion.sum(dim=1)
