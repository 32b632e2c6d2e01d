"""From a composed configuration to the datamodule, and to the name and the facts of a run."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mammo.cli.targets import build, is_foreign
from mammo.data.augmentation import IntensityAugmentation
from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import SaliencySource
from mammo.data.plans import Quota, WindowNoise
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.maps.stack import maps_name
from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings
from mammo.store.manifest import Manifest
from mammo.training.configured_classes import allowed_packages, place, plain
from mammo.training.network import traits_of


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
    manifest, frame = Manifest.load(Path(cfg.store)), frame_of(cfg)
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
    source = cfg.context.source if "sal" in maps else "gmic"
    return {
        "model": cfg.model.name,
        "maps": maps_name(maps) if maps else "",
        "context": "" if source == "gmic" else str(source),
        "backbone": backbone["name"],
        "init": backbone["init"],
        "seed": cfg.seed,
        "fold": cfg.fold,
        "trial": cfg.trial,
        "lr": cfg.model.lr,
        "whole_validation": cfg.trainer.limit_val_batches == 1.0 and not cfg.trainer.overfit_batches,
    }


def datamodule_of(
    cfg: DictConfig, saliency: SaliencySource | None = None, embeddings: Embeddings | None = None
) -> MammoDataModule:
    """The datamodule with the batch columns of the configured network.

    Args:
        cfg: the configuration.
        saliency: source of saliency maps, for a network that reads them.
        embeddings: stored h of every window, read in place of the patches.
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
        window_epochs=cfg.window_epochs,
        saliency=saliency,
        embeddings=embeddings,
        intensity=_intensity(cfg),
        image_noise=WindowNoise(**plain(cfg.frame.noise)),
        balanced_images=cfg.get("balanced_images", False),
        workers=cfg.workers,
        memory_gb=cfg.memory_gb,
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
