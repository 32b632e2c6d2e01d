"""Checks of training's configuration beyond the types of single values, before anything slow is imported or read."""

from collections.abc import Iterator

from omegaconf import DictConfig

from mammo.cli.config_check import check_config
from mammo.cli.value_types import shown
from mammo.records import MammoError

PARTS = ("limit_train_batches", "limit_val_batches", "limit_test_batches")
"""Options of the trainer whose 0 would leave out what a run is made of."""

WITHOUT = {
    "limit_train_batches": "nothing would be trained",
    "limit_val_batches": "the best checkpoint is selected by validation",
    "limit_test_batches": "the test has no result without batches; to leave it out give test=false",
}
"""Why each of PARTS cannot be 0."""


def check_values(cfg: DictConfig) -> None:
    """Check a configuration of train: its values by themselves, and those that depend on one another.

    Raises:
        MammoError: a value has the wrong type, is out of range or contradicts another; with key, value and remedy.
    """
    check_config("train", cfg)
    if problems := [*_maps(cfg), *_validation(cfg), *_quota(cfg)]:
        raise MammoError("; ".join(problems))


def _maps(cfg: DictConfig) -> Iterator[str]:
    """Yield what is wrong with the maps of f_agg."""
    for name, value in (cfg.get("maps") or {}).items():
        if value is not True:
            yield f"maps.{name}={value}: name the maps that are wanted, as in 'maps=[emb,sal]'"


def _validation(cfg: DictConfig) -> Iterator[str]:
    """Yield options of the trainer with which a run would have no best checkpoint or no test result."""
    trainer = cfg.trainer
    if trainer.fast_dev_run:
        return  # Lightning runs a batch of everything whatever the limits are
    for name in PARTS:
        if trainer[name] == 0 and (name != "limit_test_batches" or cfg.test):
            yield f"trainer.{name}=0: {WITHOUT[name]}; give a share of the batches above 0, as in trainer.{name}=1.0"
    every = trainer.check_val_every_n_epoch
    if every > trainer.max_epochs:
        yield (
            f"trainer.check_val_every_n_epoch={every} and trainer.max_epochs={trainer.max_epochs}: no epoch would be "
            "validated, and the best checkpoint is selected by validation; give at most the number of epochs"
        )
    for name, value in (("enable_checkpointing", False), ("barebones", True)):
        if trainer[name] is value:
            yield (
                f"trainer.{name}={shown(value)}: a run needs its checkpoints; leave {name} out, or give "
                "debug=fast_dev_run for a run of which nothing is kept"
            )
    stopping = (cfg.get("callbacks") or {}).get("early_stopping") or {}
    if stopping.get("monitor") == "val_auc" and stopping.get("mode") == "min":
        yield (
            "callbacks.early_stopping.mode=min: training would stop as the validation AUC improves; give mode=max, or "
            "another callbacks.early_stopping.monitor"
        )


def _quota(cfg: DictConfig) -> Iterator[str]:
    """Yield what is wrong with the quota of patches."""
    if cfg.get("quota") is not None and sum(cfg.quota.values()) == 0:
        yield "quota: all four numbers are 0; give patches of at least one class, as in quota.malignant=20"
