"""python -m mammo.train: trains f_loc, the context network or f_agg, once or as a sweep (see conf/train.yaml)."""

import logging
import warnings

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.training.slurm_tasks import check_devices
from mammo.training.train_config import check_pretrained, check_values, store_defaults

NOISE = (
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*exists and is not empty.*",
    ".*sync_dist=True.*",
    ".*`srun` command.*",
)
"""Warnings that a user cannot act on: a deprecation inside Lightning, threads instead of worker processes, a run folder
that exists, metrics that every process computes from the rows of all processes (models.epoch_metrics), and a hint to
use Slurm on a machine that has it."""


def task(cfg: DictConfig) -> float:
    """Train one configuration; its validation AUC, for sweepers that optimize."""
    check_devices(cfg)
    check_pretrained(cfg)
    from mammo.training.fit import train  # heavy: only after the checks of processes and pretrained weights

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)
    return train(cfg)


main = command("train", store_defaults, check_values, is_joint=True)(task)

if __name__ == "__main__":
    run(main)
