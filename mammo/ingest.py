"""python -m mammo.ingest: ingests the images of any source into a store.

python -m mammo.ingest                                     the phantom cohort of runs/demo
python -m mammo.ingest data=table data.source=FOLDER root=runs/mine
python -m mammo.ingest --multirun hydra/launcher=submitit_slurm 'shard=range(64)' ...   then the same without shard=
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.cores import usable_cores
from mammo.geometry import Frame
from mammo.ingestion.quarantine import QUARANTINE
from mammo.ingestion.run import ingest_cohort, ingest_shard
from mammo.ingestion.shard import Shard
from mammo.ingestion.worker import PRELOAD, Recipe
from mammo.intake.adapters import check_source, read_cohort
from mammo.intake.dicom_decode import check_decoders
from mammo.intake.outcomes import Flag, Verdict, counts
from mammo.intake.sandbox import Workers
from mammo.records import Cohort, Count, MammoError, did_you_mean
from mammo.store.store_header import DataSet

QUARANTINED = 3
"""Exit status when the ingest is done, but at least one file was rejected."""

TOLERANCE = 0.01
"""Relative difference from a published number that is not reported."""


def check(cfg: DictConfig) -> None:
    """Check that the source, its adapter and the flags of `allow` exist; MammoError where one does not."""
    check_source(cfg.data.adapter, Path(cfg.data.source))
    for name in cfg.allow:
        if name not in set(Flag):
            raise MammoError(
                f"allow=[{','.join(cfg.allow)}]: {name} is not a flag{did_you_mean(name, Flag)}: choose from "
                f"{', '.join(Flag)}"
            )


def task(cfg: DictConfig) -> None:
    """Read the source, ingest its files into the store, and print the number of files by outcome."""
    check_decoders()
    started = time.monotonic()
    source, store = Path(cfg.data.source), Path(cfg.store)
    frame = Frame(cfg.frame.height, cfg.frame.width, cfg.frame.cell_px)
    processes = usable_cores() if cfg.processes is None else cfg.processes
    shard = None if cfg.shard is None else Shard(cfg.shard, cfg.shards)
    workers = Workers(processes, wanted=shard.holds if shard else None, preload=PRELOAD)
    cohort = read_cohort(cfg.data.adapter, source, workers, **cfg.data.get("options", {}))
    data_set = DataSet(cfg.data.name, cfg.data.adapter, HydraConfig.get().runtime.choices["frame"])
    recipe = Recipe(source, store, frame, float(cfg.data.scale), data_set=data_set)
    if shard:
        n_files = ingest_shard(recipe, cohort, shard, processes)
        print(f"{store}: shard {cfg.shard} of {cfg.shards} is done, {n_files} files; ingest without shard= merges them")
        return
    result = ingest_cohort(recipe, cohort, processes, tuple(cfg.allow))
    seconds, found = time.monotonic() - started, counts(result.outcomes)
    labels = result.manifest.lesions["label"]
    print(
        f"{store}: {len(result.outcomes)} files, {', '.join(f'{n} {verdict}' for verdict, n in found.items())}; "
        f"{(labels == 'malignant').sum()} malignant and {(labels == 'benign').sum()} benign lesions; "
        f"{seconds:.1f} s, {len(result.outcomes) / seconds:.1f} images/s"
    )
    for line in published_lines(cohort):
        print(line)
    if found[Verdict.ACCEPTED] < len(result.outcomes):
        print(f"all other files, with reason and remedy: {store / QUARANTINE}")
    if result.lost_lesions:
        print(f"{result.lost_lesions} lesions are on rejected images")
    if found[Verdict.REJECTED] and HydraConfig.get().mode == RunMode.RUN:
        sys.exit(QUARANTINED)


def published_lines(cohort: Cohort) -> Iterator[str]:
    """Yield a line for each published number and for each reason that left out outlines, and the adapter's notes."""
    for count in cohort.counts:
        yield f"{count.what}: {count.found:,} found, {count.published:,} published{_difference(count)}"
    reasons = [lesion.reason for lesion in cohort.left_out]
    for reason in sorted(set(reasons)):
        yield f"{reasons.count(reason)} lesions left out: {reason}"
    yield from cohort.notes


def _difference(count: Count) -> str:
    difference = abs(count.found - count.published) / max(count.published, 1)
    if difference <= TOLERANCE:
        return ""
    return f" (differs by {difference:.0%}: a part of the data set, or files are missing)"


main = command("ingest", check=check)(task)

if __name__ == "__main__":
    main()
