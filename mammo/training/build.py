"""From a composed configuration to objects: the datamodule, the network and the trainer.

The only place that knows both the words of conf/ and the constructors.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import CSVLogger, Logger

from mammo.cli.targets import foreign
from mammo.data.augmentation import Intensity
from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import SaliencySource
from mammo.data.image_plans import WindowNoise
from mammo.data.plans import Quota
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.maps.stack import maps_name
from mammo.models.precision import resolve_precision
from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings
from mammo.store.manifest import Manifest
from mammo.training.callbacks import EpochMetrics
from mammo.training.lines import EpochLines
from mammo.training.network import plain, traits_of
from mammo.training.resume import Patience, WithinEpoch, queue_callbacks, queue_plugins
from mammo.training.run_dir import RunDir
from mammo.training.sweep_state import in_sweep
from mammo.training.wandb_logging import Dashboard, wandb_logger


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
            f"the configured frame is {frame}, but {cfg.store} was ingested with frame={manifest.data_set.preset}, "
            f"{manifest.frame}: leave frame= out, or ingest the images again with the other frame"
        )
    return manifest


def store_line(cfg: DictConfig, manifest: Manifest) -> str:
    """One line on what a command takes from its store."""
    data_set = manifest.data_set
    return (
        f"{cfg.store}: data set {data_set.name}, frame {data_set.preset} ({manifest.frame}), data.init={cfg.data.init}"
    )


def run_name(cfg: DictConfig) -> str:
    """What a run is called, in tables, folders and dashboards."""
    facts = facts_of(cfg)
    own = "".join(name.rpartition(".")[2] for name in foreign({"_target_": cfg.model._target_}))
    words = (facts["model"], own, facts["backbone"], facts["maps"], facts["context"])
    trial = "" if cfg.trial is None else f"-t{cfg.trial}"
    return "-".join(filter(None, words)) + f"-s{cfg.seed}{trial}"


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
        "trial": cfg.trial,
        "lr": cfg.model.get("lr"),
        "whole_validation": cfg.trainer.limit_val_batches == 1.0,
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


def _intensity(cfg: DictConfig) -> Intensity | None:
    """The configured changes of grey value; None where there are none."""
    if cfg.intensity is None:
        return None
    if not isinstance(cfg.intensity, DictConfig):
        raise MammoError(f"intensity={cfg.intensity}: give null, or shares as in 'intensity={{brightness: 0.1}}'")
    with _telling_keys(f"intensity={cfg.intensity}"):
        return Intensity(**plain(cfg.intensity))


@contextmanager
def _telling_keys(part: str) -> Iterator[None]:
    """Tell of a part of the configuration that is handed on whole if it has a key that its receiver does not take."""
    try:
        yield
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise MammoError(f"{part}: one of these keys is none ({error})") from error


def trainer_of(cfg: DictConfig, run: RunDir) -> pl.Trainer:
    """The trainer: best and last checkpoint by the validation AUC, early stopping, metrics.csv, progress."""
    options = plain(cfg.trainer)
    patience, decay = options.pop("patience"), options.pop("weight_average")
    del options["threads"], options["compile"]  # of torch, not of the trainer
    options["precision"] = resolve_precision(options["precision"], options["accelerator"])
    best = ModelCheckpoint(run.path, "best", monitor="val_auc", mode="max", enable_version_counter=False)
    last = ModelCheckpoint(run.path, "last", enable_version_counter=False)  # save_last would skip epochs without a best
    on_terminal = sys.stdout.isatty() and not in_sweep()
    callbacks: list[Callback] = [best, last, Patience("val_auc", mode="max", patience=patience), EpochMetrics()]
    if decay is not None:
        callbacks.append(EMAWeightAveraging(decay=decay))
    callbacks.append(WithinEpoch(run.path))  # after the averaging, so that what it writes has the batch in the average
    callbacks += [RichProgressBar() if on_terminal else EpochLines(run.name), *queue_callbacks()]
    loggers: list[Logger] = [CSVLogger(run.path, name="metrics")]
    if cfg.logger.wandb is not None:
        dashboard = wandb_logger(run, cfg.group, facts_of(cfg), plain(cfg.logger.wandb))
        loggers.append(dashboard)
        callbacks.append(Dashboard(dashboard))
    return _trainer(
        options,
        default_root_dir=run.path,
        callbacks=callbacks,
        plugins=[*queue_plugins()],
        logger=loggers,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
        log_every_n_steps=1,
    )


def _trainer(options: dict[str, Any], **rest: Any) -> pl.Trainer:  # noqa: ANN401
    """Lightning's trainer of what conf/trainer says and the rest; what Lightning refuses is told in one sentence."""
    try:
        return pl.Trainer(**options, **rest)
    except (MisconfigurationException, ValueError, TypeError, RuntimeError, ImportError) as error:
        told = " ".join(str(error).split())
        keys = [key for key in options if key in told] or [key for key in options if f"'{options[key]}'" in told]
        keys = keys or [key for key in ("accelerator", "strategy") if options[key] != "auto"]
        named = ", ".join(f"trainer.{key}={options[key]}" for key in keys) or "trainer"
        raise MammoError(f"{named}: Lightning refuses it ({told})") from error
