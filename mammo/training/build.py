"""From a composed configuration to the network and the datamodule, and to the name and the facts of a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from mammo.cli.targets import build, is_foreign, resolve
from mammo.data.augmentation import IntensityAugmentation
from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import EmbeddingSource, ImageMapSource
from mammo.data.image_plans import WindowNoise
from mammo.data.plans import Quota
from mammo.data.view_dropping import ViewDropping
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.maps.map_names import IMAGE_MAPS, canonical_order, maps_name
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.training.configured_classes import allowed_packages, place, plain

NOT_ARGUMENTS = ("name", "floc")
"""Keys of conf/model that the network's constructor does not receive."""

LOCAL_TRUNK = ("local_init", "local_weights", "local_pretrained_file")
"""Keys of conf/gmic that are not sizes: model.local_trunk names them."""

PLAIN = (bool, int, float, str, type(None))


def frame_of(cfg: DictConfig) -> Frame:
    """The configured frame."""
    return Frame(cfg.frame.height, cfg.frame.width, cfg.frame.cell_px)


def crops_of(cfg: DictConfig) -> CropSizes:
    """The configured sizes of windows and patches."""
    crops = cfg.frame.crops
    return CropSizes(tuple(crops.side_px), crops.patch_px, cfg.max_angle_deg, crops.whole_px)


def checked_manifest(cfg: DictConfig) -> Manifest:
    """The store's manifest, after checking that its frame is the configured one.

    Raises:
        MammoError: it is another frame, or as Manifest.load.
    """
    manifest, frame = Manifest.current(Path(cfg.store)), frame_of(cfg)
    if frame != manifest.frame:
        raise MammoError(
            f"the configured frame is {frame}, but {cfg.store} was ingested with frame={manifest.header.preset}, "
            f"{manifest.frame}: leave frame= out, or ingest the images again with the other frame"
        )
    return manifest


def store_line(cfg: DictConfig, manifest: Manifest) -> str:
    """One line on what a command takes from its store."""
    header = manifest.header
    return f"{cfg.store}: data set {header.name}, frame {header.preset} ({manifest.frame}), data.init={cfg.data.init}"


def start_lines(cfg: DictConfig, network: pl.LightningModule) -> list[str]:
    """Lines on what a training is made of: its classes, and what the backbone of network starts from."""
    parts = {"network": {"_target_": cfg.model._target_}, "loss": cfg.model.get("loss"), "augmentation": cfg.intensity}
    lines = [", ".join(f"{name} {class_names(part)}" for name, part in parts.items())]
    if "backbone" not in cfg:
        return lines
    lines[0] = f"backbone {cfg.backbone.name}, {lines[0]}"
    start = "ImageNet weights" if cfg.backbone.init == "imagenet" else "He initialization, not ImageNet weights"
    lines.append(f"the backbone starts from {start} (backbone.init={cfg.backbone.init})")
    if cfg.backbone.channels == 1 and not getattr(getattr(network, "backbone", None), "is_folded", True):
        lines.append("three copies of each patch are computed, because the first layer cannot fold them")
    return lines


def class_names(node: object) -> str:
    """The classes that a part of the configuration names, as in "Compose(Exposure, ElasticTransform)"; or none."""
    if isinstance(node, DictConfig):
        node = OmegaConf.to_container(node, resolve=True)
    if isinstance(node, list):
        return ", ".join(filter(None, map(class_names, node)))
    if not isinstance(node, dict):
        return "none" if node is None else ""
    name = str(node.get("_target_", "")).rpartition(".")[2]
    inner = class_names([each for each in node.values() if isinstance(each, dict | list)])
    return f"{name}({inner})" if name and inner else name or inner


def run_name(cfg: DictConfig) -> str:
    """What a run is called, in tables, folders and dashboards."""
    facts = facts_of(cfg)
    target = str(cfg.model._target_)
    own = target.rpartition(".")[2] if is_foreign(target) else ""
    words = (facts["model"], own, facts["backbone"], facts["maps"], facts["context"])
    fold, trial = ("" if cfg[key] is None else f"-{key[0]}{cfg[key]}" for key in ("fold", "trial"))
    return "-".join(filter(None, words)) + f"-s{cfg.seed}{fold}{trial}"


def facts_of(cfg: DictConfig) -> dict[str, Any]:
    """What a run is: what its result and its dashboard repeat of the configuration."""
    maps, backbone = cfg.get("maps", {}), cfg.get("backbone", {"name": "", "init": ""})
    return {
        "model": cfg.model.name,
        "maps": maps_name(maps) if maps else "",
        "context": _context_name(cfg, maps),
        "backbone": backbone["name"],
        "init": backbone["init"],
        "seed": cfg.seed,
        "fold": cfg.fold,
        "trial": cfg.trial,
        "lr": cfg.model.lr,
        "precision": str(cfg.trainer.precision),
        "whole_validation": cfg.trainer.limit_val_batches == 1.0 and not cfg.trainer.overfit_batches,
    }


def shuffled_maps(cfg: DictConfig) -> list[str]:
    """Names of the selected maps of images that are those of another image on purpose, in canonical order."""
    if "context" not in cfg or cfg.context.source != "shuffled":
        return []
    return [name for name in IMAGE_MAPS if name in cfg.maps and name in cfg.context.shuffled]


def _context_name(cfg: DictConfig, maps: Iterable[str]) -> str:
    """The source of f_agg's maps of images, as "shuffled-ipsi" where the others are true; empty if all are."""
    of_images = [name for name in IMAGE_MAPS if name in maps]
    if not of_images or cfg.context.source == "gmic":
        return ""
    wrong = shuffled_maps(cfg)
    return str(cfg.context.source) if not wrong or wrong == of_images else f"shuffled-{'+'.join(wrong)}"


@dataclass(frozen=True)
class Traits:
    """What a network's class declares, as class attributes of these names.

    Attributes:
        plan: what it trains on, "patches" or "images".
        columns: batch columns that it reads (mammo.data.dataset); or a classmethod that returns them for a mapping of
            the constructor's arguments.
        window_seed: seed of training windows that all trainings share, from a random stream of their own; None for
            windows of the training seed. f_agg's are shared, so that embeddings are computed once per f_loc.
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
        offered["loss"] = _loss(loss, Quota(**plain(cfg.quota)), allowed)
    arguments = {key: value for key, value in node.items() if key not in NOT_ARGUMENTS}
    network = build(arguments, replace(place("model"), offered=offered), allowed)
    assert isinstance(network, pl.LightningModule)
    if kept := [name for name, value in network.hparams.items() if not _is_plain(value)]:
        raise MammoError(
            f"model._target_={cfg.model._target_}: a checkpoint with the hyperparameter {kept[0]} could not be loaded "
            f"safely: call self.save_hyperparameters(ignore={kept})"
        )
    return network


def _loss(node: Mapping[str, Any], quota: Quota, allowed: Sequence[str]) -> object:
    """The loss that model.loss describes; it may take the weights and shares of the classes of the quota."""
    # normalize=batch, which conf/model sets, is WeightedCrossEntropy's own default: no other loss need take it.
    arguments = {key: value for key, value in node.items() if (key, value) != ("normalize", "batch")}
    offered = {"class_weights": quota.class_weights, "class_shares": quota.class_shares}
    return build(arguments, replace(place("model.loss"), offered=offered), allowed)


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


def datamodule_of(
    cfg: DictConfig,
    manifest: Manifest | None = None,
    image_maps: Mapping[str, ImageMapSource] | None = None,
    embeddings: EmbeddingSource | None = None,
) -> MammoDataModule:
    """The datamodule with the batch columns of the configured network.

    Args:
        cfg: the configuration.
        manifest: of the store, as it was when the run began; None for the present one.
        image_maps: sources of the columns saliency, ipsi and contra that the network reads.
        embeddings: source of h of every window, read in place of the patches.
    """
    traits = traits_of(cfg)
    return MammoDataModule(
        store=cfg.store,
        plan=traits.plan,
        columns=traits.columns if embeddings is None else ("embedding",),
        crops=crops_of(cfg),
        quota=Quota(**plain(cfg.quota)),
        batch_size=cfg.batch_size,
        eval_batch_size=cfg.eval_batch_size,
        windows_per_lesion=plain(cfg.windows_per_lesion),
        fold=cfg.fold,
        seed=cfg.seed if traits.window_seed is None else traits.window_seed,
        shared_windows=traits.window_seed is not None,
        window_epochs=cfg.window_epochs,
        image_maps=image_maps,
        view_dropping=ViewDropping(cfg.get("drop_views", 0.0), cfg.seed),
        embeddings=embeddings,
        intensity=_intensity(cfg),
        image_noise=WindowNoise(**plain(cfg.frame.noise)),
        image_sampling=cfg.get("image_sampling", "all"),
        labels=cfg.get("labels", "breast"),
        workers=cfg.workers,
        workers_timeout_s=cfg.workers_timeout_s,
        memory_gb=cfg.memory_gb,
        manifest=manifest,
    )


def _intensity(cfg: DictConfig) -> IntensityAugmentation | None:
    """The configured intensity augmentation, or None."""
    if cfg.intensity is None:
        return None
    if "_target_" not in (cfg.intensity if isinstance(cfg.intensity, DictConfig) else ()):
        raise MammoError(
            f"intensity={cfg.intensity}: choose one of conf/intensity, as in intensity=standard, or give a pipeline, "
            "as in 'intensity={_target_: albumentations.GaussNoise, p: 0.5}'"
        )
    return IntensityAugmentation(build(plain(cfg.intensity), place("intensity"), allowed_packages(cfg)))
