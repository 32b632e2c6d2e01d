"""Two processes of a training (gloo, CPU) that read different inputs end before the first step, in one sentence."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from mammo.records import MammoError
from mammo.training.global_batch import SameInputs


class Net(pl.LightningModule):
    """A minimal network."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        return self.layer(batch).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def ended(digests: Sequence[str], folder: Path) -> list[str]:
    """How each of two processes has ended: its error, or the number of its steps."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank, digest in enumerate(digests):
        child = os.fork()
        if child == 0:
            place = {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "WORLD_SIZE": 2,
                "LOCAL_RANK": rank,
                "NODE_RANK": 0,
            }
            os.environ.update({name: str(value) for name, value in place.items()})
            text = "crashed"
            try:
                text = _trained(digest, folder)
            except (MammoError, SystemExit) as error:
                text = f"{type(error).__name__}: {error}"
            finally:
                (folder / str(rank)).write_text(text)
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return [(folder / str(rank)).read_text() for rank in range(len(digests))]


def _trained(digest: str, folder: Path) -> str:
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_steps=2,
        callbacks=[SameInputs(digest)],
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Net(), torch.utils.data.DataLoader(torch.zeros(8, 1)))
    return str(trainer.global_step)


def test_processes_that_have_read_the_same_train(tmp_path: Path) -> None:
    assert ended("aa", tmp_path) == ["2", "2"]


@pytest.mark.parametrize("digests", ["ab", "ba"])
def test_processes_that_have_read_different_inputs_end_in_one_sentence(tmp_path: Path, digests: str) -> None:
    first, second = ended(digests, tmp_path)
    assert first.startswith("MammoError: the 2 processes of this training have read different tables or runs, because")
    assert first.endswith("run the same command again")
    assert second == "SystemExit: 2"
