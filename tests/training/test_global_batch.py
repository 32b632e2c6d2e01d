"""The parts of a batch in several processes, and the gradient that they give together."""

from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mammo.models.losses import WeightedCrossEntropy
from mammo.records import MammoError
from mammo.training.global_batch import GlobalBatch, batch_parts, batch_share

QUOTA = ([500.0, 250.0, 2.0, 2.1], [1 / 500, 1 / 250, 1 / 2, 1 / 2.1])
LOSSES = [WeightedCrossEntropy(*QUOTA), WeightedCrossEntropy(*QUOTA, "epoch"), nn.CrossEntropyLoss(), None]


def test_parts_differ_by_one_row_at_most() -> None:
    assert batch_parts(25, 4) == [7, 6, 6, 6]
    assert batch_parts(25, 1) == [25]
    for batch_size in range(1, 30):
        for n_processes in range(1, batch_size + 1):
            parts = batch_parts(batch_size, n_processes)
            assert (len(parts), sum(parts)) == (n_processes, batch_size)
            assert max(parts) - min(parts) <= 1


def test_a_batch_smaller_than_the_number_of_processes_is_rejected() -> None:
    message = r"^batch_size=3 is smaller than the number of processes, 4 .*: give batch_size=4 or more, or fewer"
    with pytest.raises(MammoError, match=message):
        batch_parts(3, 4)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: getattr(loss, "normalize", type(loss).__name__))
@pytest.mark.parametrize(("n_rows", "n_processes"), [(25, 4), (9, 2), (1, 3)])
def test_the_mean_gradient_of_all_processes_is_that_of_the_whole_batch(
    loss: nn.Module | None, n_rows: int, n_processes: int
) -> None:
    generator = torch.Generator().manual_seed(n_rows)
    x, target = torch.randn(n_rows, 6, generator=generator), torch.randint(0, 4, (n_rows,), generator=generator)
    weight = torch.randn(6, 4, generator=generator, requires_grad=True)
    loss_of = loss or nn.CrossEntropyLoss()
    (expected,) = torch.autograd.grad(loss_of(x @ weight, target), weight)
    found = torch.zeros_like(weight)
    for rank in range(n_processes):
        rows = list(range(rank, n_rows, n_processes)) or [0]  # a process without rows repeats the first
        part = _scaled(loss, loss_of(x[rows] @ weight, target[rows]), target, rank, n_processes)
        (gradient,) = torch.autograd.grad(part, weight)
        found += gradient / n_processes
    torch.testing.assert_close(found, expected)
    shares = [batch_share(loss, target, rank, n_processes) for rank in range(n_processes)]
    assert sum(map(float, shares)) == pytest.approx(1)


def _scaled(network_loss: nn.Module | None, value: Tensor, target: Tensor, rank: int, n_processes: int) -> Tensor:
    """The loss of one process, with the callback's gradient."""
    callback, trainer = GlobalBatch(), SimpleNamespace(world_size=n_processes, global_rank=rank)
    network = pl.LightningModule()
    network.loss = network_loss
    callback.on_train_batch_start(trainer, network, {"whole_target": target}, 0)  # type: ignore[arg-type]
    callback.on_before_backward(trainer, network, value)  # type: ignore[arg-type]
    return value


def test_labels_of_images_count_by_rows() -> None:
    assert [batch_share(nn.BCELoss(), torch.zeros(5, 2), rank, 2) for rank in range(2)] == [0.6, 0.4]


def test_one_process_keeps_its_gradient() -> None:
    value = torch.ones((), requires_grad=True) * 3
    trainer = SimpleNamespace(world_size=1, global_rank=0)
    GlobalBatch().on_train_batch_start(trainer, pl.LightningModule(), {}, 0)  # type: ignore[arg-type]
    GlobalBatch().on_before_backward(trainer, pl.LightningModule(), value)  # type: ignore[arg-type]
    assert value._backward_hooks is None
