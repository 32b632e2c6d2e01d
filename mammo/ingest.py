"""python -m mammo.ingest: ingests the images of any source into a store.

python -m mammo.ingest                                     the phantom cohort of runs/demo
python -m mammo.ingest data=table data.source=FOLDER root=runs/mine
python -m mammo.ingest data=cbis_ddsm data.source=FOLDER root=runs/mine append=true    adds a further source to a store
python -m mammo.ingest --multirun hydra/launcher=slurm_cpu 'shard=range(64)' ...   then the same without shard=
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mammo.cli.arguments import ROOT_VARIABLE
from mammo.cli.commands import run
from mammo.cli.hydra_app import PLACES, command
from mammo.geometry import Frame
from mammo.machine import usable_cores
from mammo.records import MammoError, did_you_mean
from mammo.store.store_header import TABLE, DataSet
from mammo.text import print_text

if TYPE_CHECKING:  # heavy: each function imports what it needs, after the command line is checked
    from mammo.ingestion.sources import Mode
    from mammo.ingestion.worker import Recipe

PHANTOM = "phantom"
"""The choice of conf/data that stands for the demo's cohort."""

QUARANTINED = 3
"""Exit status when the ingest is done, but at least one file was rejected, unless accept_rejections=true."""

TABLE_KEYS = ("lesions", "images", "labels", "columns", "label_source", "skip_absent")
"""Keys of data= that say how a user's own tables are read; they are not options of the source that a store keeps."""


def check(cfg: DictConfig) -> None:
    """Check that the source, its adapter, its table of patients and the flags of `allow` exist; MammoError if not."""
    from mammo.intake.adapters import check_source
    from mammo.intake.outcomes import Flag
    from mammo.intake.patients import patients_file

    check_source(cfg.data.adapter, Path(cfg.data.source))
    if cfg.data.get("patients"):
        patients_file(Path(cfg.data.source), cfg.data.patients)
    for name in cfg.allow:
        if name not in set(Flag):
            raise MammoError(
                f"allow=[{','.join(cfg.allow)}]: {name} is not a flag{did_you_mean(name, Flag)}: choose from "
                f"{', '.join(Flag)}"
            )


def task(cfg: DictConfig) -> None:
    """Read the source, ingest its files into the store, and print the number of files by outcome."""
    from mammo.ingestion.result_lines import published_lines, result_lines
    from mammo.ingestion.run import ingest_cohort, ingest_shard
    from mammo.ingestion.shard import Shard
    from mammo.ingestion.shard_request import keep_request, shard_digest
    from mammo.ingestion.sources import planned_sources
    from mammo.ingestion.worker import PRELOAD
    from mammo.intake.adapters import read_cohort
    from mammo.intake.dicom_decode import check_decoders
    from mammo.intake.gray_values import PixelOptions
    from mammo.intake.outcomes import Verdict, counts
    from mammo.intake.patients import patients_file, with_patients
    from mammo.intake.sandbox import Workers

    check_decoders()
    started = time.monotonic()
    check_place(cfg, HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices["data"])
    mode, recipe = _mode(cfg), _recipe(cfg)
    if (recipe.store / "store.json").is_file():
        planned_sources(recipe, mode)  # before the source is read, which can take long
    processes = usable_cores() if cfg.processes is None else cfg.processes
    shard = None if cfg.shard is None else Shard(cfg.shard, cfg.shards)
    request = shard_digest(cfg) if shard else ""
    workers = Workers(processes, wanted=shard.holds if shard else None, preload=PRELOAD)
    options = PixelOptions.split(recipe.data_set.options)[1]
    cohort = read_cohort(cfg.data.adapter, recipe.source, workers, **_tables(cfg), **options)
    if cfg.data.get("patients"):
        cohort = with_patients(cohort, patients_file(recipe.source, cfg.data.patients))
    if shard:
        n_files = ingest_shard(recipe, cohort, shard, processes, mode)
        keep_request(cfg, request)
        done = f"shard {cfg.shard} of {cfg.shards} is done, {n_files} files"
        print_text(f"{recipe.store}: {done}; ingest without shard= merges them")
        return
    result = ingest_cohort(recipe, cohort, processes, tuple(cfg.allow), mode)
    for line in (*result_lines(recipe, result, time.monotonic() - started), *published_lines(cohort)):
        print_text(line)
    rejected = counts(result.outcomes)[Verdict.REJECTED]
    if rejected and not cfg.accept_rejections and HydraConfig.get().mode == RunMode.RUN:
        sys.exit(QUARANTINED)


def check_place(cfg: DictConfig, words: Sequence[str], data: str) -> None:
    """Check that data of the user's own go to a place that the user names, not into the demo.

    Args:
        cfg: the composed configuration.
        words: the user's overrides.
        data: the choice of conf/data.

    Raises:
        MammoError: neither root=, store= nor MAMMO_ROOT is given, and the data are not the demo's phantoms.
    """
    given = {word.lstrip("+").partition("=")[0] for word in words}
    own = data != PHANTOM or bool(given & {"data.source", "data.name", "data.adapter"})
    if own and not given & set(PLACES) and not os.environ.get(ROOT_VARIABLE):
        raise MammoError(f"root= is missing, and {cfg.root} is the demo's: give root=runs/NAME for data={data}")


def _mode(cfg: DictConfig) -> "Mode":
    from mammo.ingestion.sources import Mode

    if cfg.append and cfg.overwrite:
        raise MammoError("append=true adds a source to the store, overwrite=true replaces what is there: give one")
    return Mode.APPEND if cfg.append else Mode.OVERWRITE if cfg.overwrite else Mode.CONTINUE


def _recipe(cfg: DictConfig) -> "Recipe":
    from mammo.ingestion.worker import Recipe
    from mammo.intake.gray_values import PixelOptions

    options = OmegaConf.to_container(cfg.data.options, resolve=True) if cfg.data.get("options") else {}
    preset = HydraConfig.get().runtime.choices["frame"]
    data_set = DataSet(cfg.data.name, cfg.data.adapter, preset, options=cast(dict[str, object], options))
    frame = Frame(cfg.frame.height, cfg.frame.width, cfg.frame.cell_px)
    pixels, _ = PixelOptions.split(data_set.options)
    source, store, scale = Path(cfg.data.source), Path(cfg.store), cfg.data.scale
    if pixels.pixel_spacing is not None and scale != "auto":
        raise MammoError("data.options.pixel_spacing is used by data.scale=auto only: give both or neither")
    if scale == "auto":
        if not cfg.data.get("spacing_mm"):
            raise MammoError(f"data.scale=auto: {cfg.data.name} states no pixel spacing: give data.scale a number")
        scale, pixels = frame.fineness, replace(pixels, spacing_mm=cfg.data.spacing_mm / frame.fineness)
    return Recipe(source, store, frame, float(scale), data_set=data_set, pixels=pixels)


def _tables(cfg: DictConfig) -> dict[str, Any]:
    """What the configuration says about the user's own tables.

    Raises:
        MammoError: it says something, but the data set has tables of its own.
    """
    given = {key: cfg.data[key] for key in TABLE_KEYS if cfg.data.get(key)}
    if given and cfg.data.adapter != TABLE.adapter:
        raise MammoError(f"data.{next(iter(given))} is for data=table only: {cfg.data.name} has tables of its own")
    return {key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in given.items()}


main = command("ingest", check=check)(task)

if __name__ == "__main__":
    run(main)
