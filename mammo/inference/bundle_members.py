"""The members of a bundle: what it keeps of a run, and the networks that are made from it again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from mammo.inference.bundle import AGAIN, FACTS, Bundle
from mammo.inference.placing import placing_of
from mammo.inference.scorer import Role, Scorer
from mammo.maps.map_names import canonical_order
from mammo.models.context_network import ContextNetwork
from mammo.records import MammoError
from mammo.scoring.number_text import json_number
from mammo.training.configured_classes import checked_config, plain
from mammo.training.results import Run, parse_run
from mammo.training.run_files import parse_run_config
from mammo.training.trained_networks import SavedNetwork, class_of

KEPT_CONFIG = (
    *("data", "seed", "fold", "quota", "max_angle_deg", "windows_per_lesion", "maps", "context", "model", "backbone"),
    *("batch_size", "eval_batch_size", "window_epochs", "frame", "gmic", "labels", "image_sampling"),
)
"""Keys of a run's configuration that its networks and datamodule are made from; the others name places and tools."""

KEPT_TRAINER = ("accelerator", "precision")

OWN_MACHINE = {"intensity": None, "workers": 0, "workers_timeout_s": 60.0, "memory_gb": 1.0}
"""Keys that are about training or the machine, as scoring needs them."""

NOT_KEPT = ("folder", "command", "reads", "files", "stamps", "test_lesions", "test_findings")
"""What a bundle leaves out of a run: its places, the command line, which names the user's folders, and its evaluation,
of which a bundle has its own."""

BASES: Mapping[Role, type[pl.LightningModule]] = {
    "own": pl.LightningModule,
    "floc": pl.LightningModule,
    "context": ContextNetwork,
}


@dataclass(frozen=True)
class BundledRun(Run):
    """A run whose networks are in a bundle; it has no folder, and no tables of scores.

    Attributes:
        settings: its configuration.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration that the bundle keeps."""
        return self.settings

    def validation(self) -> pd.DataFrame | None:
        """None: a bundle holds thresholds, but no scores of single lesions."""
        return None


@dataclass(frozen=True, eq=False)
class Member:
    """One training, as a bundle keeps it.

    Attributes:
        facts: JSON values: result, config and networks.
        weights: of its networks by name.
    """

    facts: dict[str, Any]
    weights: dict[str, Mapping[str, Tensor]]


def kept_member(scorer: Scorer) -> Member:
    """What a bundle keeps of the networks of a run: no path, and nothing of the user's machine.

    Raises:
        MammoError: a network has no hyperparameters, of which it could be built again.
    """
    networks: dict[Role, pl.LightningModule | None] = {"own": scorer.network, "context": scorer.context}
    if scorer.floc is not scorer.network:
        networks["floc"] = scorer.floc
    described, weights = {}, {}
    for role, network in networks.items():
        if network is None:
            continue
        saved = SavedNetwork.of_network(network)
        name = f"{role}-{saved.digest()[:16]}"
        weights[name] = saved.state
        target = f"{type(network).__module__}.{type(network).__qualname__}"
        described[role] = {"target": target, "arguments": saved.arguments, "weights": name}
    run = {each.name: getattr(scorer.run, each.name) for each in fields(Run) if each.name not in NOT_KEPT}
    run |= {"command": "", "val_auc": json_number(run["val_auc"]), "test_auc": json_number(run["test_auc"])}
    run |= {"read_digests": {"store": run.pop("store")}, "scale": facts_of_members([scorer])["scale"]}
    if json_number(run["lr"]) is None:
        run.pop("lr")
    return Member({"result": run, "config": _kept_config(scorer.cfg), "networks": described}, weights)


def _kept_config(cfg: DictConfig) -> dict[str, Any]:
    config = {key: value for key, value in plain(cfg).items() if key in KEPT_CONFIG}
    config["trainer"] = {key: cfg.trainer[key] for key in KEPT_TRAINER}
    config["data"] = {"name": cfg.data.name}
    for group, keys in {"context": ("run",), "model": ("floc", "global_trunk", "loss")}.items():
        if group in config:
            config[group] = {key: value for key, value in config[group].items() if key not in keys}
    for group in ("backbone", "gmic"):
        if group in config:
            config[group] = {k: None if k.endswith("pretrained_file") else v for k, v in config[group].items()}
    return config | OWN_MACHINE


def bundled_scorer(bundle: Bundle, number: int, allowed: Sequence[str]) -> Scorer:
    """The networks of one member of a bundle.

    Args:
        bundle: the bundle.
        number: of the member.
        allowed: packages that its configuration may name classes of (allow_targets).

    Raises:
        MammoError: a part is missing or contradicts another, or names a class that is rejected.
    """
    where = f"{bundle.path}: members.{number}"
    member = bundle.part("members", list)[number]
    try:
        result, networks = dict(member["result"]), dict(member["networks"])
        content = parse_run_config(member["config"], where)
    except (TypeError, KeyError, ValueError) as error:
        raise MammoError(f"{where} is not a whole member ({type(error).__name__}: {error}): {AGAIN}") from None
    cfg = checked_config(content, where, allowed)
    plain_run = parse_run(result | {"command": ""}, bundle.path, bundle.path)
    values = {each.name: getattr(plain_run, each.name) for each in fields(Run)}

    def network(role: Role) -> pl.LightningModule:
        try:
            node = networks[role]
            arguments, name, target = dict(node["arguments"]), str(node["weights"]), str(node["target"])
        except (TypeError, KeyError, ValueError) as error:
            raise MammoError(f"{where} has no whole network {role} ({type(error).__name__}): {AGAIN}") from None
        cls = class_of({"model": {"_target_": target}}, f"{where}.networks.{role}", BASES[role], allowed)
        return SavedNetwork(f"{where}.networks.{role}", arguments, bundle.weights(name)).built(cls)

    return Scorer.of(BundledRun(**values, settings=content), cfg, network)


def facts_of_members(scorers: Sequence[Scorer]) -> dict[str, Any]:
    """What a bundle says about its networks that follows from their configurations, as JSON values.

    Raises:
        MammoError: the scale of the training images is not known.
    """
    run, placing = scorers[0].run, placing_of(scorers[0])
    spacing = placing.options.spacing_mm
    return {
        "model": run.title,
        "maps": list(canonical_order(run.maps.split("+"))) if run.maps else [],
        "map_order": ["malignant", "benign"],
        "trained_on": sorted({name for scorer in scorers for name in scorer.run.data.split("+")}),
        "frame": asdict(scorers[0].frame),
        "scale": placing.scale if spacing is None else f"auto, to {spacing} mm",
    }


def check_members(bundle: Bundle, scorers: Sequence[Scorer]) -> None:
    """Check that what a bundle says about its networks is what its members were trained with.

    Raises:
        MammoError: one contradicts it, or is in it twice.
    """
    if len({scorer.run.digest for scorer in scorers}) < len(scorers):
        raise MammoError(f"{bundle.path}: one of its members is in it twice: {AGAIN}")
    data, windows = facts_of_members(scorers)["trained_on"], frame_and_windows(scorers[0].cfg)
    for number, scorer in enumerate(scorers):
        if frame_and_windows(scorer.cfg) != windows:
            raise MammoError(f"{bundle.path}: members.0 and members.{number} differ in frame or windows: {AGAIN}")
        for name, value in (facts_of_members([scorer]) | {"trained_on": data}).items():
            if (stated := bundle.facts.get(name)) != value:
                raise MammoError(
                    f"{bundle.path}: {name} in its {FACTS} is {stated!r}, but members.{number} has {value!r}: {AGAIN}"
                )


def frame_and_windows(cfg: DictConfig) -> dict[str, Any]:
    """What the members of a bundle must have in common: the frame and the sizes of windows."""
    frame = OmegaConf.to_container(cfg.frame, resolve=True)
    return {"frame": frame, "max_angle_deg": cfg.max_angle_deg}


def bundle_path(path: str | Path) -> Path:
    """The path of a bundle that a command writes; MammoError where it is a folder."""
    if Path(path).is_dir():
        raise MammoError(f"{path} is a folder: name the file that the bundle is written to, as in runs/demo/my.bundle")
    return Path(path)
