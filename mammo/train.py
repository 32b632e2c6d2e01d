"""python -m mammo.train: trains f_loc, the context network or f_agg, once or as a sweep (see conf/train.yaml)."""

import logging
import warnings

from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.training.pretrained import check_pretrained
from mammo.training.store_defaults import store_defaults

NOISE = (
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*exists and is not empty.*",
    ".*sync_dist=True.*",
)
"""Warnings that tell a user nothing: of a deprecation inside Lightning, our choice of workers, a folder that was there,
and metrics that every process computes from the rows of all processes (models.distributed)."""


def task(cfg: DictConfig) -> float:
    """Train one configuration; its validation AUC, for sweepers that optimise."""
    check_pretrained(cfg)
    from mammo.training.fit import train  # heavy: only now that the weights are known to be at hand

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)
    return train(cfg)


main = command("train", store_defaults)(task)

if __name__ == "__main__":
    main()
