"""Training in several processes: batch_size is that of the whole batch, of which each process has a part.

The data loader deals the rows of a batch to the processes (data.loader.Loader). DDP then averages their gradients,
which is the gradient of the whole batch only if each process's loss counts by its part. The train_loss that is logged
is the plain mean of the parts' losses, weighted by rows.
"""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from mammo.data.loader import dealt
from mammo.records import Batch, MammoError


def batch_parts(batch_size: int, n_processes: int) -> list[int]:
    """Rows of a whole batch that each process has, by rank: they differ by one at most.

    Raises:
        MammoError: there are more processes than rows.
    """
    if batch_size < n_processes:
        raise MammoError(
            f"batch_size={batch_size} is smaller than the number of processes, {n_processes} (trainer.devices times "
            f"trainer.num_nodes), to which a batch is dealt: give batch_size={n_processes} or more, or fewer processes"
        )
    return [len(dealt(range(batch_size), rank, n_processes)) for rank in range(n_processes)]


def check_synchronized(trainer: pl.Trainer) -> None:
    """Check that batch normalization over all processes (trainer.sync_batchnorm=true) has the GPUs that torch needs.

    Raises:
        MammoError: it has none.
    """
    if trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
        raise MammoError(
            "trainer.sync_batchnorm=true: torch synchronizes batch normalization on GPUs only: leave it out, or give "
            "trainer.accelerator=gpu"
        )


class SameInputs(Callback):
    """Ends a training whose processes do not read the same: each reads the store by itself when it starts.

    Args:
        digest: of this process's configuration and of what it reads (RunDir.digest).
    """

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Compare the digests of all processes.

        Raises:
            MammoError: in the first process, and SystemExit in the others, where one has another digest.
        """
        is_same = trainer.strategy.broadcast(self.digest) == self.digest
        if trainer.strategy.reduce_boolean_decision(is_same, all=True):
            return
        if not trainer.is_global_zero:
            raise SystemExit(2)
        raise MammoError(
            f"the {trainer.world_size} processes of this training have read different tables or runs, because the "
            "store was split or ingested again, or another run was finished, while they started: run the same command "
            "again"
        )


def batch_share(loss: nn.Module | None, target: Tensor, rank: int, n_processes: int) -> Tensor | float:
    """Share of the whole batch's loss that the loss of one process's part has: the shares of all processes sum to 1.

    A loss is taken for a mean over rows, unless it has a method `divisor` for what it divides its sum by
    (models.losses.WeightedCrossEntropy).

    Args:
        loss: of the network; None if it has none.
        target: [B] or [B, 2], of the whole batch.
        rank: of the process.
        n_processes: number of processes.

    Returns:
        A number in [0, 1], 0 for a process without rows.
    """
    divisor = getattr(loss, "divisor", len)
    share: Tensor | float = divisor(dealt(target, rank, n_processes)) / divisor(target)
    return share


class GlobalBatch(Callback):
    """Scales each process's gradient, so that the average over processes is the gradient of the whole batch.

    Works for every network and loss, because it scales the gradient of the loss, not the loss. In one process it does
    nothing.
    """

    def __init__(self) -> None:
        self._scale: Tensor | float = 1.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, _: int) -> None:
        """Find the scale of a batch, which has the column whole_target in several processes."""
        if trainer.world_size > 1:
            loss, n_processes = getattr(pl_module, "loss", None), trainer.world_size
            self._scale = n_processes * batch_share(loss, batch["whole_target"], trainer.global_rank, n_processes)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Scale the gradient of the loss, float32 []."""
        if trainer.world_size > 1:
            loss.register_hook(lambda gradient: gradient * self._scale)  # type: ignore[no-untyped-call]
