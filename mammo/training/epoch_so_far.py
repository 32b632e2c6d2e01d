"""The means and metrics that an epoch has gathered so far, in a form that a checkpoint can hold.

Each process gets its own back when the training goes on: sums of floats that were added up across processes before
would differ from those of an undisturbed training in their last bits.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_max, dim_zero_min

States = Mapping[str, Mapping[str, Tensor | list[Tensor]]]
"""States [...] of one process, by the name of a metric of the network, or of a value that it logs over the epoch."""

Combine = Callable[[Tensor, Tensor], Tensor]
"""Makes one state of two."""


def epoch_so_far(trainer: pl.Trainer, network: pl.LightningModule) -> list[States]:
    """The states of all processes, sums [...] and rows [N, ...] on the CPU, by rank; they must call this together."""
    metrics = _metrics(network) | _logged(trainer)
    states: list[States] = [
        {name: {key: _copy(value) for key, value in metric.metric_state.items()} for name, metric in metrics.items()}
    ] * trainer.world_size
    if trainer.world_size > 1:
        torch.distributed.all_gather_object(states, states[0])
    return states


def own_states(saved: object, rank: int, n_processes: int) -> list[States]:
    """The states of a checkpoint that a process takes up.

    Where there are as many processes as before, each has its own. Otherwise the first takes up those of all, so that
    sums over the epoch stay complete, although the order of their additions is another one.

    Args:
        saved: what epoch_so_far returned, or anything else, as a checkpoint from elsewhere may hold.
        rank: of the process.
        n_processes: how many go on.

    Returns:
        Sums [...] and rows [N, ...] of each process whose part this one takes up.
    """
    states = saved if isinstance(saved, list) and all(_is_states(each) for each in saved) else []
    if len(states) == n_processes:
        return [states[rank]]
    return states if rank == 0 else []


def set_sums(network: pl.LightningModule, states: Sequence[States]) -> None:
    """Set the sums [...] of the network's metrics, before the first step."""
    for name, metric in _metrics(network).items():
        for key, own in metric.metric_state.items():
            if isinstance(own, Tensor) and (found := _tensors(states, name, key, own)):
                setattr(metric, key, reduce(_combine(metric, key), found))


def add_rows(network: pl.LightningModule, states: Sequence[States]) -> None:
    """Put the rows [N, ...] of an interrupted epoch before those of the network's metrics.

    After the first step, whose rows show on which device a metric keeps them; one without rows is of a validation.
    """
    for name, metric in _metrics(network).items():
        for key, own in metric.metric_state.items():
            if isinstance(own, list) and own:
                rows = [row for each in states for row in _rows(each.get(name, {}).get(key))]
                like = [row.to(own[0].device) for row in rows if row.shape[1:] == own[0].shape[1:]]
                setattr(metric, key, [*like, *own])


def add_logged(trainer: pl.Trainer, states: Sequence[States]) -> None:
    """Add what an interrupted epoch had gathered, float32 [], to Lightning's values, which exist after a first step."""
    for name, metric in _logged(trainer).items():
        for key, own in metric.metric_state.items():
            assert isinstance(own, Tensor)
            setattr(metric, key, reduce(_combine(metric, key), [own, *_tensors(states, name, key, own)]))


def _metrics(network: pl.LightningModule) -> dict[str, Metric]:
    return {f"network.{name}": module for name, module in network.named_modules() if isinstance(module, Metric)}


def _logged(trainer: pl.Trainer) -> dict[str, Metric]:
    """What Lightning keeps for self.log(..., on_epoch=True)."""
    results = trainer.fit_loop.epoch_loop._results  # no public name leads to them
    return {f"logged.{name}": value for name, value in results.items() if value.is_tensor and value.meta.on_epoch}


def _combine(metric: Metric, key: str) -> Combine:
    """How two states of a metric become one: their sum, unless it is of a highest or lowest value."""
    meta = getattr(metric, "meta", None)  # of Lightning's values
    if metric._reductions[key] is dim_zero_max or (key == "value" and meta is not None and meta.is_max_reduction):
        return torch.maximum
    if metric._reductions[key] is dim_zero_min or (key == "value" and meta is not None and meta.is_min_reduction):
        return torch.minimum
    return torch.add


def _tensors(states: Sequence[States], name: str, key: str, own: Tensor) -> list[Tensor]:
    """The states that are like a process's own one, on its device."""
    found = [each.get(name, {}).get(key) for each in states]
    return [value.to(own.device) for value in found if isinstance(value, Tensor) and value.shape == own.shape]


def _rows(value: object) -> list[Tensor]:
    return value if isinstance(value, list) else []


def _copy(value: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    return [row.detach().cpu() for row in value] if isinstance(value, list) else value.detach().cpu().clone()


def _is_states(value: object) -> bool:
    """Whether a value from a checkpoint is what one process had gathered."""
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        return False
    rows = [
        row
        for each in value.values()
        for state in each.values()
        for row in (state if isinstance(state, list) else [state])
    ]
    return all(isinstance(row, Tensor) for row in rows)
