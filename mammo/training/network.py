"""The network that a configuration names: its class, what the class declares, and how it is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pytorch_lightning as pl
from omegaconf import DictConfig

from mammo.cli.targets import build, resolve
from mammo.data.plans import Quota
from mammo.maps.stack import canonical_order
from mammo.records import MammoError
from mammo.training.configured_classes import allowed_packages, place, plain

NOT_ARGUMENTS = ("name", "floc")
"""Keys of conf/model that the network's constructor does not receive."""

LOCAL_TRUNK = ("local_init", "local_weights", "local_pretrained_file")
"""Keys of conf/gmic that are no sizes: model.local_trunk names them."""

PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Traits:
    """What a network's class declares, as class attributes of these names.

    Attributes:
        plan: what it trains on, "patches" or "images".
        columns: batch columns that it reads (mammo.data.dataset); or a classmethod that returns them for a mapping of
            the constructor's arguments.
        window_seed: seed of the training windows; None for the training seed. f_agg has one for all, so that embeddings
            are computed once per f_loc.
        saves_embeddings: whether its method `represent` gives the h that f_agg reads.
        scores_validation: whether the validation split is scored after the test, too, for thresholds; its predict_step
            returns WindowPredictions then.
    """

    plan: Literal["patches", "images"]
    columns: tuple[str, ...]
    window_seed: int | None = None
    saves_embeddings: bool = False
    scores_validation: bool = False


def network_class(cfg: DictConfig) -> type[pl.LightningModule]:
    """The class that model._target_ names; MammoError as mammo.cli.targets.resolve."""
    return resolve(plain(cfg.model), place("model"), allowed_packages(cfg))


def traits_of(cfg: DictConfig) -> Traits:
    """What the configured network's class declares.

    Raises:
        MammoError: the class lacks plan or columns, or plan is neither "patches" nor "images".
    """
    cls = network_class(cfg)
    declared = {name: getattr(cls, name) for name in Traits.__dataclass_fields__ if hasattr(cls, name)}
    if declared.get("plan") not in ("patches", "images") or "columns" not in declared:
        raise MammoError(
            f"model._target_={cfg.model._target_}: the class needs the class attributes plan ('patches' or 'images') "
            "and columns (names of batch columns, as in ('patch',))"
        )
    columns = declared["columns"]
    declared["columns"] = tuple(columns(_offered(cfg)) if callable(columns) else columns)
    return Traits(**declared)


def network_of(cfg: DictConfig) -> pl.LightningModule:
    """The configured network, freshly initialized.

    Raises:
        MammoError: a target is rejected, or an argument is unknown or out of range.
    """
    node, offered, allowed = plain(cfg.model), _offered(cfg), allowed_packages(cfg)
    loss = node.pop("loss", None)
    if loss is not None:
        weights = Quota(**plain(cfg.quota)).class_weights
        offered["loss"] = build(loss, replace(place("model.loss"), offered={"class_weights": weights}), allowed)
    arguments = {key: value for key, value in node.items() if key not in NOT_ARGUMENTS}
    network = build(arguments, replace(place("model"), offered=offered), allowed)
    assert isinstance(network, pl.LightningModule)
    if kept := [name for name, value in network.hparams.items() if not _is_plain(value)]:
        raise MammoError(
            f"model._target_={cfg.model._target_}: a checkpoint with the hyperparameter {kept[0]} could not be loaded "
            f"safely: call self.save_hyperparameters(ignore={kept})"
        )
    return network


def _offered(cfg: DictConfig) -> dict[str, object]:
    """Arguments for the network's constructor from other parts of the configuration."""
    frame = {"height": cfg.frame.height, "width": cfg.frame.width, "cell_px": cfg.frame.cell_px}
    offered: dict[str, object] = {"frame": frame}
    if "backbone" in cfg:
        offered["backbone"] = plain(cfg.backbone)
    if "maps" in cfg:
        offered["maps"] = list(canonical_order(str(name) for name in cfg.maps))
    if "gmic" in cfg:
        offered["sizes"] = {key: value for key, value in plain(cfg.gmic).items() if key not in LOCAL_TRUNK}
    return offered


def _is_plain(value: object) -> bool:
    """Whether torch.load reads the value without running code."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str | int) and _is_plain(each) for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return isinstance(value, list | tuple) and all(map(_is_plain, value))
    return isinstance(value, PLAIN)
