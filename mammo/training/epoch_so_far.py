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

LOGGED = "logged."
"""How the names of logged values begin."""

Combine = Callable[[Tensor, Tensor], Tensor]
"""Makes one state of two."""


def epoch_so_far(trainer: pl.Trainer, network: pl.LightningModule, rest: Sequence[States] = ()) -> list[States]:
    """The states of all processes, by rank, on the CPU; they must call this together.

    Args:
        trainer: within an epoch.
        network: that it trains.
        rest: what this process has not yet taken up of an interrupted epoch (add_rest).
    """
    own: dict[str, dict[str, Tensor | list[Tensor]]] = {
        name: {key: _copy(value) for key, value in metric.metric_state.items()}
        for name, metric in (_metrics(network) | _logged(trainer)).items()
    }
    for name, values in ((name, values) for each in rest for name, values in each.items()):
        state = own.setdefault(name, {})
        state |= {key: [*_rows(state.get(key)), *value] for key, value in values.items() if isinstance(value, list)}
        state |= {key: value for key, value in values.items() if key not in state}
    states: list[States] = [own] * trainer.world_size
    if trainer.world_size > 1:
        torch.distributed.all_gather_object(states, own)
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


def set_sums(network: pl.LightningModule, states: Sequence[States]) -> list[States]:
    """Set the sums [...] of the network's metrics, before the first step; returns what is left for add_rest."""
    metrics = _metrics(network)
    for name, metric in metrics.items():
        for key, own in metric.metric_state.items():
            if isinstance(own, Tensor) and (found := _tensors(states, name, key, own)):
                setattr(metric, key, reduce(_combine(metric, key), found))
    return [_without_sums(each, metrics) for each in states]


def add_rest(
    trainer: pl.Trainer, network: pl.LightningModule, states: Sequence[States], ends: bool = False
) -> list[States]:
    """Put the rows [N, ...] and logged values, float32 [], of an interrupted epoch to those of the rest of it.

    Each waits until the metric has its first row, which shows the shape, or until the value is logged again, for
    which Lightning makes a place. A value that is logged no more in the epoch is lost.

    Args:
        trainer: after a step.
        network: that it trains.
        states: what this process has still to take up.
        ends: whether the epoch has no further step, so that rows wait no longer.

    Returns:
        What still waits.
    """
    metrics = {name: metric for name, metric in _metrics(network).items() if ends or any(_own_rows(metric).values())}
    for name, metric in metrics.items():
        for key, own in _own_rows(metric).items():
            rows = [row.to(metric.device) for each in states for row in _rows(each.get(name, {}).get(key))]
            setattr(metric, key, [*(row for row in rows if not own or row.shape[1:] == own[0].shape[1:]), *own])
    logged = _logged(trainer)
    for name, metric in logged.items():
        for key, value in metric.metric_state.items():
            assert isinstance(value, Tensor)
            setattr(metric, key, reduce(_combine(metric, key), [value, *_tensors(states, name, key, value)]))
    taken = metrics.keys() | logged.keys()
    return [{name: values for name, values in each.items() if name not in taken} for each in states]


def _without_sums(states: States, metrics: Mapping[str, Metric]) -> States:
    """The rows of the network's metrics that have some, and the logged values."""
    rows = {
        name: {key: value for key, value in values.items() if isinstance(value, list) and value}
        for name, values in states.items()
        if name in metrics
    }
    logged = {name: values for name, values in states.items() if name.startswith(LOGGED)}
    return {name: values for name, values in rows.items() if values} | logged


def _own_rows(metric: Metric) -> dict[str, list[Tensor]]:
    return {key: value for key, value in metric.metric_state.items() if isinstance(value, list)}


def _metrics(network: pl.LightningModule) -> dict[str, Metric]:
    return {f"network.{name}": module for name, module in network.named_modules() if isinstance(module, Metric)}


def _logged(trainer: pl.Trainer) -> dict[str, Metric]:
    """What Lightning keeps for self.log(..., on_epoch=True)."""
    results = trainer.fit_loop.epoch_loop._results  # no public name leads to them
    return {f"{LOGGED}{name}": value for name, value in results.items() if value.is_tensor and value.meta.on_epoch}


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
    return [value.to(own.device) for value in found if isinstance(value, Tensor) and _is_like(value, own)]


def _is_like(value: Tensor, own: Tensor) -> bool:
    return (value.shape, value.dtype) == (own.shape, own.dtype)


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
