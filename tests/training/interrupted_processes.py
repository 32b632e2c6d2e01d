"""`mammo train` whose first process receives SIGTERM before the third step of the second epoch."""

import os
import signal
import sys

import pytorch_lightning as pl

from mammo.__main__ import main
from mammo.training.progress_lines import EpochProgress


def interrupt(_: EpochProgress, trainer: pl.Trainer, *__: object) -> None:
    """Send the signal."""
    if (trainer.global_rank, trainer.current_epoch, trainer.fit_loop.epoch_loop.batch_idx) == (0, 1, 2):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    EpochProgress.on_train_batch_start = interrupt  # type: ignore[method-assign]
    sys.exit(main())
