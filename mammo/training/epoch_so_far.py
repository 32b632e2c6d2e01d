"""The means and metrics that an epoch has gathered so far, in a form that a checkpoint can hold."""

from collections.abc import Mapping

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import Metric

EpochSoFar = dict[str, dict[str, Tensor]]
"""States by the name of a metric of the network, or of a value that it logs as a mean over the epoch."""

MEAN = ("value", "cumulated_batch_size")
"""State of a mean that Lightning keeps: the sum over rows, and their number."""


def epoch_so_far(trainer: pl.Trainer, network: pl.LightningModule) -> EpochSoFar:
    """The sums [...] of all processes, in each metric's own shape; they must call this together."""
    several = trainer.world_size > 1
    found: EpochSoFar = {}
    for name, metric in _metrics(network).items():
        # lists, which several processes join to a tensor, are of a validation, and empty within an epoch
        sums = {key for key, value in metric.metric_state.items() if isinstance(value, Tensor)}
        with metric.sync_context(should_sync=several):
            states = {key: torch.as_tensor(value) for key, value in metric.metric_state.items() if key in sums}
            found[name] = {key: value.detach().cpu().clone() for key, value in states.items()}
    for name, mean in _means(trainer).items():
        states = {key: getattr(mean, key).detach().clone() for key in MEAN}
        found[name] = {key: trainer.strategy.reduce(value, reduce_op="sum").cpu() for key, value in states.items()}
    return found


def add_metrics(network: pl.LightningModule, so_far: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Add what an interrupted epoch had gathered, float [...], to the network's metrics, which are sums."""
    _add(_metrics(network), so_far)


def add_means(trainer: pl.Trainer, so_far: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Add what an interrupted epoch had gathered, float [...], to Lightning's means, which exist after a first step."""
    _add(_means(trainer), so_far)


def _add(metrics: Mapping[str, Metric], so_far: Mapping[str, Mapping[str, Tensor]]) -> None:
    for name, metric in metrics.items():
        for key, value in so_far.get(name, {}).items():
            own = getattr(metric, key)
            setattr(metric, key, own + value.to(own.device))


def _metrics(network: pl.LightningModule) -> dict[str, Metric]:
    return {f"network.{name}": module for name, module in network.named_modules() if isinstance(module, Metric)}


def _means(trainer: pl.Trainer) -> dict[str, Metric]:
    """The means over the epoch that Lightning keeps for self.log(..., on_epoch=True)."""
    results = trainer.fit_loop.epoch_loop._results  # no public name leads to them
    means = {name: result for name, result in results.items() if result.is_tensor and result.meta.is_mean_reduction}
    return {f"mean.{name}": result for name, result in means.items()}
